#include "base/sigpipe.h"

#include <errno.h>

#include "base/system.h"

static void make_sigpipe(sigset_t *set)
{
    sigemptyset(set);
    sigaddset(set, SIGPIPE);
}

int green__quiet_begin(struct green__quiet *quiet)
{
    sigset_t sigpipe, pending;

    make_sigpipe(&sigpipe);
    quiet->was_pending = false;
    if (green__system.pthread_sigmask(SIG_BLOCK, &sigpipe, &quiet->before) != 0)
        return -1;
    if (sigismember(&quiet->before, SIGPIPE) &&
        green__system.sigpending(&pending) == 0)
        quiet->was_pending = sigismember(&pending, SIGPIPE);
    return 0;
}

void green__quiet_end(struct green__quiet *quiet, bool raised)
{
    static const struct timespec at_once;
    sigset_t sigpipe;
    int error = errno;

    make_sigpipe(&sigpipe);
    if (raised && !quiet->was_pending)
        while (green__system.sigtimedwait(&sigpipe, NULL, &at_once) < 0 &&
               errno == EINTR)
            ;
    green__system.pthread_sigmask(SIG_SETMASK, &quiet->before, NULL);
    errno = error;
}
