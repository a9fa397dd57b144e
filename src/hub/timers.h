/*
 * Timers: a radix heap. Arming and cancelling are O(1), without allocation.
 *
 * `last` is a time that no pending timer lies before (earlier ones count as due
 * at `last`). A timer for `when` is in bucket
 *
 *     0                                    if when == last
 *     1 + index of the highest bit in which when and last differ      else
 *
 * so all of a lower bucket come before all of a higher one, and timers of equal
 * time are always in the same bucket, in the order of arming. To fire, `last` is
 * moved to the earliest time of the lowest bucket, whose timers then move to
 * lower buckets; no timer moves more often than a time has bits.
 *
 * `early` of a bucket is a time that none of it lies before: exact while timers
 * are added; after the earliest was cancelled, the next move makes it exact.
 */
#ifndef GREEN_TIMERS_H
#define GREEN_TIMERS_H

#include <greenhub/hub.h>

#define GREEN__TIMER_BUCKETS 64

struct green__timer_bucket {
    struct green_timer *first, *last;
    green_time early;
    bool exact;
};

struct green__timers {
    green_time last;
    uint64_t used; /* bit n: bucket n is not empty */
    struct green__timer_bucket buckets[GREEN__TIMER_BUCKETS];
    /* Armed while timers fire: they join the others afterwards. */
    struct green__timer_bucket fresh;
    bool firing;
};

void green__timers_init(struct green__timers *timers, green_time now);

/* when >= 0; the timer is not pending. */
void green__timers_add(struct green__timers *timers, struct green_timer *timer,
                       green_time when);

/* Returns false if it was not pending. */
bool green__timers_remove(struct green__timers *timers,
                          struct green_timer *timer);

/* A time that none is due before; GREEN_FOREVER if there is none. */
green_time green__timers_next(struct green__timers *timers);

/*
 * Fires all that are due at `now`; returns how many. It stops when *stop is set
 * by a callback, and then touches `timers` no more.
 */
size_t green__timers_fire(struct green__timers *timers, green_time now,
                          const bool *stop);

/* The hub ends: none is pending any more. */
void green__timers_forget(struct green__timers *timers);

#endif
