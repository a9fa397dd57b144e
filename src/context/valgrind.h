/* Tells valgrind, if the program runs under it, where a stack lies. */
#ifndef GREEN_VALGRIND_H
#define GREEN_VALGRIND_H

#include <stdbool.h>

/* Whether the program runs under it: it warns of system calls that it does not
 * know. */
bool green__valgrind_is_here(void);

/*
 * Once for each stack, when it is first used. The variants are sibling files:
 * valgrind_known.c where valgrind's header was there to build with.
 */
void green__valgrind_stack(void *bottom, void *top);

#endif
