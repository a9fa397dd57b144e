/*
 * How long greenthreads stay in the run queue. It is measured only while somebody
 * watches: the switch has a bit for this among those for rare things
 * (green__scheduler.carries), so it does nothing for it else.
 *
 * No greenthread keeps the time at which it became runnable. Instead one is marked,
 * the last in the queue; when it runs, the time since is a sample, and the next
 * one is marked. So a sample is how long the whole queue took.
 */
#ifndef GREEN_GAUGE_H
#define GREEN_GAUGE_H

#include <greenhub/hub.h>

struct green__scheduler;
struct green_thread;

/* A bucket for each eighth of a power of two. */
#define GREEN__GAUGE_STEPS 8
#define GREEN__GAUGE_BUCKETS (40 * GREEN__GAUGE_STEPS) /* up to 18 minutes */

struct green__gauge {
    green_time until; /* it ends at the first sample after this */
    const struct green_thread *marked;
    green_time marked_at;
    uint64_t samples[GREEN__GAUGE_BUCKETS];
};

/* The switch calls it, if carries has GREEN__CARRIES_GAUGE, before it goes from
 * s->current to `to`. */
void green__gauge_switch(struct green__scheduler *s,
                         const struct green_thread *to);

/* Has it measure until then. Called by the OS thread itself, also in a signal
 * handler. */
void green__gauge_begin(struct green__scheduler *s, green_time until);

/* The delay below which lies that share of the samples, of 0 to 1; 0 without
 * samples. */
green_time green__gauge_delay(const uint64_t *samples, double share);

#endif
