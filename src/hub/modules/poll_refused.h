/* Emulates poll(2) by select(2) where the kernel refuses it. */
#ifndef GREEN_HUB_POLL_REFUSED_H
#define GREEN_HUB_POLL_REFUSED_H

#include <poll.h>
#include <stddef.h>

#include <greenhub/base.h>

/*
 * As ppoll, revents and result included, except that it reports a hang-up as
 * readable and an error as both readable and writable, and can fail with
 * ENOMEM. For a process that has set RLIMIT_NOFILE below the number of
 * descriptors that it watches: ppoll then fails with EINVAL, also at a limit of
 * 0, while select does not check the limit.
 *
 * *memory is NULL before and after the call, which keeps its memory there: a
 * pthread_cancel may end the call, and closing the hub then releases *memory.
 */
int green__poll_refused(unsigned long **memory, struct pollfd *fds,
                        size_t count, green_time timeout);

#endif
