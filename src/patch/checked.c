/*
 * What -D_FORTIFY_SOURCE makes of the calls: `room` is the size of the buffer
 * as far as the compiler knew it, and a call that would write beyond it ends
 * the program, as in glibc.
 */
#include "patch/real.h"

GREEN__HOOK ssize_t __read_chk(int fd, void *buffer, size_t size, size_t room)
{
    if (size > room)
        __chk_fail();
    return read(fd, buffer, size);
}

GREEN__HOOK ssize_t __recv_chk(int fd, void *buffer, size_t size, size_t room,
                               int flags)
{
    if (size > room)
        __chk_fail();
    return recv(fd, buffer, size, flags);
}

GREEN__HOOK ssize_t __recvfrom_chk(int fd, void *buffer, size_t size,
                                   size_t room, int flags,
                                   __SOCKADDR_ARG address, socklen_t *length)
{
    if (size > room)
        __chk_fail();
    return recvfrom(fd, buffer, size, flags, address, length);
}

GREEN__HOOK int __poll_chk(struct pollfd *fds, nfds_t count, int timeout,
                           size_t room)
{
    if (room / sizeof *fds < count)
        __chk_fail();
    return poll(fds, count, timeout);
}

GREEN__HOOK int __ppoll_chk(struct pollfd *fds, nfds_t count,
                            const struct timespec *timeout,
                            const sigset_t *mask, size_t room)
{
    if (room / sizeof *fds < count)
        __chk_fail();
    return ppoll(fds, count, timeout, mask);
}
