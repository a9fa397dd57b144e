/*
 * Carriers: the OS threads that carry a program's threads. Each has a hub, and a
 * thread stays on the carrier that it was dealt to. With GREENHUB_PATCH_THREADS
 * above 1 new threads go to the carrier that has the fewest; else each stays
 * with its creator.
 *
 * A greenthread belongs to its OS thread: another one must not wake, name or
 * interrupt it. It asks the thread's carrier instead:
 *
 *     pthread_cancel(x) -> green__carrier_ask -> the inbox of x's carrier
 *                                             -> its hub calls answer()
 *
 * A carrier lives for ever, since another OS thread may look at it at any time;
 * one whose OS thread has ended is used again.
 */
#ifndef GREEN_PATCH_CARRIER_H
#define GREEN_PATCH_CARRIER_H

#include <greenhub/hub.h>
#include <pthread.h>
#include <stdatomic.h>

#include "greenthread/thread.h"
#include "patch/mask.h"

struct green__pthread;
struct green__scheduler;
struct green__tls_home;
struct green__waiter;

/* What a thread's carrier is asked for: bits of green__pthread.asked. */
enum green__asked {
    GREEN__ASKED_START = 1,
    GREEN__ASKED_CANCEL = 2,
    GREEN__ASKED_SIGNAL = 4,
    GREEN__ASKED_NAME = 8,
};

struct green__carrier {
    struct green__carrier *next;                  /* of all */
    _Atomic(struct green__scheduler *) scheduler; /* NULL: it is free */
    pthread_t os_thread;
    struct green__tls_home *home; /* for green__tls_make; or NULL */
    bool dealt;                   /* new threads may go there */
    atomic_uint load;             /* threads that it carries, main included */

    /* Of its OS thread, and of the greenthread that this thread began as. */
    green__signals mask_applied, main_mask;
    bool main_counts; /* main_mask is one of the masks (mask.c) */

    /* How others reach it, as in post.c. */
    _Atomic(struct green_hub *) hub; /* NULL: closed */
    atomic_uint askers;              /* inside a call that uses `hub` */
    struct green__hub_ref hub_ref;
    struct green_call call;
    _Atomic(struct green__pthread *) asked; /* the inbox, newest first */

    struct green__pthread *late; /* for which there was no memory yet */
    struct green_timer try_again;
    struct green__waiter *idle; /* where one that was started waits */
    atomic_bool ends;

    /* For the report: the OS thread as the kernel knows it; whether it is
     * watched; odd while it is in a timed call; how long a greenthread has
     * computed, if it was asked where. */
    const struct green__self *self;
    pid_t kernel_id;
    clockid_t clock;
    atomic_bool watched;
    atomic_uint timed;
    _Atomic(green_time) asked_where;
};

/* Before the first thread, on main's OS thread. 0, or -1 with errno. */
int green__carriers_prepare(void);

/* The calling OS thread's, made if need be. NULL if it has no greenthreads, or
 * there is no memory. */
struct green__carrier *green__carrier_here(void);

/* Whether its greenthreads are the caller's OS thread's. */
bool green__carrier_is_here(const struct green__carrier *carrier);

/* All of them, by `next`. */
struct green__carrier *green__carriers_first(void);

/* For a new thread, which counts from now on. May start an OS thread. NULL as
 * green__carrier_here. */
struct green__carrier *green__carrier_choose(void);
void green__carrier_leave(struct green__carrier *carrier);

/* Asks the thread's carrier. Async-signal-safe. */
void green__carrier_ask(struct green__pthread *it, unsigned what);

/* Has all other carriers take over the mask of mask.c. */
void green__carriers_take_mask(void);

/* How many OS threads new threads are dealt to, so far. */
unsigned green__carriers_count(void);

/* Main ends, after all others: ends the OS threads that were started. */
void green__carriers_end(void);

#endif
