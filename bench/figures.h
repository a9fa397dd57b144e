/* Repeated measurements, and their output by the micro benchmarks: one line of
 * JSON, {"benchmark": ..., "figures": [{"name": ..., "unit": ..., "best": ...,
 * "median": ..., "worst": ..., "repetitions": ...}, ...]}. Also for C++. */
#ifndef BENCH_FIGURES_H
#define BENCH_FIGURES_H

#include <stdio.h>
#include <stdlib.h>

#define FIGURE_REPETITIONS 15

struct figure {
    const char *name;
    const char *unit;
    int repetitions;
    double values[FIGURE_REPETITIONS];
};

static inline void figure_add(struct figure *figure, double value)
{
    figure->values[figure->repetitions++] = value;
}

static inline int figure_compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static inline void figure_print(struct figure *f)
{
    qsort(f->values, (size_t)f->repetitions, sizeof f->values[0],
          figure_compare);
    printf("{\"name\": \"%s\", \"unit\": \"%s\", \"best\": %.3f, "
           "\"median\": %.3f, \"worst\": %.3f, \"repetitions\": %d}",
           f->name, f->unit, f->values[0], f->values[f->repetitions / 2],
           f->values[f->repetitions - 1], f->repetitions);
}

static inline void figures_print(const char *benchmark, struct figure *figures,
                                 int count)
{
    printf("{\"benchmark\": \"%s\", \"figures\": [", benchmark);
    for (int i = 0; i < count; i++) {
        if (i > 0)
            printf(", ");
        figure_print(&figures[i]);
    }
    printf("]}\n");
}

#endif
