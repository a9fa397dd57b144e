/*
 * Measures greenhub's own operations:
 *
 *   micro_greenhub yield         a switch between two greenthreads
 *   micro_greenhub spawn_join    spawn, run, finish and join, one after another
 *   micro_greenhub [channel] queue_round_trip
 *                                there and back through two queues of one place,
 *                                or through two unbuffered channels
 *   micro_greenhub sleepers N    the memory of N sleeping greenthreads
 *
 * Prints a line of JSON (figures.h), or fails with the reason on stderr: each
 * run also checks that the operations it timed really happened.
 */
#include <greenhub.h>

#include "common.h"
#include "figures.h"
#include "sleepers.h"

#define REPETITIONS 7
#define SWITCHES 10000000
#define SPAWNS 1000000
#define ROUND_TRIPS 2000000

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

/* ---- round trips ----------------------------------------------------- */

static struct green_queue queue_there, queue_back;
static struct green_channel channel_there, channel_back;

static void *answer_by_queue(void *arg)
{
    void *value;

    while (green_queue_get(&queue_there, &value) == 0)
        if (green_queue_put(&queue_back, (char *)value + 1) < 0)
            bench_die("green_queue_put");
    return arg;
}

static void *answer_by_channel(void *arg)
{
    long value;

    while (green_channel_receive(&channel_there, &value) == 0) {
        value++;
        if (green_channel_send(&channel_back, &value) < 0)
            bench_die("green_channel_send");
    }
    return arg;
}

static void ask_by_queue(void)
{
    for (long i = 0; i < ROUND_TRIPS; i++) {
        void *value = NULL;

        if (green_queue_put(&queue_there, (void *)i) < 0 ||
            green_queue_get(&queue_back, &value) < 0 || (long)value != i + 1)
            bench_die("a queue");
    }
    green_queue_close(&queue_there);
}

static void ask_by_channel(void)
{
    for (long i = 0; i < ROUND_TRIPS; i++) {
        long value = 0;

        if (green_channel_send(&channel_there, &i) < 0 ||
            green_channel_receive(&channel_back, &value) < 0 || value != i + 1)
            bench_die("a channel");
    }
    green_channel_close(&channel_there);
}

static double time_round_trips(bool by_channel)
{
    struct green_thread *other;
    int64_t began;

    green_queue_init(&queue_there, 1);
    green_queue_init(&queue_back, 1);
    green_channel_init(&channel_there, sizeof(long), 0);
    green_channel_init(&channel_back, sizeof(long), 0);
    began = bench_now();
    other = green_spawn(by_channel ? answer_by_channel : answer_by_queue, NULL);
    (by_channel ? ask_by_channel : ask_by_queue)();
    if (!other || green_join(other, NULL) < 0)
        bench_die("green_spawn or green_join");
    return (double)(bench_now() - began) / ROUND_TRIPS;
}

static void measure_round_trips(bool by_channel)
{
    struct figure figure = {.name = "queue_round_trip", .unit = "ns"};

    for (int i = 0; i < REPETITIONS; i++)
        figure_add(&figure, time_round_trips(by_channel));
    figures_print("queue_round_trip", &figure, 1);
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

    /* So long that the first still sleeps when the last begins to. */
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
    long n = argc == 3 && strcmp(what, "sleepers") == 0
                 ? bench_number(argv[2], 100000000)
                 : 0;

    if (green_use_hub(NULL) < 0)
        fail(green_hub_error());
    if (argc == 2 && strcmp(what, "yield") == 0)
        measure_yield();
    else if (argc == 2 && strcmp(what, "spawn_join") == 0)
        measure_spawn_join();
    else if (argc == 2 && strcmp(what, "queue_round_trip") == 0)
        measure_round_trips(false);
    else if (argc == 3 && strcmp(what, "channel") == 0 &&
             strcmp(argv[2], "queue_round_trip") == 0)
        measure_round_trips(true);
    else if (n > 0 && strcmp(what, "sleepers") == 0)
        measure_sleepers(n);
    else
        fail("usage: micro_greenhub yield | spawn_join | sleepers N | "
             "[channel] queue_round_trip");
    return 0;
}
