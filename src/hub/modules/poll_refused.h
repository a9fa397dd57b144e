/* poll(2) where the kernel refuses it: by select(2). */
#ifndef GREEN_HUB_POLL_REFUSED_H
#define GREEN_HUB_POLL_REFUSED_H

#include <poll.h>
#include <stddef.h>

#include <greenhub/base.h>

/*
 * As ppoll, revents and result included, but that a hang-up is told as readable
 * and an error as both. For a process that has set its RLIMIT_NOFILE below the
 * number that it watches: ppoll answers EINVAL then, also at a limit of 0, and
 * select does not ask. ENOMEM besides.
 */
int green__poll_refused(struct pollfd *fds, size_t count, green_time timeout);

#endif
