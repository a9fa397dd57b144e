/* Sleeping and yielding. */
#include <errno.h>
#include <stdio.h>

#include "greenthread/scheduler.h"

struct sleeper {
    struct green__waiter waiter;
    struct green_timer timer;
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    const struct sleeper *sleeper =
        container_of(waiter, const struct sleeper, waiter);
    green_time left = sleeper->timer.when - green_now();

    if (sleeper->timer.when == GREEN_FOREVER)
        snprintf(text, size, "forever");
    else
        snprintf(text, size, "for %.3f s more",
                 (double)(left > 0 ? left : 0) / (double)GREEN_SEC);
}

static const struct green__wait_kind sleeping = {.name = "sleep",
                                                 .describe = describe};

static void time_is_up(struct green_timer *timer)
{
    struct sleeper *sleeper = timer->arg;

    green__wake(&sleeper->waiter);
}

/* Not inlined: a yield needs no frame. */
static GREEN__NOINLINE int sleep_for(green_time duration)
{
    struct sleeper sleeper = {
        .timer = {.callback = time_is_up,
                  .arg = &sleeper,
                  .when = GREEN_FOREVER},
    };
    struct green_hub *hub;
    int error;

    green__waiter_init(&sleeper.waiter, &sleeping);
    hub = green__hub_here();
    if (sleeper.waiter.thread && duration != GREEN_FOREVER)
        green_hub_schedule(hub, &sleeper.timer,
                           green__time_add(green__hub_now(hub), duration));
    if (green__park(&sleeper.waiter) == 0)
        return 0;
    error = errno;
    green_hub_cancel(green__hub_here(), &sleeper.timer);
    errno = error;
    return -1;
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
