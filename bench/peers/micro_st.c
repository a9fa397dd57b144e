/*
 * Measures State Threads' threads as micro_greenhub measures greenhub's:
 *
 *   micro_st yield               st_usleep(0), which is its yield
 *   micro_st spawn_join          create, run, finish and join, one after another
 *   micro_st queue_round_trip    there and back through two queues of one place,
 *                                made of its condition variables
 *   micro_st sleepers N          the memory of N sleeping threads
 *
 * Prints a line of JSON (figures.h). Exit status 3: so many threads cannot be
 * made.
 */
#include <common.h>
#include <figures.h>
#include <sleepers.h>

#include <st.h>
#include <stdbool.h>

#define REPETITIONS 7
#define SWITCHES 1000000
#define SPAWNS 500000
#define ROUND_TRIPS 500000

static void __attribute__((noreturn)) fail(const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

static st_thread_t create(void *(*run)(void *), void *arg, int joinable)
{
    st_thread_t thread = st_thread_create(run, arg, joinable, 0);

    if (!thread)
        bench_die("st_thread_create");
    return thread;
}

static void measure(const char *name, long count, void (*run)(void))
{
    struct figure figure = {.name = name, .unit = "ns"};

    for (int i = 0; i < REPETITIONS; i++) {
        int64_t began = bench_now();

        run();
        figure_add(&figure, (double)(bench_now() - began) / (double)count);
    }
    figures_print(name, &figure, 1);
}

/* ---- yield ----------------------------------------------------------- */

static void *yield_often(void *arg)
{
    for (int i = 0; i < SWITCHES / 2; i++)
        if (st_usleep(0) < 0)
            bench_die("st_usleep");
    return arg;
}

static void yields(void)
{
    st_thread_t ping = create(yield_often, NULL, 1);
    st_thread_t pong = create(yield_often, NULL, 1);

    if (st_thread_join(ping, NULL) < 0 || st_thread_join(pong, NULL) < 0)
        bench_die("st_thread_join");
}

/* ---- spawn and join -------------------------------------------------- */

static long runs;

static void *run_once(void *arg)
{
    runs++;
    return arg;
}

static void spawns(void)
{
    runs = 0;
    for (int i = 0; i < SPAWNS; i++) {
        void *result = NULL;

        if (st_thread_join(create(run_once, &runs, 1), &result) < 0 ||
            result != &runs)
            bench_die("st_thread_join");
    }
    if (runs != SPAWNS)
        fail("not every thread ran");
}

/* ---- a queue --------------------------------------------------------- */

struct queue {
    st_cond_t changed;
    bool full;
    long value;
};

static struct queue there, back;

static void put(struct queue *queue, long value)
{
    while (queue->full)
        st_cond_wait(queue->changed);
    queue->full = true;
    queue->value = value;
    st_cond_signal(queue->changed);
}

static long get(struct queue *queue)
{
    while (!queue->full)
        st_cond_wait(queue->changed);
    queue->full = false;
    st_cond_signal(queue->changed);
    return queue->value;
}

static void *answer(void *arg)
{
    for (int i = 0; i < ROUND_TRIPS; i++)
        put(&back, get(&there) + 1);
    return arg;
}

static void round_trips(void)
{
    st_thread_t other;

    there = (struct queue){.changed = st_cond_new()};
    back = (struct queue){.changed = st_cond_new()};
    if (!there.changed || !back.changed)
        bench_die("st_cond_new");
    other = create(answer, NULL, 1);
    for (int i = 0; i < ROUND_TRIPS; i++) {
        put(&there, i);
        if (get(&back) != i + 1)
            fail("a wrong value arrived");
    }
    if (st_thread_join(other, NULL) < 0 || st_cond_destroy(there.changed) < 0 ||
        st_cond_destroy(back.changed) < 0)
        bench_die("st_thread_join or st_cond_destroy");
}

/* ---- sleepers -------------------------------------------------------- */

static long asleep, woken;
static st_utime_t hold;

static void *sleeper(void *arg)
{
    asleep++;
    if (st_usleep(hold) == 0)
        woken++;
    return arg;
}

static void spawn_sleepers(long n)
{
    for (long i = 0; i < n; i++)
        if (!st_thread_create(sleeper, NULL, 0, 0)) {
            fprintf(stderr, "it stops at %ld of %ld: %s\n", i, n,
                    strerror(errno));
            exit(3);
        }
}

static void measure_sleepers(long n)
{
    struct sleepers_figures figures = sleepers_begin();
    st_utime_t limit;

    /* So long that the first still sleeps when the last begins to. */
    hold = 1000000 + 25 * (st_utime_t)n;
    spawn_sleepers(n);
    sleepers_spawned(&figures);
    while (asleep < n)
        st_usleep(0);
    sleepers_asleep(&figures);
    if (woken > 0)
        fail("some woke before all were asleep: this machine is too slow");
    limit = st_utime() + 2 * hold;
    while (woken < n && st_utime() < limit)
        st_usleep(10000);
    sleepers_print(&figures, n, woken);
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    long n = argc == 3 ? bench_number(argv[2], 100000000) : 0;

    if (st_set_eventsys(ST_EVENTSYS_ALT) < 0 || st_init() < 0)
        bench_die("st_init");
    if (argc == 2 && strcmp(what, "yield") == 0)
        measure(what, SWITCHES, yields);
    else if (argc == 2 && strcmp(what, "spawn_join") == 0)
        measure(what, SPAWNS, spawns);
    else if (argc == 2 && strcmp(what, "queue_round_trip") == 0)
        measure(what, ROUND_TRIPS, round_trips);
    else if (n > 0 && strcmp(what, "sleepers") == 0)
        measure_sleepers(n);
    else
        fail("usage: micro_st yield | spawn_join | queue_round_trip | "
             "sleepers N");
    return 0;
}
