/*
 * The one way to block. Every primitive is written with it:
 *
 *     struct green__waiter waiter;
 *
 *     green__waiter_init(&waiter, &kind);
 *     put the waiter where whoever provides what is waited for will find it;
 *     if (green__park(&waiter) < 0)
 *         take it away again and fail with errno;
 *
 * and on the other side, on the same OS thread,
 *
 *     take it away; green__wake(&waiter);
 *
 * The waiter lives on the blocked stack. A park ends by a wake or by an
 * interrupt, and says which: 0 or -1. A wake always counts: once woken, a kill or
 * a timeout no longer undoes what the waker handed over; and one who was
 * interrupted, but whose waiter is found and woken before it has run, was woken.
 * (A kill or a timeout is not lost by that: the next park fails.) Once its park
 * has returned -1 the waiter must not be woken any more, which taking it away
 * ensures; and whoever wakes takes it away first, so that nobody is woken twice.
 */
#ifndef GREEN_PARK_H
#define GREEN_PARK_H

#include "greenthread/thread.h"

/* Never switches. Makes this thread's hub if there is none yet. */
void green__waiter_init(struct green__waiter *waiter,
                        const struct green__wait_kind *kind);

/*
 * Parks the calling greenthread until green__wake. Returns 0 when woken, or -1
 * with ECANCELED (killed), ETIMEDOUT (a scope's timeout fired), EDEADLK (called
 * from a hub's callback), or what making a hub failed with. It returns -1 at
 * once if the greenthread is killed or timed out already, and not shielded.
 */
int green__park(struct green__waiter *waiter);

/*
 * The same with a deadline of the hub's clock; GREEN_FOREVER: none. -1 with EAGAIN
 * when it has come, which no shield keeps off.
 */
int green__park_until(struct green__waiter *waiter, green_time deadline);

/* Makes a parked greenthread runnable. Never switches. */
void green__wake(struct green__waiter *waiter);

#endif
