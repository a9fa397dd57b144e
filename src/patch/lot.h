/*
 * The parking lot: where greenthreads of all OS threads wait for locks of
 * libc's, which have no room for a list. A wait is known by the lock's address.
 *
 * No wake-up is lost, whoever wakes: greenthread or OS thread.
 *
 *     waiter                                waker
 *     ------                                -----
 *     enters the lot at the address         releases the lock in libc
 *     (a full barrier)                      (a full barrier)
 *     tries again, and leaves if it works   looks whether the lot has waiters
 *     parks                                 takes the first, and wakes it
 *
 * Waits may be in vain: after each one the waiter tries again.
 */
#ifndef GREEN_PATCH_LOT_H
#define GREEN_PATCH_LOT_H

#include <limits.h>

#include "sync/visit.h"

#define GREEN__LOT_BUCKETS 1024 /* a power of two */
#define GREEN__LOT_ALL UINT_MAX

struct green__lot_bucket {
    struct green__shared shared;
    struct green_list line; /* of places; place->value is the address */
    atomic_uint waiting;    /* since enter, until park or leave returns */
};

extern struct green__lot_bucket green__lot[GREEN__LOT_BUCKETS];

/* Before the first wait. 0, or -1 with errno. */
int green__lot_prepare(void);

/*
 * The calling greenthread enters the lot. 0, or -1 with ENOMEM. After it, and
 * without a switch in between, exactly one of park and leave.
 */
int green__lot_enter(struct green__shared_place *place, const void *address,
                     const struct green__wait_kind *kind);

/* Waits. 0 when woken; -1 with EAGAIN at the deadline, and as green__park. */
int green__lot_park(struct green__shared_place *place, green_time deadline);

/* The same, and no kill or timeout ends it: 0, or -1 with EAGAIN, or EINTR. */
int green__lot_park_shielded(struct green__shared_place *place,
                             green_time deadline);

/* Does not wait. Returns whether it was woken meanwhile: that wake-up was meant
 * for a waiter, so it may have to be passed on. */
bool green__lot_leave(struct green__shared_place *place);

/* Wakes at most this many waiters; returns how many. Any OS thread. */
unsigned green__lot_wake_slow(const void *address, unsigned most);

static inline struct green__lot_bucket *green__lot_bucket(const void *address)
{
    return &green__lot[((uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15)) >>
                       54];
}

/* After the lock was released. */
static inline unsigned green__lot_wake(const void *address, unsigned most)
{
    atomic_thread_fence(memory_order_seq_cst);
    if (green__likely(atomic_load_explicit(&green__lot_bucket(address)->waiting,
                                           memory_order_relaxed) == 0))
        return 0;
    return green__lot_wake_slow(address, most);
}

#endif
