/* green_poll with a timeout in nanoseconds, for poll and select. */
#ifndef GREEN_IO_POLL_H
#define GREEN_IO_POLL_H

#include <poll.h>

#include <greenhub/base.h>

#include "base/attributes.h"

/* As poll(2); timeout may be GREEN_FOREVER. */
GREEN__PRIVATE int green__poll(struct pollfd *fds, nfds_t count,
                               green_time timeout);

#endif
