/* POSIX's times and greenhub's. */
#ifndef GREEN_PATCH_TIMES_H
#define GREEN_PATCH_TIMES_H

#include <stdbool.h>
#include <sys/time.h>
#include <time.h>

#include <greenhub/base.h>

#include "base/clock.h"

static inline bool green__timespec_is_valid(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < GREEN_SEC;
}

/* Nanoseconds; GREEN_FOREVER if they are too many. Of a valid time. */
static inline green_time green__nanoseconds(const struct timespec *time)
{
    if (time->tv_sec >= INT64_MAX / GREEN_SEC - 1)
        return GREEN_FOREVER;
    return time->tv_sec * GREEN_SEC + time->tv_nsec;
}

/* A duration, NULL for no limit. False if it is not valid. */
static inline bool green__duration_of(const struct timespec *time,
                                      green_time *duration)
{
    if (time && !green__timespec_is_valid(time))
        return false;
    *duration = time ? green__nanoseconds(time) : GREEN_FOREVER;
    return true;
}

/* poll's: negative for no limit. */
static inline green_time green__milliseconds(int timeout)
{
    return timeout < 0 ? GREEN_FOREVER : timeout * GREEN_MSEC;
}

/* The microseconds that are no shorter. */
static inline struct timeval green__timeval_above(const struct timespec *time)
{
    struct timeval above = {.tv_sec = time->tv_sec,
                            .tv_usec = (time->tv_nsec + 999) / 1000};

    if (above.tv_usec == 1000000) {
        above.tv_usec = 0;
        above.tv_sec++;
    }
    return above;
}

/*
 * The absolute time of a clock, as a time of the hub's clock. A change of
 * CLOCK_REALTIME during the wait is not noticed. Of a valid time; a time in the
 * past gives one, and never less than 0, which no timer takes.
 */
static inline green_time green__deadline_of(clockid_t clock,
                                            const struct timespec *time)
{
    green_time until = green__nanoseconds(time), left;
    struct timespec now;

    if (until == GREEN_FOREVER)
        return until;
    clock_gettime(clock, &now);
    left = until - green__nanoseconds(&now);
    return left > 0 ? green__time_add(green_now(), left) : 0;
}

#endif
