/*
 * Calls that wait unless the open file has O_NONBLOCK: sendfile, and splice on a
 * socket. They have no flag of their own for that.
 */
#ifndef GREEN_FLAGGED_H
#define GREEN_FLAGGED_H

#include "io/wait.h"

/*
 * Sets O_NONBLOCK of io->fd during the call, which must not switch. If it was
 * set before, io->nonblocking becomes true. Returns what the call returns, with
 * its errno; or -1 with the errno of fcntl.
 */
ssize_t green__call_flagged(struct green__io *io,
                            ssize_t (*call)(const struct green__io *io,
                                            void *arg),
                            void *arg);

#endif
