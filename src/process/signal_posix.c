/*
 * POSIX has no descriptor that tells of blocked signals, and what waits for them
 * (sigwait) takes one, which would be lost with a greenthread that is killed
 * meanwhile. So this looks again and again, at first each millisecond. See wait.h.
 */
#include <greenhub/thread.h>

#include "base/system.h"
#include "process/wait.h"

#define SHORTEST GREEN_MSEC
#define LONGEST (50 * GREEN_MSEC)

static bool is_one_pending(const sigset_t *set)
{
    sigset_t pending;

    if (green__system.sigpending(&pending) < 0)
        return true; /* the caller's try tells */
    for (int i = 1; sigismember(&pending, i) >= 0; i++)
        if (sigismember(&pending, i) == 1 && sigismember(set, i) == 1)
            return true;
    return false;
}

int green__signal_await(const sigset_t *set)
{
    green_time pause = SHORTEST;

    while (!is_one_pending(set)) {
        if (green_sleep(pause) < 0)
            return -1;
        pause = pause * 2 < LONGEST ? pause * 2 : LONGEST;
    }
    return 0;
}
