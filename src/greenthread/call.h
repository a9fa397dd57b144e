/*
 * The beginning and end of each call that may switch, though most calls need
 * not wait: it fails if a kill or timeout is pending, and it counts against the
 * budget, so that a loop of such calls does not keep others waiting
 * (scheduler.c).
 */
#ifndef GREEN_CALL_H
#define GREEN_CALL_H

#include <limits.h>
#include <sys/types.h>

#include "greenthread/scheduler.h"

/*
 * What a call that has not waited costs of the budget, in switches: a call that
 * only changes memory; a call that makes a system call, and the bytes that cost
 * one more switch. A call that may have accessed a disk takes an unknown time,
 * so it uses up the budget and the clock is read.
 */
#define GREEN__COST_CALL 1
#define GREEN__COST_SYSTEM_CALL 4
#define GREEN__COST_BYTES 4096
#define GREEN__COST_DISK 256

/* The additional cost of a large transfer. */
static inline int green__cost_of(ssize_t size)
{
    ssize_t cost = size / GREEN__COST_BYTES;

    return cost < INT_MAX / 2 ? (int)cost : INT_MAX / 2;
}

GREEN__PRIVATE int green__call_refused(struct green_thread *thread);
GREEN__PRIVATE void green__call_ends_first(void);

/*
 * Every call that may switch calls this before it does anything. Returns 0; or
 * -1 with ECANCELED or ETIMEDOUT, when a kill or timeout has come and no call
 * of this greenthread has failed with it yet. Never switches.
 */
static inline int green__call_begins(void)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(s && s->current->alarms))
        return green__call_refused(s->current);
    return 0;
}

/*
 * And every such call ends with this, if it has not waited, so that a loop of
 * such calls does not keep the hub and other greenthreads waiting. May switch;
 * preserves errno.
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

/* The same, and returns `result`. */
static inline int green__call_done(int result)
{
    green__call_ends(GREEN__COST_CALL);
    return result;
}

/* Lets others run if the budget is used up, and then begins a call. For calls that
 * take what other OS threads may want too: a caller that is dropped with its hub
 * while others run has taken nothing yet. As green__call_begins, but may switch. */
static inline int green__call_yields_and_begins(void)
{
    green__call_ends(GREEN__COST_CALL);
    return green__call_begins();
}

/* A complete call that finds nothing to do, so that a loop of them ends too. As
 * green__call_begins. */
static inline int green__call_nothing(void)
{
    return green__call_begins() < 0 ? -1 : green__call_done(0);
}

#endif
