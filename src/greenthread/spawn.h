/* Spawning, as the rest of the library does it: with a record on the stack. */
#ifndef GREEN_SPAWN_H
#define GREEN_SPAWN_H

#include "greenthread/thread.h"

/*
 * A joinable greenthread that is in no run queue yet, with a record of so many
 * bytes, which its caller fills in. NULL as green_spawn.
 */
struct green_thread *green__spawn_make(void *(*fn)(void *), void *arg,
                                       size_t record, void *spawned_at);

/* The same. It runs fn(record), and its end calls ended(thread, record), as by
 * green_link. */
struct green_thread *
green__spawn_prepare(void *(*fn)(void *record), size_t size,
                     void (*ended)(struct green_thread *thread, void *record),
                     void *spawned_at);

/* Into the run queue. */
void green__spawn_start(struct green_thread *thread);

/* Memory has run out before the start. Returns NULL, with ENOMEM. */
struct green_thread *green__spawn_undo(struct green_thread *thread);

#endif
