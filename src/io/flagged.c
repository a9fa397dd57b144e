#include "io/flagged.h"

#include <fcntl.h>

#include "base/system.h"

ssize_t green__call_flagged(struct green__io *io,
                            ssize_t (*call)(const struct green__io *io,
                                            void *arg),
                            void *arg)
{
    int flags = green__system.fcntl(io->fd, F_GETFL);
    ssize_t n;
    int error;

    if (flags < 0)
        return -1;
    if (flags & O_NONBLOCK) {
        io->nonblocking = true;
        return call(io, arg);
    }
    if (green__system.fcntl(io->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    n = call(io, arg);
    error = errno;
    if (green__system.fcntl(io->fd, F_SETFL, flags) < 0)
        return -1;
    errno = error;
    return n;
}
