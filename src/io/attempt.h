/*
 * One read or write that does not block, whatever the descriptor is, and without
 * touching its flags: they are shared with whoever shares the open file.
 *
 * - Sockets have MSG_DONTWAIT.
 * - Pipes, and what else the kernel can, have RWF_NOWAIT.
 * - Files on a disk, which are always ready, are just read and written.
 * - For FIFOs, terminals and the rest see special.h.
 *
 * They return as the system calls do, EAGAIN when it would block. What each costs
 * in system calls is in tests/syscalls.py.
 */
#ifndef GREEN_ATTEMPT_H
#define GREEN_ATTEMPT_H

#include <sys/socket.h>

#include "base/system.h"
#include "io/wait.h"

/* What is no socket, or was none when last seen. */
ssize_t green__other_read(struct green__io *io, void *buffer, size_t size);
ssize_t green__other_write(struct green__io *io, const void *buffer,
                           size_t size);
ssize_t green__other_readv(struct green__io *io, const struct iovec *iov,
                           int count);
ssize_t green__other_writev(struct green__io *io, const struct iovec *iov,
                            int count);

/* False: it is known to be none, or was none when last seen. */
static inline bool green__may_be_socket(const struct green__io *io)
{
    return !io->d || !(io->d->file & GREEN__FILE_NO_SOCKET);
}

static inline bool green__is_no_socket(ssize_t result)
{
    return result < 0 && errno == ENOTSOCK;
}

/*
 * A descriptor is most likely a socket, so that is tried in line: a system
 * call leaves the processor without its predictions of the returns behind it, so
 * each function in between costs some 4 ns.
 */
static inline ssize_t green__try_recv(struct green__io *io, void *buffer,
                                      size_t size)
{
    if (green__likely(green__may_be_socket(io))) {
        ssize_t n = green__system.recv(io->fd, buffer, size, MSG_DONTWAIT);

        if (green__likely(!green__is_no_socket(n)))
            return n;
    }
    return green__other_read(io, buffer, size);
}

static inline ssize_t green__try_send(struct green__io *io, const void *buffer,
                                      size_t size)
{
    if (green__likely(green__may_be_socket(io))) {
        ssize_t n = green__system.send(io->fd, buffer, size,
                                       MSG_DONTWAIT | MSG_NOSIGNAL);

        if (green__likely(!green__is_no_socket(n)))
            return n;
    }
    return green__other_write(io, buffer, size);
}

ssize_t green__try_readv(struct green__io *io, const struct iovec *iov,
                         int count);
ssize_t green__try_writev(struct green__io *io, const struct iovec *iov,
                          int count);

/* write(2) of no bytes: an empty datagram. */
ssize_t green__write_nothing(struct green__io *io, const void *buffer);

#endif
