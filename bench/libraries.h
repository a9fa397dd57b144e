/*
 * Measures a library that blocks, by libgreenhub-patch:
 *
 *   libraries_NAME ARGUMENT...
 *
 * `one` connects to a server, waits for its answer, which comes after about 0.2 s,
 * and disconnects. It is run by a greenthread alone, by a hundred greenthreads at
 * once, and by a hundred OS threads at once, in turns. Prints a line of JSON
 * (figures.h):
 *
 *   at_once    the time until a hundred greenthreads are done; its floor is that of
 *              the one alone
 *   beside     the same; its floor is that of the OS threads
 *   cpu        the program's CPU time meanwhile; its floor is that of the OS threads
 */
#ifndef BENCH_LIBRARIES_H
#define BENCH_LIBRARIES_H

#include <greenhub.h>
#include <greenhub/patch.h>

#include <pthread.h>

#include "common.h"
#include "figures.h"

#define LIBRARIES_AT_ONCE 100
#define LIBRARIES_ROUNDS 3

static void one(char **arguments); /* ends the program if it fails */

static inline void __attribute__((noreturn)) libraries_fail(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(1);
}

static void *libraries_one(void *arguments)
{
    one(arguments);
    return NULL;
}

static void libraries_by_greenthreads(int count, char **arguments)
{
    struct green_thread *threads[LIBRARIES_AT_ONCE];

    for (int i = 0; i < count; i++) {
        threads[i] = green_spawn(libraries_one, arguments);
        if (!threads[i])
            bench_die("green_spawn");
    }
    for (int i = 0; i < count; i++)
        if (green_join(threads[i], NULL) < 0)
            bench_die("green_join");
}

/* Threads without greenthreads: their calls are native. */
static void libraries_by_threads(int count, char **arguments)
{
    pthread_t threads[LIBRARIES_AT_ONCE];

    for (int i = 0; i < count; i++) {
        errno = pthread_create(&threads[i], NULL, libraries_one, arguments);
        if (errno)
            bench_die("pthread_create");
    }
    for (int i = 0; i < count; i++)
        pthread_join(threads[i], NULL);
}

/* In ms. */
static void libraries_time(void (*run)(int, char **), int count,
                           char **arguments, double *wall, double *cpu)
{
    int64_t began = bench_now(), spent = bench_cpu_time();

    run(count, arguments);
    *wall = (double)(bench_now() - began) / 1e6;
    *cpu = (double)(bench_cpu_time() - spent) / 1e6;
}

static void libraries_round(struct figure *f, char **arguments)
{
    double alone, green, threads, cpu, cpu_green, cpu_threads;

    libraries_time(libraries_by_greenthreads, 1, arguments, &alone, &cpu);
    libraries_time(libraries_by_greenthreads, LIBRARIES_AT_ONCE, arguments,
                   &green, &cpu_green);
    libraries_time(libraries_by_threads, LIBRARIES_AT_ONCE, arguments, &threads,
                   &cpu_threads);
    figure_add(&f[0], green);
    figure_add(&f[1], alone);
    figure_add(&f[2], green);
    figure_add(&f[3], threads);
    figure_add(&f[4], cpu_green);
    figure_add(&f[5], cpu_threads);
}

int main(int argc, char **argv)
{
    struct figure figures[] = {
        {.name = "at_once", .unit = "ms"},
        {.name = "at_once_floor", .unit = "ms"},
        {.name = "beside", .unit = "ms"},
        {.name = "beside_floor", .unit = "ms"},
        {.name = "cpu", .unit = "ms"},
        {.name = "cpu_floor", .unit = "ms"},
    };

    if (argc < 2)
        libraries_fail("an argument is wanted: where the server is");
    bench_raise_descriptor_limit();
    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        libraries_fail(green_hub_error());
    libraries_by_greenthreads(1, argv + 1); /* what it loads once is loaded */
    for (int i = 0; i < LIBRARIES_ROUNDS; i++)
        libraries_round(figures, argv + 1);
    figures_print("libraries", figures, 6);
    return 0;
}

#endif
