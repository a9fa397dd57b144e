#include "hub/timers.h"

#include <errno.h>

#include "base/probe.h"
#include "base/trace.h"
#include "hub/hub.h"

/* A timer's state: idle, in a bucket (BUCKET + level * GREEN__DIGITS + digit),
 * or fresh. */
enum {
    IDLE = 0,
    BUCKET = 1,
    FRESH = BUCKET + GREEN__LEVELS * GREEN__DIGITS,
};

/* The most timers read to make a bucket's `early` exact without moving them. */
#define LOOK 32

static unsigned level_for(const struct green__timers *timers, green_time when)
{
    uint64_t difference = (uint64_t)when ^ (uint64_t)timers->last;

    /* Equal times belong to level 0, too. */
    return (unsigned)(63 - __builtin_clzll(difference | 1)) / GREEN__DIGIT_BITS;
}

static unsigned digit_at(green_time when, unsigned level)
{
    return (unsigned)(when >> level * GREEN__DIGIT_BITS) % GREEN__DIGITS;
}

static void push(struct green__timer_bucket *bucket, struct green_timer *timer)
{
    timer->internal.next = NULL;
    timer->internal.prev = bucket->last;
    if (bucket->last)
        bucket->last->internal.next = timer;
    else
        bucket->first = timer;
    bucket->last = timer;
}

static void unlink_timer(struct green__timer_bucket *bucket,
                         struct green_timer *timer)
{
    struct green_timer *next = timer->internal.next;
    struct green_timer *prev = timer->internal.prev;

    if (next)
        next->internal.prev = prev;
    else
        bucket->last = prev;
    if (prev)
        prev->internal.next = next;
    else
        bucket->first = next;
}

static void put(struct green__timers *timers, struct green_timer *timer)
{
    green_time when = timer->when > timers->last ? timer->when : timers->last;
    unsigned level = level_for(timers, when), digit = digit_at(when, level);
    struct green__timer_bucket *bucket = &timers->buckets[level][digit];

    if (!bucket->first) {
        timers->levels |= 1u << level;
        timers->used[level] |= UINT64_C(1) << digit;
        bucket->early = when;
        bucket->exact = true;
    } else if (when < bucket->early) {
        bucket->early = when;
        bucket->exact = true;
    }
    timer->internal.state = (uint16_t)(BUCKET + level * GREEN__DIGITS + digit);
    push(bucket, timer);
}

static void mark_empty(struct green__timers *timers, unsigned level,
                       unsigned digit)
{
    timers->used[level] &= ~(UINT64_C(1) << digit);
    if (!timers->used[level])
        timers->levels &= ~(1u << level);
}

void green__timers_init(struct green__timers *timers, green_time now)
{
    *timers = (struct green__timers){.last = now};
}

void green__timers_add(struct green__timers *timers, struct green_timer *timer,
                       green_time when)
{
    timer->when = when;
    if (green__unlikely(timers->firing)) {
        timer->internal.state = FRESH;
        push(&timers->fresh, timer);
    } else {
        put(timers, timer);
    }
}

bool green__timers_remove(struct green__timers *timers,
                          struct green_timer *timer)
{
    unsigned state = timer->internal.state, level, digit;
    struct green__timer_bucket *bucket;

    if (state == IDLE)
        return false;
    timer->internal.state = IDLE;
    if (state == FRESH) {
        unlink_timer(&timers->fresh, timer);
        return true;
    }
    level = (state - BUCKET) / GREEN__DIGITS;
    digit = (state - BUCKET) % GREEN__DIGITS;
    bucket = &timers->buckets[level][digit];
    unlink_timer(bucket, timer);
    if (!bucket->first)
        mark_empty(timers, level, digit);
    else if (level > 0 && timer->when <= bucket->early)
        bucket->exact = false;
    return true;
}

/* Finds a bucket's earliest time, if it has no more than `limit` timers. */
static bool find_earliest(const struct green__timer_bucket *bucket,
                          unsigned limit, green_time *earliest)
{
    green_time found = GREEN_FOREVER;

    for (const struct green_timer *t = bucket->first; t; t = t->internal.next) {
        if (limit-- == 0)
            return false;
        if (t->when < found)
            found = t->when;
    }
    *earliest = found;
    return true;
}

green_time green__timers_next(struct green__timers *timers)
{
    struct green__timer_bucket *bucket;
    unsigned level;

    if (!timers->levels)
        return GREEN_FOREVER;
    level = (unsigned)__builtin_ctz(timers->levels);
    bucket = &timers->buckets[level][__builtin_ctzll(timers->used[level])];
    if (!bucket->exact)
        bucket->exact = find_earliest(bucket, LOOK, &bucket->early);
    return bucket->early;
}

/* Moves `last` forward into a bucket of the lowest non-empty level, and the
 * bucket's timers to lower levels. */
static void lower(struct green__timers *timers, unsigned level, unsigned digit,
                  green_time now)
{
    struct green__timer_bucket *bucket = &timers->buckets[level][digit];
    struct green_timer *timer = bucket->first;
    green_time earliest = bucket->early;

    if (!bucket->exact)
        find_earliest(bucket, UINT32_MAX, &earliest);
    timers->last = earliest < now ? earliest : now;
    mark_empty(timers, level, digit);
    *bucket = (struct green__timer_bucket){0};
    while (timer) {
        struct green_timer *next = timer->internal.next;

        put(timers, timer);
        timer = next;
    }
}

/* Removes and returns the next due timer; NULL if there is none. */
static struct green_timer *take_due(struct green__timers *timers,
                                    green_time now)
{
    while (timers->levels) {
        unsigned level = (unsigned)__builtin_ctz(timers->levels);
        unsigned digit = (unsigned)__builtin_ctzll(timers->used[level]);
        struct green__timer_bucket *bucket = &timers->buckets[level][digit];

        if (bucket->early > now)
            return NULL;
        if (level == 0) {
            struct green_timer *timer = bucket->first;

            timers->last = bucket->early;
            green__timers_remove(timers, timer);
            return timer;
        }
        lower(timers, level, digit, now);
    }
    return NULL;
}

size_t green__timers_fire(struct green__timers *timers, green_time now,
                          const bool *stop)
{
    struct green_timer *timer;
    size_t fired = 0;

    timers->firing = true;
    while ((timer = take_due(timers, now)) != NULL) {
        fired++;
        GREEN__PROBE2(timer, timer, timer->callback);
        if (green__tracing())
            green__trace_timer((const void *)(uintptr_t)timer->callback);
        timer->callback(timer);
        if (green__unlikely(*stop))
            return fired;
    }
    timers->firing = false;
    if (!timers->levels && timers->last < now)
        timers->last = now;
    timer = timers->fresh.first;
    timers->fresh = (struct green__timer_bucket){0};
    while (timer) {
        struct green_timer *next = timer->internal.next;

        put(timers, timer);
        timer = next;
    }
    return fired;
}

static size_t count(const struct green__timer_bucket *bucket)
{
    size_t count = 0;

    for (const struct green_timer *t = bucket->first; t; t = t->internal.next)
        count++;
    return count;
}

size_t green__timers_count(const struct green__timers *timers)
{
    size_t sum = count(&timers->fresh);

    for (unsigned level = 0; level < GREEN__LEVELS; level++)
        for (unsigned digit = 0; digit < GREEN__DIGITS; digit++)
            if (timers->used[level] >> digit & 1)
                sum += count(&timers->buckets[level][digit]);
    return sum;
}

green_time green__timers_peek(const struct green__timers *timers)
{
    green_time next = GREEN_FOREVER;

    for (unsigned level = 0; level < GREEN__LEVELS; level++) {
        unsigned digit;

        if (!timers->used[level])
            continue;
        digit = (unsigned)__builtin_ctzll(timers->used[level]);
        if (timers->buckets[level][digit].early < next)
            next = timers->buckets[level][digit].early;
    }
    return next;
}

static void forget(struct green__timer_bucket *bucket)
{
    for (struct green_timer *t = bucket->first; t; t = t->internal.next)
        t->internal.state = IDLE;
    *bucket = (struct green__timer_bucket){0};
}

void green__timers_forget(struct green__timers *timers)
{
    for (unsigned level = 0; level < GREEN__LEVELS; level++)
        for (unsigned digit = 0; digit < GREEN__DIGITS; digit++)
            forget(&timers->buckets[level][digit]);
    forget(&timers->fresh);
    timers->levels = 0;
    for (unsigned level = 0; level < GREEN__LEVELS; level++)
        timers->used[level] = 0;
}

/* ---- A hub's timers -------------------------------------------------- */

int green_hub_schedule(struct green_hub *hub, struct green_timer *timer,
                       green_time when)
{
    if (!hub || !timer || !timer->callback || when < 0)
        return green__refuse(EINVAL);
    green__timers_remove(&hub->timers, timer);
    green__timers_add(&hub->timers, timer, when);
    hub->stats.armed++;
    return 0;
}

int green_hub_cancel(struct green_hub *hub, struct green_timer *timer)
{
    if (!hub || !timer)
        return green__refuse(EINVAL);
    if (!green__timers_remove(&hub->timers, timer))
        return green__refuse(ENOENT);
    return 0;
}
