/* Sleeping and yielding. */
#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "patch/cancel.h"
#include "patch/times.h"

GREEN__HOOK unsigned sleep(unsigned seconds)
{
    struct timespec left = {.tv_sec = seconds};

    if (!green__is_green_point(GREEN_PATCH_TIME))
        return green__real()->sleep(seconds);
    if (green__point_ends(green_nanosleep(&left, &left)) == 0)
        return 0;
    return (unsigned)(left.tv_sec + (left.tv_nsec > 0));
}

GREEN__HOOK int usleep(useconds_t microseconds)
{
    const struct timespec time = {.tv_sec = microseconds / 1000000,
                                  .tv_nsec =
                                      (long)(microseconds % 1000000) * 1000};

    if (green__is_green_point(GREEN_PATCH_TIME)) {
        int before = errno;

        return (int)green__kept(
            before, green__point_ends(green_nanosleep(&time, NULL)));
    }
    return green__real()->usleep(microseconds);
}

GREEN__HOOK int nanosleep(const struct timespec *time, struct timespec *left)
{
    if (green__is_green_point(GREEN_PATCH_TIME)) {
        int before = errno;

        return (int)green__kept(before,
                                green__point_ends(green_nanosleep(time, left)));
    }
    return green__real()->nanosleep(time, left);
}

/* Times of the process or of a thread stand still while it sleeps: native. */
static bool clock_goes_on(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC ||
           clock == CLOCK_BOOTTIME || clock == CLOCK_TAI;
}

static int sleep_until(clockid_t clock, const struct timespec *time)
{
    green_time deadline, now;

    if (!time)
        return EFAULT;
    if (!green__timespec_is_valid(time))
        return EINVAL;
    deadline = green__deadline_of(clock, time);
    now = green_now();
    return green__point_ends(green_sleep(deadline > now ? deadline - now : 0)) <
                   0
               ? errno
               : 0;
}

/* Returns the error, and leaves errno alone. */
GREEN__HOOK int clock_nanosleep(clockid_t clock, int flags,
                                const struct timespec *time,
                                struct timespec *left)
{
    int saved = errno, result;

    if (!clock_goes_on(clock) || !green__is_green_point(GREEN_PATCH_TIME))
        return green__real()->clock_nanosleep(clock, flags, time, left);
    if (flags & TIMER_ABSTIME)
        result = sleep_until(clock, time);
    else
        result = green__point_ends(green_nanosleep(time, left)) < 0 ? errno : 0;
    errno = saved;
    return result;
}

GREEN__HOOK int sched_yield(void)
{
    if (green__is_green(GREEN_PATCH_TIME)) {
        int before = errno;

        return (int)green__kept(before, green_yield());
    }
    return green__real()->sched_yield();
}
