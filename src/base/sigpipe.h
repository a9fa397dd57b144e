/*
 * A write without SIGPIPE, for calls that have no MSG_NOSIGNAL. The signal is
 * blocked in this OS thread during the call, and taken off the pending ones
 * afterwards if the call has raised it:
 *
 *     struct green__quiet quiet;
 *
 *     if (green__quiet_begin(&quiet) < 0)
 *         return -1;
 *     n = write(...);
 *     green__quiet_end(&quiet, n < 0 && errno == EPIPE);
 *
 * Nothing in between may switch.
 */
#ifndef GREEN_SIGPIPE_H
#define GREEN_SIGPIPE_H

#include <signal.h>
#include <stdbool.h>

struct green__quiet {
    sigset_t before;
    bool was_pending;
};

/* Returns 0, or -1 with errno. */
int green__quiet_begin(struct green__quiet *quiet);

/* `raised`: the call has raised SIGPIPE, and it is to be taken. Preserves errno. */
void green__quiet_end(struct green__quiet *quiet, bool raised);

#endif
