/* libevent's timers, for timers.h: relative ones, in microseconds. */
#include <timers.h>

#include <event2/event.h>

static struct event_base *base;
static struct event **own;

static void check(int result)
{
    if (result < 0) {
        fprintf(stderr, "event_add or event_del failed\n");
        exit(1);
    }
}

static void on_timer(evutil_socket_t fd, short events, void *arg)
{
    (void)fd;
    (void)events;
    timers_fired((long)(intptr_t)arg);
}

static void prepare(long n)
{
    base = event_base_new();
    own = calloc((size_t)n, sizeof(struct event *));
    if (!base || !own)
        bench_die("event_base_new or calloc");
    for (long i = 0; i < n; i++) {
        own[i] = evtimer_new(base, on_timer, (void *)(intptr_t)i);
        if (!own[i])
            bench_die("evtimer_new");
    }
}

/* libevent reads the clock itself whenever an event is added. */
static void begin(void)
{
}

static void arm(long i, int64_t ns)
{
    struct timeval after = {
        .tv_sec = ns / 1000000000,
        .tv_usec = ns % 1000000000 / 1000,
    };

    check(event_add(own[i], &after));
}

static void cancel(long i)
{
    check(event_del(own[i]));
}

static void iterate(void)
{
    check(event_base_loop(base, EVLOOP_NONBLOCK));
}

int main(int argc, char **argv)
{
    static const struct timers_subject subject = {
        .prepare = prepare,
        .begin = begin,
        .arm = arm,
        .cancel = cancel,
        .iterate = iterate,
        /* In effect no check of the order: it counts from the time each was
         * armed. */
        .granularity = 1000000000,
        /* CLOCK_MONOTONIC_COARSE, which ticks every 1 to 10 ms */
        .lag = 20000000,
    };

    return timers_main(argc, argv, &subject);
}
