/*
 * OS threads in the parking lot. libc's waits for a condition release the mutex
 * inside libc, which cannot wake the greenthreads that wait for the mutex; and
 * those for a barrier count arrivals where greenthreads cannot. So once locks
 * are patched, OS threads wait for these in the lot too, each on a semaphore of
 * its own. The lot then has all who wait, in the order in which they came.
 */
#ifndef GREEN_PATCH_LOT_NATIVE_H
#define GREEN_PATCH_LOT_NATIVE_H

#include <semaphore.h>
#include <time.h>

#include "patch/lot.h"

struct green__lot_native {
    struct green__lot_place in_lot; /* in_lot.place.mailbox is NULL */
    sem_t woken;
};

/* After it, exactly one of wait and leave. */
void green__lot_enter_native(struct green__lot_native *here,
                             const void *address);

/* As green__lot_meet. */
bool green__lot_meet_native(struct green__lot_native *here, const void *address,
                            unsigned *arrived, unsigned count);

/* Blocks the OS thread. 0, or ETIMEDOUT; `until` may be NULL. A cancellation
 * point: if the OS thread is cancelled in it, call leave. */
int green__lot_wait_native(struct green__lot_native *here, clockid_t clock,
                           const struct timespec *until);

/* As green__lot_leave. */
bool green__lot_leave_native(struct green__lot_native *here);

/* The waker's side, under the address's lock. */
void green__lot_wake_native(struct green__lot_place *place);

#endif
