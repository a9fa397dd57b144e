/*
 * What every primitive that waits has in common, asked of each of them: a table
 * of subjects, and cases that loop over it with _i. Each case is in a process of
 * its own, so the primitives are static variables.
 */
#ifndef TESTS_WAITING_H
#define TESTS_WAITING_H

#include "support.h"

struct subject {
    const char *kind;      /* what green_dump calls the wait */
    void (*prepare)(void); /* makes it so that `wait` would block */
    int (*wait)(void);     /* the call that waits */
    void (*serve)(void);   /* lets one through */
    bool serves_all;       /* ... or rather all that wait */
    bool keeps_open;       /* ... and whoever comes later */
    bool needs_thread;     /* serve cannot be called in a hub's callback */
};

/* Adds the cases to a suite; there are `count` subjects. */
void add_waiting_cases(Suite *suite, const struct subject *subjects, int count);

/* A greenthread that has waited: what came of it. */
struct outcome {
    struct green_thread *thread;
    int result, error;
    int place; /* the how manieth it was to come through, from 1; 0: not yet */
    int after; /* the errno of a sleep afterwards */
};

#endif
