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
 * Wake-ups may be spurious: after each one the waiter tries again. OS threads wait
 * natively, but where libc's own wait would release a lock without a word:
 * there they enter the lot too (lot_native.h).
 *
 * Nothing here may be called by a signal handler: see post.h.
 */
#ifndef GREEN_PATCH_LOT_H
#define GREEN_PATCH_LOT_H

#include <limits.h>

#include "patch/release_fence.h"
#include "sync/visit.h"

#define GREEN__LOT_BUCKETS 1024 /* a power of two */
#define GREEN__LOT_ALL UINT_MAX

struct green__lot_bucket {
    struct green__shared shared;
    struct green_list line;
    atomic_uint waiting;      /* since enter, until woken or gone */
    _Atomic(uint64_t) posted; /* post.h: the hubs that wait for semaphores */
};

extern struct green__lot_bucket green__lot[GREEN__LOT_BUCKETS];

struct green__lot_place {
    struct green__shared_place place;
    const void *address; /* NULL: forgotten */
    uint32_t bits;       /* futex(2)'s bitset; all ones elsewhere */
};

/* Before the first wait. 0, or -1 with errno. */
int green__lot_prepare(void);

/*
 * The calling greenthread enters the lot. 0, or -1 with ENOMEM. After it, and
 * without a switch in between, exactly one of park and leave.
 */
int green__lot_enter(struct green__lot_place *place, const void *address,
                     const struct green__wait_kind *kind);

/* Waits. 0 when woken; -1 with EAGAIN at the deadline, and as green__park. */
int green__lot_park(struct green__lot_place *place, green_time deadline);

/* The same, and no kill or timeout ends it: 0, or -1 with EAGAIN, or with the
 * error of a hub that failed. */
int green__lot_park_shielded(struct green__lot_place *place,
                             green_time deadline);

/* Does not wait. Returns whether it was woken meanwhile: that wake-up was meant
 * for a waiter, so it may have to be passed on. */
bool green__lot_leave(struct green__lot_place *place);

/*
 * The calling greenthread enters; or it is the last of `count` that the rest
 * wait for, who are woken: returns 1, and it is not in the lot. 0 if it is; -1
 * with ENOMEM. *arrived is guarded by the address's lock.
 */
int green__lot_meet(struct green__lot_place *place, const void *address,
                    unsigned *arrived, unsigned count,
                    const struct green__wait_kind *kind);

static inline unsigned green__lot_index(const void *address)
{
    return (unsigned)(((uintptr_t)address * UINT64_C(0x9e3779b97f4a7c15)) >>
                      54);
}

static inline struct green__lot_bucket *green__lot_bucket(const void *address)
{
    return &green__lot[green__lot_index(address)];
}

/* ---- Waking ------------------------------------------------------------- */

/* Wakes at most this many waiters that have one of the bits; returns how many.
 * Any OS thread. */
unsigned green__lot_wake_bits(const void *address, unsigned most,
                              uint32_t bits);
unsigned green__lot_wake_slow(const void *address, unsigned most);

static inline bool green__lot_has_waiters(const void *address)
{
    return green__unlikely(
        atomic_load_explicit(&green__lot_bucket(address)->waiting,
                             memory_order_relaxed) != 0);
}

/* After the lock was released by a function of libc's. */
static inline unsigned green__lot_wake(const void *address, unsigned most)
{
    green__release_fence();
    if (!green__lot_has_waiters(address))
        return 0;
    return green__lot_wake_slow(address, most);
}

/* The object is made or destroyed: threads that waited at its address waited for
 * another one, and are not woken for this one. */
void green__lot_forget_slow(const void *address);

static inline void green__lot_forget(const void *address)
{
    if (green__lot_has_waiters(address))
        green__lot_forget_slow(address);
}

/* ---- For lot_native.c and post.c ------------------------------------------ */

/* As green__visit_begin, and makes no mailbox. */
void green__lot_visit(struct green__visit *visit,
                      struct green__lot_bucket *bucket);

void green__lot_wake_place(struct green__visit *visit,
                           struct green__lot_place *place);

/* Within a visit. */
unsigned green__lot_wake_within(struct green__visit *visit, const void *address,
                                unsigned most, uint32_t bits);

#endif
