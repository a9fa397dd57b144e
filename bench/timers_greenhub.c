/* greenhub's timers, for timers.h: green_hub_schedule and green_hub_cancel. */
#include <greenhub.h>

#include "timers.h"

static struct green_hub *hub;
static struct green_timer *own;
static green_time base;

static void check(int result)
{
    if (result < 0)
        bench_die("green_hub_schedule, cancel, wait or dispatch");
}

static void on_timer(struct green_timer *timer)
{
    timers_fired(timer - own);
}

static void prepare(long n)
{
    if (green_use_hub(NULL) < 0) {
        fprintf(stderr, "%s\n", green_hub_error());
        exit(1);
    }
    hub = green_get_hub();
    own = calloc((size_t)n, sizeof *own);
    if (!hub || !own)
        bench_die("green_get_hub or calloc");
    for (long i = 0; i < n; i++)
        own[i].callback = on_timer;
}

static void begin(void)
{
    base = green_now();
}

static void arm(long i, int64_t ns)
{
    check(green_hub_schedule(hub, &own[i], base + ns));
}

static void cancel(long i)
{
    check(green_hub_cancel(hub, &own[i]));
}

static void iterate(void)
{
    check(green_hub_wait(hub, 0));
    check(green_hub_dispatch(hub));
}

int main(int argc, char **argv)
{
    static const struct timers_subject subject = {
        .prepare = prepare,
        .begin = begin,
        .arm = arm,
        .cancel = cancel,
        .iterate = iterate,
        .granularity = 0,
    };

    return timers_main(argc, argv, &subject);
}
