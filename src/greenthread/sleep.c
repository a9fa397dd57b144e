/* Sleeping; a sleep of 0 yields. */
#include <errno.h>
#include <stdio.h>

#include "greenthread/scheduler.h"

struct sleeper {
    struct green__waiter waiter;
    green_time until;
};

static void describe_sleeper(const struct green__waiter *waiter, char *text,
                             size_t size)
{
    const struct sleeper *sleeper =
        container_of(waiter, const struct sleeper, waiter);
    green_time left = sleeper->until - green_now();

    if (sleeper->until == GREEN_FOREVER)
        snprintf(text, size, "forever");
    else
        snprintf(text, size, "for %.3f s more",
                 (double)(left > 0 ? left : 0) / (double)GREEN_SEC);
}

static const struct green__wait_kind sleeping = {.name = "sleep",
                                                 .describe = describe_sleeper,
                                                 .signals = GREEN__INTERRUPTS};

/* Not inlined, so that a yield needs no frame. */
static GREEN__NOINLINE int sleep_for(green_time duration)
{
    struct sleeper sleeper;
    int saved = errno;

    green__waiter_init(&sleeper.waiter, &sleeping);
    if (!sleeper.waiter.thread)
        return green__park(&sleeper.waiter);
    sleeper.until =
        green__time_add(green__hub_now(green__hub_here()), duration);
    if (green__park_until(&sleeper.waiter, sleeper.until) < 0 &&
        errno != EAGAIN)
        return -1;
    errno = saved;
    return 0;
}

int green_yield(void)
{
    return green__yield();
}

int green_sleep(green_time duration)
{
    if (duration == 0)
        return green__yield();
    if (duration < 0) {
        errno = EINVAL;
        return -1;
    }
    return sleep_for(duration);
}
