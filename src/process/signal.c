/*
 * Waiting for signals: they are tried first, then waited for in a way that takes
 * nothing: so what ends the wait loses no signal.
 */
#include <greenhub/process.h>

#include <errno.h>

#include "base/portable.h"
#include "base/system.h"
#include "greenthread/call.h"
#include "process/wait.h"

static bool is_blocked(const sigset_t *set)
{
    sigset_t blocked;

    if (green__system.pthread_sigmask(SIG_BLOCK, NULL, &blocked) != 0)
        return false;
    for (int i = 1; i < NSIG; i++)
        if (sigismember(set, i) == 1 && sigismember(&blocked, i) != 1)
            return false;
    return true;
}

/* One that is pending: its number; 0: none; or -1 with errno. */
static int take_pending(const sigset_t *set, siginfo_t *info)
{
    static const struct timespec at_once;
    int found;

    do
        found = green__system.sigtimedwait(set, info, &at_once);
    while (found < 0 && errno == EINTR);
    return found < 0 && errno == EAGAIN ? 0 : found;
}

int green_signal_wait(const sigset_t *set, siginfo_t *info)
{
    int found;

    if (!set || !is_blocked(set))
        return green__refuse(EINVAL);
    if (green__call_begins() < 0)
        return -1;
    found = take_pending(set, info);
    if (found != 0) {
        green__call_ends(GREEN__COST_SYSTEM_CALL);
        return found;
    }
    while (found == 0) {
        if (green__signal_await(set) < 0)
            return -1;
        found = take_pending(set, info);
    }
    return found;
}
