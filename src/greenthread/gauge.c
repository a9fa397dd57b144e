#include "greenthread/gauge.h"

#include "greenthread/scheduler.h"

static unsigned bucket_of(green_time delay)
{
    uint64_t value = delay > 0 ? (uint64_t)delay : 0;
    unsigned exponent, bucket;

    if (value < GREEN__GAUGE_STEPS)
        return (unsigned)value;
    exponent = 63 - (unsigned)__builtin_clzll(value);
    bucket = (exponent - 2) * GREEN__GAUGE_STEPS +
             (unsigned)(value >> (exponent - 3)) % GREEN__GAUGE_STEPS;
    return bucket < GREEN__GAUGE_BUCKETS ? bucket : GREEN__GAUGE_BUCKETS - 1;
}

/* The least delay of the bucket. */
static green_time delay_of(unsigned bucket)
{
    unsigned exponent = bucket / GREEN__GAUGE_STEPS + 2;

    if (bucket < GREEN__GAUGE_STEPS)
        return bucket;
    return (green_time)(GREEN__GAUGE_STEPS + bucket % GREEN__GAUGE_STEPS)
           << (exponent - 3);
}

green_time green__gauge_delay(const uint64_t *samples, double share)
{
    uint64_t total = 0, below = 0;

    for (unsigned i = 0; i < GREEN__GAUGE_BUCKETS; i++)
        total += samples[i];
    for (unsigned i = 0; i < GREEN__GAUGE_BUCKETS; i++) {
        below += samples[i];
        if (total && (double)below >= share * (double)total)
            return delay_of(i);
    }
    return 0;
}

static void add_sample(struct green__scheduler *s, green_time since)
{
    struct green__gauge *gauge = s->gauge;
    green_time now = green__clock();

    gauge->samples[bucket_of(now - since)]++;
    if (now > gauge->until)
        s->carries &= ~(unsigned)GREEN__CARRIES_GAUGE;
}

/* What the hub woke became runnable when its wait returned. */
static void mark(struct green__scheduler *s, const struct green_thread *last)
{
    s->gauge->marked = last;
    s->gauge->marked_at =
        s->current == &s->hub_thread ? s->hub->run_start : green__clock();
}

void green__gauge_switch(struct green__scheduler *s,
                         const struct green_thread *to)
{
    struct green__gauge *gauge = s->gauge;

    if (to == &s->hub_thread || !s->hub)
        return;
    if (to == gauge->marked) {
        gauge->marked = NULL;
        add_sample(s, gauge->marked_at);
    } else if (!gauge->marked && s->current == &s->hub_thread &&
               to == s->last) {
        add_sample(s, s->hub->run_start);
    }
    if (!gauge->marked && s->last != to)
        mark(s, s->last);
}

void green__gauge_begin(struct green__scheduler *s, green_time until)
{
    if (s->gauge->until < until)
        s->gauge->until = until;
    s->carries |= GREEN__CARRIES_GAUGE;
}
