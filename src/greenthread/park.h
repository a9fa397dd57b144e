/*
 * The one way to block. Every primitive blocks with it:
 *
 *     struct green__waiter waiter;
 *
 *     green__waiter_init(&waiter, &kind);
 *     put the waiter where its waker will find it;
 *     if (green__park(&waiter) < 0)
 *         remove the waiter and fail with errno;
 *
 * and the waker, on the same OS thread, does
 *
 *     remove the waiter; green__wake(&waiter);
 *
 * The waiter lies on the stack of the blocked greenthread. green__park returns
 * 0 after a wake-up and -1 after an interrupt. A wake-up always counts: after
 * it, a kill or timeout does not take back what the waker passed on; and if a
 * waker finds and wakes the waiter of an interrupted greenthread that has not
 * run yet, green__park returns 0. (The kill or timeout is not lost: the next
 * park fails.) Once green__park has returned -1, no caller may wake the waiter;
 * removing it ensures that. A waker removes the waiter before waking it, so
 * that it is woken only once.
 */
#ifndef GREEN_PARK_H
#define GREEN_PARK_H

#include "greenthread/thread.h"

/* Never switches. Makes this OS thread's hub if there is none yet. */
GREEN__PRIVATE void green__waiter_init(struct green__waiter *waiter,
                                       const struct green__wait_kind *kind);

/*
 * Parks the calling greenthread until green__wake. Returns 0 when woken, or -1
 * with ECANCELED (killed), ETIMEDOUT (a timeout around it fired), EDEADLK (the
 * caller is a hub's callback), or the error of making a hub. It returns -1 at
 * once if the greenthread is killed or timed out already, and not shielded.
 */
GREEN__PRIVATE int green__park(struct green__waiter *waiter);

/*
 * The same with a deadline on the hub's clock; GREEN_FOREVER: none. At the
 * deadline it returns -1 with EAGAIN, shielded or not.
 */
GREEN__PRIVATE int green__park_until(struct green__waiter *waiter,
                                     green_time deadline);

/* Makes a parked greenthread runnable. Never switches. */
GREEN__PRIVATE void green__wake(struct green__waiter *waiter);

#endif
