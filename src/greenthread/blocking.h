/* Reports of greenthreads that keep their OS thread. */
#ifndef GREEN_BLOCKING_H
#define GREEN_BLOCKING_H

#include <stdatomic.h>

/* Begins them if the environment asks for them. */
void green__blocking_begin(void);

/*
 * Starts an OS thread of the library, without signals, that never ends. *process
 * is where that is noted: the process that has it. Returns 0, also if there is
 * one already, or -1 with EAGAIN.
 */
int green__helper_start(atomic_int *process, void *(*fn)(void *));

#endif
