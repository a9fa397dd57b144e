/*
 * Timers: a radix heap with digits of six bits. Arming and cancelling are O(1),
 * without allocation.
 *
 * `last` is a time such that no pending timer lies before it (a timer for an
 * earlier time counts as due at `last`). A timer for `when` is kept at the
 * level of the highest digit in which `when` and `last` differ, 0 if they are
 * equal, in the bucket of its own digit there. So
 *
 * - all timers of a lower level come before all of a higher one, and within a
 *   level the buckets come in the order of their digits;
 * - all timers in a bucket of level 0 have the same time;
 * - timers of equal time are always in the same bucket, in the order of arming.
 *
 * To fire timers, `last` moves into the first bucket of the lowest non-empty
 * level, whose timers thereby move to lower levels. No timer moves more often
 * than a time has digits: for a million timers within a second, about four
 * times. (With digits of one bit it was twenty times, most of them a cache
 * miss: firing took 876 ns a timer.)
 *
 * A bucket's `early` is a time such that none of its timers lies before it. It
 * is exact while timers are added; after the earliest was cancelled, the next
 * move makes it exact.
 */
#ifndef GREEN_TIMERS_H
#define GREEN_TIMERS_H

#include <greenhub/hub.h>

#define GREEN__DIGIT_BITS 6
#define GREEN__DIGITS (1 << GREEN__DIGIT_BITS)
#define GREEN__LEVELS ((63 + GREEN__DIGIT_BITS - 1) / GREEN__DIGIT_BITS)

struct green__timer_bucket {
    struct green_timer *first, *last;
    green_time early;
    bool exact;
};

struct green__timers {
    green_time last;
    unsigned levels;              /* bit n: level n is not empty */
    uint64_t used[GREEN__LEVELS]; /* bit n: its bucket n is not empty */
    struct green__timer_bucket buckets[GREEN__LEVELS][GREEN__DIGITS];
    /* Armed while timers fire; added to the buckets afterwards. */
    struct green__timer_bucket fresh;
    bool firing;
};

void green__timers_init(struct green__timers *timers, green_time now);

/* Arms a timer that is not pending; when >= 0. */
void green__timers_add(struct green__timers *timers, struct green_timer *timer,
                       green_time when);

/* Cancels a timer. Returns false if it was not pending. */
bool green__timers_remove(struct green__timers *timers,
                          struct green_timer *timer);

/* Returns a time before which no timer is due; GREEN_FOREVER if there is
 * none. */
green_time green__timers_next(struct green__timers *timers);

/* For a signal handler that interrupts a change: counts the pending timers, one
 * after another; and green__timers_next, which may be too early. */
size_t green__timers_count(const struct green__timers *timers);
green_time green__timers_peek(const struct green__timers *timers);

/*
 * Fires all timers due at `now`; returns how many. If a callback sets *stop, it
 * returns without touching `timers` again.
 */
size_t green__timers_fire(struct green__timers *timers, green_time now,
                          const bool *stop);

/* The hub closes: marks all timers as not pending. */
void green__timers_forget(struct green__timers *timers);

#endif
