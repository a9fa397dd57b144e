/*
 * How a call begins and ends that may switch, though most of the time it need not
 * wait: it fails with a kill or a timeout that has come, and it counts against the
 * budget, so that a loop of such calls keeps nobody waiting (scheduler.c).
 */
#ifndef GREEN_CALL_H
#define GREEN_CALL_H

#include <limits.h>
#include <sys/types.h>

#include "greenthread/scheduler.h"

/*
 * What a call costs of the budget that has not waited, in hand-overs: one that only
 * changes memory, and one that makes a system call, with so many bytes a hand-over
 * besides. One that may have asked a disk: nobody knows, so the clock is looked at.
 */
#define GREEN__COST_CALL 1
#define GREEN__COST_SYSTEM_CALL 4
#define GREEN__COST_BYTES 4096
#define GREEN__COST_DISK 256

/* Of a large transfer, besides. */
static inline int green__cost_of(ssize_t size)
{
    ssize_t cost = size / GREEN__COST_BYTES;

    return cost < INT_MAX / 2 ? (int)cost : INT_MAX / 2;
}

int green__call_refused(struct green_thread *thread);
void green__call_ends_first(void);

/*
 * Every call that may switch begins with it, before it does anything. 0; or -1 with
 * ECANCELED or ETIMEDOUT, when a kill or a timeout has come that no call of this
 * greenthread has failed with yet. Never switches.
 */
static inline int green__call_begins(void)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(s && s->current->alarms))
        return green__call_refused(s->current);
    return 0;
}

/*
 * ... and ends with it, if it has not waited: a loop of such calls is not to keep
 * the hub and other greenthreads waiting. May switch; leaves errno alone.
 */
static inline void green__call_ends(int cost)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(!s)) {
        green__call_ends_first();
        return;
    }
    s->limit -= cost;
    if (green__unlikely(s->switches >= s->limit) || green__chaos(4))
        green__make_way(s);
}

/* The same around a result. */
static inline int green__call_done(int result)
{
    green__call_ends(GREEN__COST_CALL);
    return result;
}

/* A whole call that finds nothing to do: a loop of them ends too. As
 * green__call_begins. */
static inline int green__call_nothing(void)
{
    return green__call_begins() < 0 ? -1 : green__call_done(0);
}

#endif
