/*
 * What the C library takes a greenthread for. By default all greenthreads of an
 * OS thread have its thread-local data and its thread id. The library that makes
 * a program's threads green (src/patch/) gives each an identity, and each its
 * own thread id; the switch does what is needed, and only if anybody needs it.
 */
#ifndef GREEN_IDENTITY_H
#define GREEN_IDENTITY_H

#include <stdint.h>

#include "base/attributes.h"

struct green__scheduler;
struct green_thread;

struct green__identity {
    /* its thread control block; NULL: the OS thread's */
    void *thread_pointer;
    /* May be NULL. Called once when the greenthread is freed, which never
     * happens under its thread control block. */
    void (*release)(struct green__identity *identity);
};

/* What the switch has to look after, bits of green__scheduler.carries. */
enum green__carry {
    GREEN__CARRIES_EXCEPTIONS = 1, /* a C++ runtime is loaded */
    GREEN__CARRIES_IDENTITIES = 2, /* os_thread_pointer is set */
    GREEN__CARRIES_TIDS = 4,       /* tid_place is set */
    GREEN__CARRIES_GAUGE = 8,      /* somebody watches: gauge.h */
    GREEN__CARRIES_TRACE = 16,     /* greenthread/trace.h */
};

/* Has each greenthread use the thread pointer of its identity. Call it under
 * the OS thread's. */
GREEN__PRIVATE void green__identities_begin(struct green__scheduler *s);

/*
 * Has the switch store into *place, from which the C library reads the OS
 * thread's id, a number of its own for each greenthread. `os_tid` is the id,
 * which main and the hub's context keep.
 */
GREEN__PRIVATE void green__tids_begin(struct green__scheduler *s, int *place,
                                      int os_tid);

/*
 * Gives an identity to a greenthread that has none and has not started, or to
 * the calling one. In the calling one thread-local data that the compiler has
 * found before the call are still the old ones after it.
 */
GREEN__PRIVATE void green__identity_set(struct green__scheduler *s,
                                        struct green_thread *thread,
                                        struct green__identity *identity);

/* The ids of greenthreads start here, above those that the kernel gives (at
 * most 2^22), and end below the flags in the futex of a mutex (2^30). */
#define GREEN__TID_FIRST 0x20000000

/* Frees what the identity has, if it has anything. */
static inline void green__identity_release(struct green__identity *identity)
{
    if (identity && identity->release)
        identity->release(identity);
}

/* In a forked child, which has another id: the forking greenthread keeps its
 * own. */
void green__identity_forked(struct green__scheduler *s);

#endif
