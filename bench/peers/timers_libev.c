/* libev's timers, for timers.h: relative ones, seconds as double. */
#include <timers.h>

#include <ev.h>

static struct ev_loop *loop;
static ev_timer *own;

static void on_timer(struct ev_loop *on, ev_timer *timer, int events)
{
    (void)on;
    (void)events;
    timers_fired(timer - own);
}

static void prepare(long n)
{
    loop = ev_default_loop(0);
    own = calloc((size_t)n, sizeof *own);
    if (!loop || !own)
        bench_die("ev_default_loop or calloc");
    for (long i = 0; i < n; i++)
        ev_init(&own[i], on_timer);
}

static void begin(void)
{
    ev_now_update(loop);
}

static void arm(long i, int64_t ns)
{
    ev_timer_set(&own[i], (double)ns * 1e-9, 0.);
    ev_timer_start(loop, &own[i]);
}

static void cancel(long i)
{
    ev_timer_stop(loop, &own[i]);
}

static void iterate(void)
{
    ev_run(loop, EVRUN_NOWAIT);
}

int main(int argc, char **argv)
{
    static const struct timers_subject subject = {
        .prepare = prepare,
        .begin = begin,
        .arm = arm,
        .cancel = cancel,
        .iterate = iterate,
        .granularity = 1000, /* of a double with the seconds since boot */
    };

    return timers_main(argc, argv, &subject);
}
