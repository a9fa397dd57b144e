/*
 * One read or write that does not block, for every kind of descriptor. It does
 * not change the descriptor's flags: every user of the open file shares them.
 *
 * - Sockets: MSG_DONTWAIT.
 * - Pipes, and others for which the kernel supports it: RWF_NOWAIT.
 * - Files on a disk, which are always ready: a plain read or write.
 * - FIFOs, terminals and the rest: see special.h.
 *
 * The functions return as the system calls do, EAGAIN when they would block.
 * tests/syscalls.py lists what each costs in system calls.
 */
#ifndef GREEN_ATTEMPT_H
#define GREEN_ATTEMPT_H

#include <sys/socket.h>

#include "base/system.h"
#include "base/trace.h"
#include "io/wait.h"

/* For a descriptor that is no socket, or was none when last examined. */
ssize_t green__other_read(struct green__io *io, void *buffer, size_t size);
ssize_t green__other_write(struct green__io *io, const void *buffer,
                           size_t size);
ssize_t green__other_readv(struct green__io *io, const struct iovec *iov,
                           int count);
ssize_t green__other_writev(struct green__io *io, const struct iovec *iov,
                            int count);

/* False: it is no socket, or was none when last examined. */
static inline bool green__may_be_socket(const struct green__io *io)
{
    return !io->d || !(io->d->file & GREEN__FILE_NO_SOCKET);
}

static inline bool green__is_no_socket(ssize_t result)
{
    return result < 0 && errno == ENOTSOCK;
}

/*
 * Most descriptors are sockets, so these two try that inline: after a system
 * call the processor has lost its return predictions, so each function in
 * between costs some 4 ns.
 */
static inline ssize_t green__try_recv(struct green__io *io, void *buffer,
                                      size_t size)
{
    if (green__likely(green__may_be_socket(io))) {
        green_time begun = green__trace_clock();
        ssize_t n = green__system.recv(io->fd, buffer, size, MSG_DONTWAIT);

        green__trace_called(begun, "recv", io->fd, n);

        if (green__likely(!green__is_no_socket(n)))
            return n;
    }
    return green__other_read(io, buffer, size);
}

static inline ssize_t green__try_send(struct green__io *io, const void *buffer,
                                      size_t size)
{
    if (green__likely(green__may_be_socket(io))) {
        green_time begun = green__trace_clock();
        ssize_t n = green__system.send(io->fd, buffer, size,
                                       MSG_DONTWAIT | MSG_NOSIGNAL);

        green__trace_called(begun, "send", io->fd, n);

        if (green__likely(!green__is_no_socket(n)))
            return n;
    }
    return green__other_write(io, buffer, size);
}

ssize_t green__try_readv(struct green__io *io, const struct iovec *iov,
                         int count);
ssize_t green__try_writev(struct green__io *io, const struct iovec *iov,
                          int count);

/* write(2) of no bytes: on a datagram socket, an empty datagram. */
ssize_t green__write_nothing(struct green__io *io, const void *buffer);

#endif
