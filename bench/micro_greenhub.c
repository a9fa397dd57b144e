/*
 * What greenhub's own operations cost:
 *
 *   micro_greenhub yield         a switch between two greenthreads
 *   micro_greenhub spawn_join    spawn, run, finish and join, one after another
 *   micro_greenhub sleepers N    what N sleeping greenthreads occupy
 *
 * Prints a line of JSON (figures.h), or fails with the reason on stderr: each
 * run also checks that what it timed has really happened.
 */
#include <greenhub.h>

#include "common.h"
#include "figures.h"
#include "sleepers.h"

#define REPETITIONS 7
#define SWITCHES 10000000
#define SPAWNS 1000000

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

static void spawn_sleepers(long n)
{
    for (long i = 0; i < n; i++)
        if (green_spawn_n(sleeper, NULL) < 0) {
            fprintf(stderr, "greenthread %ld of %ld: %s (%s)\n", i, n,
                    strerror(errno), green_hub_error());
            exit(1);
        }
}

static void measure_sleepers(long n)
{
    struct sleepers_figures figures = sleepers_begin();
    green_time limit;

    /* Long enough that the first still sleeps when the last has begun to. */
    hold = GREEN_SEC + 15 * GREEN_USEC * n;
    spawn_sleepers(n);
    sleepers_spawned(&figures);
    while (asleep < n)
        green_sleep(0);
    sleepers_asleep(&figures);
    if (woken > 0)
        fail("some woke before all were asleep: this machine is too slow");
    limit = green_now() + 2 * hold;
    while (woken < n && green_now() < limit)
        green_sleep(10 * GREEN_MSEC);
    sleepers_print(&figures, n, woken);
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
    else
        fail("usage: micro_greenhub yield | spawn_join | sleepers N");
    return 0;
}
