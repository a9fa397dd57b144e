/*
 * Behaviour that all primitives with a wait have in common, tested on each of
 * them: a table of subjects, and cases that loop over it with _i. Each case
 * runs in a process of its own, so the primitives are static variables.
 */
#ifndef TESTS_WAITING_H
#define TESTS_WAITING_H

#include "support.h"

struct subject {
    const char *kind;      /* green_dump's name for the wait */
    void (*prepare)(void); /* makes the next `wait` block */
    int (*wait)(void);     /* the call that waits */
    void (*serve)(void);   /* wakes one waiter */
    bool serves_all;       /* ... or rather all waiters */
    bool keeps_open;       /* ... and lets later callers pass */
    bool needs_thread;     /* serve must not run in a hub's callback */
};

/* Adds the cases to a suite; there are `count` subjects. */
void add_waiting_cases(Suite *suite, const struct subject *subjects, int count);

/* A greenthread that has waited, and the outcome. */
struct outcome {
    struct green_thread *thread;
    int result, error;
    int place; /* its position among those that returned, from 1; 0: not yet */
    int after; /* errno of a sleep after the wait */
};

#endif
