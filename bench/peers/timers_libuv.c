/* libuv's timers, for timers.h: relative ones, in whole milliseconds. */
#include <timers.h>

#include <uv.h>

static uv_loop_t *loop;
static uv_timer_t *own;

static void check(int status)
{
    if (status >= 0)
        return;
    fprintf(stderr, "libuv: %s\n", uv_strerror(status));
    exit(1);
}

static void on_timer(uv_timer_t *timer)
{
    timers_fired(timer - own);
}

static void prepare(long n)
{
    loop = uv_default_loop();
    own = calloc((size_t)n, sizeof *own);
    if (!own)
        bench_die("calloc");
    for (long i = 0; i < n; i++)
        check(uv_timer_init(loop, &own[i]));
}

static void begin(void)
{
    uv_update_time(loop);
}

static void arm(long i, int64_t ns)
{
    check(uv_timer_start(&own[i], on_timer, (uint64_t)(ns / 1000000), 0));
}

static void cancel(long i)
{
    check(uv_timer_stop(&own[i]));
}

static void iterate(void)
{
    uv_run(loop, UV_RUN_NOWAIT);
}

int main(int argc, char **argv)
{
    static const struct timers_subject subject = {
        .prepare = prepare,
        .begin = begin,
        .arm = arm,
        .cancel = cancel,
        .iterate = iterate,
        .granularity = 1000000,
        .lag = 2000000,
    };

    return timers_main(argc, argv, &subject);
}
