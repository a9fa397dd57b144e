/*
 * What greenhub's own operations cost:
 *
 *   micro_greenhub yield         a switch between two greenthreads
 *   micro_greenhub spawn_join    spawn, run, finish and join, one after another
 *   micro_greenhub sleepers N    what N sleeping greenthreads occupy
 *   micro_greenhub timers N      a timer's operations with N outstanding
 *
 * Prints a line of JSON (figures.h), or fails with the reason on stderr: each
 * run also checks that what it timed has really happened.
 */
#include <greenhub.h>

#include "common.h"
#include "figures.h"

#define REPETITIONS 7
#define SWITCHES 10000000
#define SPAWNS 1000000
#define TIMER_REPETITIONS 5
/* With few timers, this many operations are still done per repetition. */
#define TIMER_OPERATIONS 1000000

static void __attribute__((noreturn)) fail(const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

/* ---- yield ----------------------------------------------------------- */

static void *yield_often(void *arg)
{
    for (int i = 0; i < SWITCHES / 2; i++)
        green_sleep(0);
    return arg;
}

static uint64_t switches(void)
{
    struct green_hub_stats stats;

    if (green_hub_stats(green_get_hub(), &stats) < 0)
        bench_die("green_hub_stats");
    return stats.switches;
}

static double time_yields(void)
{
    uint64_t switched = switches();
    int64_t began = bench_now();
    struct green_thread *ping = green_spawn(yield_often, NULL);
    struct green_thread *pong = green_spawn(yield_often, NULL);
    int64_t took;

    if (!ping || !pong)
        bench_die("green_spawn");
    if (green_join(ping, NULL) < 0 || green_join(pong, NULL) < 0)
        bench_die("green_join");
    took = bench_now() - began;
    if (switches() - switched < SWITCHES)
        fail("there were fewer switches than yields");
    return (double)took / SWITCHES;
}

static void measure_yield(void)
{
    struct figure figure = {.name = "yield", .unit = "ns"};

    for (int i = 0; i < REPETITIONS; i++)
        figure_add(&figure, time_yields());
    figures_print("yield", &figure, 1);
}

/* ---- spawn and join -------------------------------------------------- */

static uint64_t runs;

static void *run_once(void *arg)
{
    runs++;
    return arg;
}

static double time_spawns(void)
{
    int64_t began = bench_now();

    runs = 0;
    for (int i = 0; i < SPAWNS; i++) {
        struct green_thread *thread = green_spawn(run_once, &runs);
        void *result = NULL;

        if (!thread || green_join(thread, &result) < 0 || result != &runs)
            bench_die("green_spawn or green_join");
    }
    if (runs != SPAWNS)
        fail("not every greenthread ran");
    return (double)(bench_now() - began) / SPAWNS;
}

static void measure_spawn_join(void)
{
    struct figure figure = {.name = "spawn_join", .unit = "ns"};

    for (int i = 0; i < REPETITIONS; i++)
        figure_add(&figure, time_spawns());
    figures_print("spawn_join", &figure, 1);
}

/* ---- sleepers -------------------------------------------------------- */

static long asleep, woken;
static green_time hold;

static void sleeper(void *arg)
{
    (void)arg;
    asleep++;
    if (green_sleep(hold) == 0)
        woken++;
}

/* A line of /proc/self/status that is in kB, in bytes. */
static double status_bytes(const char *key)
{
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    double value = -1;

    if (!file)
        bench_die("/proc/self/status");
    while (fgets(line, sizeof line, file))
        if (strncmp(line, key, strlen(key)) == 0)
            value = strtod(line + strlen(key) + 1, NULL) * 1024;
    fclose(file);
    if (value < 0)
        fail("/proc/self/status lacks a line");
    return value;
}

static void spawn_sleepers(long n, struct figure *figures)
{
    double resident = status_bytes("VmRSS"), tables = status_bytes("VmPTE");
    int64_t began = bench_now(), spawned;

    for (long i = 0; i < n; i++)
        if (green_spawn_n(sleeper, NULL) < 0) {
            fprintf(stderr, "greenthread %ld of %ld: %s (%s)\n", i, n,
                    strerror(errno), green_hub_error());
            exit(1);
        }
    spawned = bench_now();
    while (asleep < n)
        green_sleep(0);
    figure_add(&figures[2], (double)(spawned - began) / (double)n);
    figure_add(&figures[3], (double)(bench_now() - spawned) / (double)n);
    resident = status_bytes("VmRSS") - resident;
    tables = status_bytes("VmPTE") - tables;
    if (woken > 0)
        fail("some woke before all were asleep: this machine is too slow");
    figure_add(&figures[0], resident / (double)n);
    figure_add(&figures[1], tables / (double)n);
}

static void measure_sleepers(long n)
{
    struct figure figures[] = {
        {.name = "resident", .unit = "B"},
        {.name = "page_tables", .unit = "B"},
        {.name = "spawn", .unit = "ns"},
        {.name = "run_and_sleep", .unit = "ns"},
        {.name = "woken", .unit = "greenthreads"},
    };
    green_time limit;

    /* Long enough that the first still sleeps when the last has begun to. */
    hold = GREEN_SEC + 15 * GREEN_USEC * n;
    spawn_sleepers(n, figures);
    limit = green_now() + 2 * hold;
    while (woken < n && green_now() < limit)
        green_sleep(10 * GREEN_MSEC);
    if (woken < n) {
        fprintf(stderr, "only %ld of %ld woke\n", woken, n);
        exit(1);
    }
    figure_add(&figures[4], (double)woken);
    figures_print("sleepers", figures, 5);
}

/* ---- timers ---------------------------------------------------------- */

static struct green_timer *timers;
static long timer_count, fired;
static long *order;           /* the timers, shuffled */
static green_time *distances; /* random: two a timer */
static green_time last_fired;

/* xorshift64 with a fixed seed: each run does the same. */
static uint64_t random_number(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static void on_timer(struct green_timer *timer)
{
    if (timer->when < last_fired)
        fail("timers fired out of order");
    last_fired = timer->when;
    fired++;
}

static void prepare_timers(void)
{
    size_t n = (size_t)timer_count;

    timers = calloc(n, sizeof *timers);
    order = calloc(n, sizeof *order);
    distances = calloc(2 * n, sizeof *distances);
    if (!timers || !order || !distances)
        bench_die("calloc");
    for (long i = 0; i < timer_count; i++) {
        long other = (long)(random_number() % (uint64_t)(i + 1));

        timers[i].callback = on_timer;
        order[i] = order[other];
        order[other] = i;
    }
    for (size_t i = 0; i < 2 * n; i++)
        distances[i] = (green_time)(random_number() % (60 * GREEN_SEC));
}

static void check(int result)
{
    if (result < 0)
        bench_die("green_hub_schedule or green_hub_cancel");
}

/* Arms all, moves all, disarms all; adds the ns that each phase took. */
static void time_operations(struct green_hub *hub, int64_t took[3])
{
    /* A minute off, and within a minute: none comes due in between. */
    green_time base = green_now() + 60 * GREEN_SEC;
    green_time *again = distances + timer_count;
    int64_t armed, moved, began = bench_now();

    for (long i = 0; i < timer_count; i++)
        check(green_hub_schedule(hub, &timers[i], base + distances[i]));
    armed = bench_now();
    for (long i = 0; i < timer_count; i++) {
        struct green_timer *timer = &timers[order[i]];

        check(green_hub_cancel(hub, timer));
        check(green_hub_schedule(hub, timer, base + again[i]));
    }
    moved = bench_now();
    for (long i = 0; i < timer_count; i++)
        check(green_hub_cancel(hub, &timers[order[i]]));
    took[0] += armed - began;
    took[1] += moved - armed;
    took[2] += bench_now() - moved;
}

/* All come due, and fire in one turn or a few; returns the ns. */
static int64_t time_firing(struct green_hub *hub)
{
    green_time base = green_now(), end = base;
    int64_t began;

    for (long i = 0; i < timer_count; i++) {
        green_time when = base + distances[i] % (GREEN_USEC * timer_count);

        check(green_hub_schedule(hub, &timers[i], when));
        end = when > end ? when : end;
    }
    while (green_now() <= end)
        ;
    fired = 0;
    last_fired = 0;
    began = bench_now();
    while (fired < timer_count)
        if (green_hub_wait(hub, 0) < 0 || green_hub_dispatch(hub) < 0)
            bench_die("green_hub_dispatch");
    return bench_now() - began;
}

static void measure_timers(long n)
{
    struct figure figures[] = {
        {.name = "arm", .unit = "ns"},
        {.name = "cancel_rearm", .unit = "ns"},
        {.name = "cancel", .unit = "ns"},
        {.name = "fire", .unit = "ns"},
    };
    struct green_hub *hub = green_get_hub();
    long times = n < TIMER_OPERATIONS ? TIMER_OPERATIONS / n : 1;

    timer_count = n;
    prepare_timers();
    for (int repetition = 0; repetition < TIMER_REPETITIONS; repetition++) {
        int64_t took[4] = {0};

        for (long i = 0; i < times; i++) {
            time_operations(hub, took);
            took[3] += time_firing(hub);
        }
        for (int i = 0; i < 4; i++)
            figure_add(&figures[i], (double)took[i] / (double)(n * times));
    }
    figures_print("timers", figures, 4);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long n = argc == 3 ? bench_number(argv[2], 100000000) : 0;

    if (green_use_hub(NULL) < 0)
        fail(green_hub_error());
    if (argc == 2 && strcmp(what, "yield") == 0)
        measure_yield();
    else if (argc == 2 && strcmp(what, "spawn_join") == 0)
        measure_spawn_join();
    else if (n > 0 && strcmp(what, "sleepers") == 0)
        measure_sleepers(n);
    else if (n > 0 && strcmp(what, "timers") == 0)
        measure_timers(n);
    else
        fail("usage: micro_greenhub yield | spawn_join | sleepers N | "
             "timers N");
    return 0;
}
