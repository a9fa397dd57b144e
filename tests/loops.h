/* Loops of a call that does not have to wait: other greenthreads must still
 * run. */
#ifndef TESTS_LOOPS_H
#define TESTS_LOOPS_H

#include <string.h>

#include "support.h"

static volatile bool stop;
static int runs;

static void count_runs(void *arg)
{
    (void)arg;
    while (!stop) {
        runs++;
        ck_ok(green_sleep(0));
    }
}

static inline void until_others_ran(int (*call)(void), const char *name)
{
    ck_ok(green_spawn_n(count_runs, NULL));
    while (runs < 5)
        ck_assert_msg(call() == 0, "%s: %s", name, strerror(errno));
    stop = true;
    ck_ok(green_sleep(0));
}

static inline void until_a_timeout(int (*call)(void))
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    while (call() == 0)
        ;
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(call());
}

#endif
