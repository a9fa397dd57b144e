/* The system's monotonic clock. */
#ifndef GREEN_CLOCK_H
#define GREEN_CLOCK_H

#include <time.h>

#include <greenhub/base.h>

static inline green_time green__clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (green_time)now.tv_sec * GREEN_SEC + now.tv_nsec;
}

/* a + b for a point in time and a duration >= 0; GREEN_FOREVER on overflow. */
static inline green_time green__time_add(green_time a, green_time b)
{
    green_time sum;

    return __builtin_add_overflow(a, b, &sum) ? GREEN_FOREVER : sum;
}

/* Converts to whole units, rounding up, so that no timeout is cut short. */
static inline green_time green__time_in(green_time duration, green_time unit)
{
    return duration / unit + (duration % unit > 0);
}

static inline struct timespec green__timespec(green_time duration)
{
    return (struct timespec){.tv_sec = duration / GREEN_SEC,
                             .tv_nsec = duration % GREEN_SEC};
}

#endif
