/* Tells valgrind, if the program runs under it, where stacks lie. */
#ifndef GREEN_VALGRIND_H
#define GREEN_VALGRIND_H

#include <stdbool.h>

/* Whether the program runs under valgrind, which warns of system calls that it
 * does not know. */
bool green__valgrind_is_here(void);

/*
 * Registers a stack. Call it once for each, before its first use. Built with
 * valgrind's header, the library has valgrind_known.c, else valgrind_none.c.
 */
void green__valgrind_stack(void *bottom, void *top);

#endif
