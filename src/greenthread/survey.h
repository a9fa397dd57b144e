/*
 * What the screen of `greenhub top` shows of an OS thread: counters, and its
 * greenthreads in groups. As a look (look.h), it is taken by the OS thread
 * itself, in a signal handler.
 */
#ifndef GREEN_SURVEY_H
#define GREEN_SURVEY_H

#include "greenthread/gauge.h"
#include "greenthread/scheduler.h"

#define GREEN__GROUPS 256 /* a power of two */

/* Greenthreads of the same name but for a number at its end, spawned at the same
 * place, that wait for the same. */
struct green__group {
    char name[32];
    void *spawned_at;
    const char *state, *wait;          /* wait: the kind, or NULL */
    size_t count;                      /* 0: unused */
    green_time longest;                /* that one of them has waited */
    const struct green_thread *oldest; /* that one */
};

struct green__survey {
    struct green__survey *next;
    int os_thread;
    bool taken; /* the OS thread has answered */
    /* What is wanted. */
    bool with_groups;
    green_time watch_until;     /* measure delays until then; 0: do not */
    struct green__gauge *gauge; /* for an OS thread that has none */
    /* What was found. */
    char hub[32];  /* empty: none */
    green_time at; /* of CLOCK_MONOTONIC */
    struct green_hub_stats stats;
    green_time waited; /* by the hub, in all */
    /* The longest between two waits, lately and the one that lasts; since the
     * last survey with `watch_until`. */
    green_time slowest;
    size_t queue, timers;
    green_time next_timer; /* from now; GREEN_FOREVER: none */
    size_t stacks, idle_stacks, stack_bytes;
    char running[32]; /* the greenthread's name; empty: the hub */
    uint64_t samples[GREEN__GAUGE_BUCKETS]; /* see gauge.h */
    size_t ungrouped; /* greenthreads for which there was no group left */
    struct green__group groups[GREEN__GROUPS];
};

/* Called by look.c, on the OS thread that is looked at. */
void green__survey_take(struct green__survey *survey,
                        struct green__scheduler *s);

/* Surveys all OS threads with greenthreads. NULL without any, or with ENOMEM;
 * free them by green__surveys_free. */
struct green__survey *green__survey_all(bool with_groups,
                                        green_time watch_until);
void green__surveys_free(struct green__survey *surveys);

#endif
