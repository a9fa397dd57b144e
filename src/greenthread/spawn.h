/* Spawning for the rest of the library: with a record on the stack. */
#ifndef GREEN_SPAWN_H
#define GREEN_SPAWN_H

#include "greenthread/thread.h"

/*
 * Makes a joinable greenthread that is in no run queue yet, with a record of
 * `record` bytes, which the caller fills in. NULL as green_spawn.
 */
GREEN__PRIVATE struct green_thread *green__spawn_make(void *(*fn)(void *),
                                                      void *arg, size_t record,
                                                      void *spawned_at);

/* The same. The greenthread runs fn(record), and its end calls ended(thread,
 * record), as by green_link. */
struct green_thread *
green__spawn_prepare(void *(*fn)(void *record), size_t size,
                     void (*ended)(struct green_thread *thread, void *record),
                     void *spawned_at);

/*
 * As green_spawn_n with attributes, but not started yet, and with an identity.
 * NULL as green_spawn_with.
 */
GREEN__PRIVATE struct green_thread *
green__spawn_make_as(struct green__identity *identity,
                     const struct green_attr *attr, void (*fn)(void *),
                     void *arg);

/* Puts the greenthread into the run queue. */
GREEN__PRIVATE void green__spawn_start(struct green_thread *thread);

/* Frees a greenthread that was not started, when memory has run out. Returns
 * NULL, with ENOMEM. */
GREEN__PRIVATE struct green_thread *
green__spawn_undo(struct green_thread *thread);

#endif
