/* The memory of many sleepers, and the time to spawn them and put them to
 * sleep. Call sleepers_begin, then sleepers_spawned when all are spawned,
 * sleepers_asleep when all sleep, and sleepers_print when all have woken. */
#ifndef BENCH_SLEEPERS_H
#define BENCH_SLEEPERS_H

#include "common.h"
#include "figures.h"

struct sleepers_figures {
    double resident, tables; /* before them, and then of them, in bytes */
    int64_t began, spawned, asleep;
};

/* The bytes that a line of /proc/self/status names in kB. */
static inline double sleepers_status(const char *key)
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
    if (value < 0) {
        fprintf(stderr, "/proc/self/status lacks %s\n", key);
        exit(1);
    }
    return value;
}

static inline struct sleepers_figures sleepers_begin(void)
{
    return (struct sleepers_figures){
        .resident = sleepers_status("VmRSS"),
        .tables = sleepers_status("VmPTE"),
        .began = bench_now(),
    };
}

static inline void sleepers_spawned(struct sleepers_figures *s)
{
    s->spawned = bench_now();
}

static inline void sleepers_asleep(struct sleepers_figures *s)
{
    s->asleep = bench_now();
    s->resident = sleepers_status("VmRSS") - s->resident;
    s->tables = sleepers_status("VmPTE") - s->tables;
}

/* Fails if not all have woken. */
static inline void sleepers_print(struct sleepers_figures *s, long count,
                                  long woken)
{
    struct figure figures[] = {
        {.name = "resident", .unit = "B"},
        {.name = "page_tables", .unit = "B"},
        {.name = "spawn", .unit = "ns"},
        {.name = "run_and_sleep", .unit = "ns"},
        {.name = "woken", .unit = ""},
    };
    double n = (double)count;

    if (woken < count) {
        fprintf(stderr, "only %ld of %ld woke\n", woken, count);
        exit(1);
    }
    figure_add(&figures[0], s->resident / n);
    figure_add(&figures[1], s->tables / n);
    figure_add(&figures[2], (double)(s->spawned - s->began) / n);
    figure_add(&figures[3], (double)(s->asleep - s->spawned) / n);
    figure_add(&figures[4], (double)woken);
    figures_print("sleepers", figures, 5);
}

#endif
