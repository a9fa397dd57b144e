/*
 * The timer benchmark, the same for greenhub and for each peer: it measures
 * arming, moving, disarming and firing with N timers outstanding. A program
 * passes a constant struct timers_subject to timers_main, which is inlined, so
 * that its calls through the struct are direct.
 *
 *   NAME N      prints a line of JSON (figures.h): arm, cancel_rearm, cancel, fire
 *
 * Each repetition arms all N for random times in a minute or two, cancels and
 * re-arms each in random order, and cancels each in random order; then it arms
 * them for times that have passed once all are armed, and lets them fire. It
 * divides each figure by N. All subjects do the same operations with the same
 * times in the same order.
 */
#ifndef BENCH_TIMERS_H
#define BENCH_TIMERS_H

#include "common.h"
#include "figures.h"

#define TIMERS_REPETITIONS 3
/* With few timers, this many operations are still done per repetition. */
#define TIMERS_OPERATIONS 500000
/* With few timers, only one repetition in this many lets them fire, since that
 * waits. */
#define TIMERS_FIRE_EVERY 10
#define TIMERS_INLINE static inline __attribute__((always_inline))

struct timers_subject {
    /* Makes n timers, whose callback must call timers_fired. */
    void (*prepare)(long n);
    /* Lets the library update its clock; called before arming many. */
    void (*begin)(void);
    /* Arms timer i for this many ns after begin. */
    void (*arm)(long i, int64_t ns);
    void (*cancel)(long i);
    /* Runs the loop once, without waiting. */
    void (*iterate)(void);
    /* Times closer than this, in ns, may fire in any order: its clock's unit. */
    int64_t granularity;
    /* How far its clock may lag, in ns: it fires no later than this. */
    int64_t lag;
};

static struct {
    long n;
    long *order;        /* 0 to n - 1, shuffled */
    int64_t *distances; /* random; two for each timer */
    int64_t *armed;     /* when each timer must fire */
    int64_t latest;     /* of the timers that have fired */
    int64_t granularity;
    long fired;
} timers;

/* Each subject's callback calls this. */
static inline void timers_fired(long i)
{
    int64_t when = timers.armed[i];

    if (when + timers.granularity < timers.latest) {
        fprintf(stderr, "timers fired out of order\n");
        exit(1);
    }
    if (when > timers.latest)
        timers.latest = when;
    timers.fired++;
}

/* xorshift64 with a fixed seed, so that all runs of all subjects do the
 * same. */
static inline uint64_t timers_random(void)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static inline void timers_prepare(long n)
{
    size_t count = (size_t)n;

    timers.n = n;
    timers.order = calloc(count, sizeof *timers.order);
    timers.armed = calloc(count, sizeof *timers.armed);
    timers.distances = calloc(2 * count, sizeof *timers.distances);
    if (!timers.order || !timers.armed || !timers.distances)
        bench_die("calloc");
    for (long i = 0; i < n; i++) {
        long other = (long)(timers_random() % (uint64_t)(i + 1));

        timers.order[i] = timers.order[other];
        timers.order[other] = i;
    }
    /* In one to two minutes: none is due during the measurement. */
    for (long i = 0; i < 2 * n; i++)
        timers.distances[i] =
            60000000000 + (int64_t)(timers_random() % 60000000000);
}

/* Arms all, moves all, disarms all; adds each phase's time in ns. */
TIMERS_INLINE void timers_operations(const struct timers_subject *subject,
                                     int64_t took[3])
{
    int64_t *again = timers.distances + timers.n;
    int64_t began, armed, moved;

    subject->begin();
    began = bench_now();
    for (long i = 0; i < timers.n; i++)
        subject->arm(i, timers.distances[i]);
    armed = bench_now();
    for (long k = 0; k < timers.n; k++) {
        long i = timers.order[k];

        subject->cancel(i);
        subject->arm(i, again[i]);
    }
    moved = bench_now();
    for (long k = 0; k < timers.n; k++)
        subject->cancel(timers.order[k]);
    took[0] += armed - began;
    took[1] += moved - armed;
    took[2] += bench_now() - moved;
}

/* Lets all become due and fire, in one or a few iterations; returns the time in
 * ns. */
TIMERS_INLINE int64_t timers_firing(const struct timers_subject *subject)
{
    int64_t end = 0, began;

    subject->begin();
    for (long i = 0; i < timers.n; i++) {
        timers.armed[i] = timers.distances[i] % (1000 * timers.n);
        subject->arm(i, timers.armed[i]);
        end = timers.armed[i] > end ? timers.armed[i] : end;
    }
    end += bench_now() + subject->lag;
    while (bench_now() <= end)
        ;
    timers.fired = 0;
    timers.latest = 0;
    began = bench_now();
    while (timers.fired < timers.n)
        subject->iterate();
    return bench_now() - began;
}

/* Runs the phases so many times, and adds their times to the four figures. */
TIMERS_INLINE void timers_repetition(const struct timers_subject *subject,
                                     long times, struct figure figures[4])
{
    int64_t took[4] = {0};
    long firings = 0;

    for (long i = 0; i < times; i++) {
        timers_operations(subject, took);
        if (i % TIMERS_FIRE_EVERY > 0)
            continue;
        took[3] += timers_firing(subject);
        firings++;
    }
    for (int i = 0; i < 3; i++)
        figure_add(&figures[i], (double)took[i] / (double)(timers.n * times));
    figure_add(&figures[3], (double)took[3] / (double)(timers.n * firings));
}

TIMERS_INLINE int timers_main(int argc, char **argv,
                              const struct timers_subject *subject)
{
    struct figure figures[] = {
        {.name = "arm", .unit = "ns"},
        {.name = "cancel_rearm", .unit = "ns"},
        {.name = "cancel", .unit = "ns"},
        {.name = "fire", .unit = "ns"},
    };
    long n = argc == 2 ? bench_number(argv[1], 100000000) : 0;
    long times = n < TIMERS_OPERATIONS ? TIMERS_OPERATIONS / (n ? n : 1) : 1;

    if (n == 0) {
        fprintf(stderr, "usage: %s N\n", argv[0]);
        return 2;
    }
    timers.granularity = subject->granularity;
    timers_prepare(n);
    subject->prepare(n);
    for (int i = 0; i < TIMERS_REPETITIONS; i++)
        timers_repetition(subject, times, figures);
    figures_print("timers", figures, 4);
    return 0;
}

#endif
