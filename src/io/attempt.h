/*
 * One read or write that does not block, whatever the descriptor is, and without
 * touching its flags: they are shared with whoever shares the open file.
 *
 * - Sockets have MSG_DONTWAIT.
 * - Pipes, and what else the kernel can, have RWF_NOWAIT.
 * - For terminals and the rest poll(2) says beforehand whether a small piece
 *   will do.
 * - Files on a disk, which are always ready, are just read and written.
 *
 * They return as the system calls do, EAGAIN when it would block.
 */
#ifndef GREEN_ATTEMPT_H
#define GREEN_ATTEMPT_H

#include <sys/socket.h>

#include "base/system.h"
#include "io/wait.h"

ssize_t green__try_read(struct green__io *io, void *buffer, size_t size);
ssize_t green__try_write(struct green__io *io, const void *buffer, size_t size);

/* False: it is known to be none. */
static inline bool green__may_be_socket(const struct green__io *io)
{
    return !io->d || !(io->d->file & GREEN__FILE_NO_SOCKET) ||
           !(io->d->flags & GREEN__TRUSTED);
}

static inline bool green__is_no_socket(ssize_t result)
{
    return result < 0 && errno == ENOTSOCK;
}

/*
 * The same two for the descriptor that is most likely a socket, in line: a system
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
    return green__try_read(io, buffer, size);
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
    return green__try_write(io, buffer, size);
}
ssize_t green__try_readv(struct green__io *io, const struct iovec *iov,
                         int count);
ssize_t green__try_writev(struct green__io *io, const struct iovec *iov,
                          int count);

#endif
