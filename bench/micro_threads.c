/*
 * Measures operations of POSIX threads, as one uses them without greenhub, of
 * which it knows nothing; `greenhub run` makes greenthreads of its threads:
 *
 *   micro_threads create_join    pthread_create, run, end, pthread_join
 *   micro_threads thread_yield   a switch between two threads that call
 *                                sched_yield
 *
 * Prints a line of JSON (figures.h), in CPU time. Each measurement takes about
 * REPETITION_NS: natively an operation takes many times as long.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#include "common.h"
#include "figures.h"

#define REPETITIONS 7
#define REPETITION_NS 100000000
#define CREATIONS 200
#define YIELDS 1000

static void __attribute__((noreturn)) fail(const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    exit(1);
}

static pthread_t start(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    errno = pthread_create(&thread, NULL, fn, arg);
    if (errno)
        bench_die("pthread_create");
    return thread;
}

static void *finish(pthread_t thread)
{
    void *result = NULL;

    errno = pthread_join(thread, &result);
    if (errno)
        bench_die("pthread_join");
    return result;
}

/* ---- create_join ------------------------------------------------------- */

static long runs;

static void *run_once(void *arg)
{
    runs++;
    return arg;
}

static double time_creations(void)
{
    int64_t began = bench_cpu_time(), took;
    long created = 0;

    runs = 0;
    do {
        for (int i = 0; i < CREATIONS; i++)
            if (finish(start(run_once, &runs)) != &runs)
                fail("a thread's result is another's");
        created += CREATIONS;
        took = bench_cpu_time() - began;
    } while (took < REPETITION_NS);
    if (runs != created)
        fail("not every thread ran");
    return (double)took / (double)created;
}

/* ---- thread_yield ------------------------------------------------------ */

/* One of the two threads. */
struct side {
    int64_t limit; /* yields until then */
    long switches; /* to it, from the other */
};

static _Atomic(struct side *) last; /* ran last */

static inline void yield_once(struct side *me)
{
    if (atomic_load_explicit(&last, memory_order_relaxed) != me) {
        atomic_store_explicit(&last, me, memory_order_relaxed);
        me->switches++;
    }
    sched_yield();
}

static void *yield_often(void *arg)
{
    const struct side *me = arg;

    do
        for (int i = 0; i < YIELDS; i++)
            yield_once(arg);
    while (bench_cpu_time() < me->limit);
    return arg;
}

static double time_yields(void)
{
    int64_t began = bench_cpu_time();
    struct side one = {.limit = began + REPETITION_NS}, other = one;
    pthread_t threads[] = {start(yield_often, &one),
                           start(yield_often, &other)};
    long switches;

    finish(threads[0]);
    finish(threads[1]);
    switches = one.switches + other.switches;
    if (switches <= 2)
        fail("no yield has switched");
    return (double)(bench_cpu_time() - began) / (double)switches;
}

static void measure(const char *name, double (*time_once)(void))
{
    struct figure figure = {.name = name, .unit = "ns"};

    for (int i = 0; i < REPETITIONS; i++)
        figure_add(&figure, time_once());
    figures_print(name, &figure, 1);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (strcmp(what, "create_join") == 0)
        measure(what, time_creations);
    else if (strcmp(what, "thread_yield") == 0)
        measure(what, time_yields);
    else
        fail("usage: micro_threads create_join | thread_yield");
    return 0;
}
