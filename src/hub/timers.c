#include "hub/timers.h"

#include "base/attributes.h"

/* A timer's state: idle, or in a bucket: BUCKET + its index, or fresh. */
enum { IDLE = 0, BUCKET = 1, FRESH = BUCKET + GREEN__TIMER_BUCKETS };

/* How many are looked at to make a bucket's `early` exact without moving it. */
#define LOOK 32

static unsigned bucket_for(const struct green__timers *timers, green_time when)
{
    if (when <= timers->last)
        return 0;
    return 64 - (unsigned)__builtin_clzll((unsigned long long)when ^
                                          (unsigned long long)timers->last);
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
    unsigned index = bucket_for(timers, timer->when);
    struct green__timer_bucket *bucket = &timers->buckets[index];

    if (!bucket->first) {
        timers->used |= UINT64_C(1) << index;
        bucket->early = timer->when;
        bucket->exact = true;
    } else if (timer->when < bucket->early) {
        bucket->early = timer->when;
        bucket->exact = true;
    }
    timer->internal.state = (uint8_t)(BUCKET + index);
    push(bucket, timer);
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
    unsigned state = timer->internal.state;
    struct green__timer_bucket *bucket;

    if (state == IDLE)
        return false;
    timer->internal.state = IDLE;
    if (state == FRESH) {
        unlink_timer(&timers->fresh, timer);
        return true;
    }
    bucket = &timers->buckets[state - BUCKET];
    unlink_timer(bucket, timer);
    if (!bucket->first)
        timers->used &= ~(UINT64_C(1) << (state - BUCKET));
    else if (timer->when <= bucket->early)
        bucket->exact = false;
    return true;
}

/* The earliest of a bucket, if it takes no more than `limit` looks. */
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

    if (!timers->used)
        return GREEN_FOREVER;
    if (timers->used & 1)
        return timers->last;
    bucket = &timers->buckets[__builtin_ctzll(timers->used)];
    if (!bucket->exact)
        bucket->exact = find_earliest(bucket, LOOK, &bucket->early);
    return bucket->early;
}

/* Moves `last` forward within the lowest bucket, and its timers down. */
static void lower(struct green__timers *timers, unsigned index, green_time now)
{
    struct green__timer_bucket *bucket = &timers->buckets[index];
    struct green_timer *timer = bucket->first;
    green_time earliest = GREEN_FOREVER;

    find_earliest(bucket, UINT32_MAX, &earliest);
    timers->last = earliest < now ? earliest : now;
    timers->used &= ~(UINT64_C(1) << index);
    *bucket = (struct green__timer_bucket){0};
    while (timer) {
        struct green_timer *next = timer->internal.next;

        put(timers, timer);
        timer = next;
    }
}

/* The next one that is due, taken out; NULL if there is none. */
static struct green_timer *take_due(struct green__timers *timers,
                                    green_time now)
{
    struct green_timer *timer;

    while (timers->used && !(timers->used & 1)) {
        unsigned index = (unsigned)__builtin_ctzll(timers->used);

        if (timers->buckets[index].early > now)
            return NULL;
        lower(timers, index, now);
    }
    if (!timers->used)
        return NULL;
    timer = timers->buckets[0].first;
    green__timers_remove(timers, timer);
    return timer;
}

size_t green__timers_fire(struct green__timers *timers, green_time now,
                          const bool *stop)
{
    struct green_timer *timer;
    size_t fired = 0;

    timers->firing = true;
    while ((timer = take_due(timers, now)) != NULL) {
        fired++;
        timer->callback(timer);
        if (green__unlikely(*stop))
            return fired;
    }
    timers->firing = false;
    if (!timers->used && timers->last < now)
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

static void forget(struct green__timer_bucket *bucket)
{
    for (struct green_timer *t = bucket->first; t; t = t->internal.next)
        t->internal.state = IDLE;
    *bucket = (struct green__timer_bucket){0};
}

void green__timers_forget(struct green__timers *timers)
{
    for (unsigned i = 0; i < GREEN__TIMER_BUCKETS; i++)
        forget(&timers->buckets[i]);
    forget(&timers->fresh);
    timers->used = 0;
}
