/* Transfers: read, write, messages, sendfile. */
#include <greenhub/io.h>

#include "patch/cancel.h"
#include "patch/transfer.h"

/* ---- SIGPIPE ----------------------------------------------------------- */

/* greenhub asks the kernel for no SIGPIPE; the native call would raise it. */
static GREEN__COLD ssize_t raise_pipe(ssize_t result)
{
    raise(SIGPIPE);
    errno = EPIPE;
    return result;
}

static inline ssize_t sent(ssize_t result, int flags)
{
    if (green__unlikely(result < 0 && errno == EPIPE &&
                        !(flags & MSG_NOSIGNAL)))
        return raise_pipe(result);
    return result;
}

/* For a pipe or FIFO it has been raised already. */
static GREEN__COLD ssize_t raise_pipe_of_socket(int fd, ssize_t result)
{
    int type;
    socklen_t size = sizeof type;

    if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &size) == 0)
        return raise_pipe(result);
    errno = EPIPE;
    return result;
}

static inline ssize_t written(int fd, ssize_t result)
{
    if (green__unlikely(result < 0 && errno == EPIPE))
        return raise_pipe_of_socket(fd, result);
    return result;
}

/* ---- Transfers -------------------------------------------------------- */

static inline ssize_t read_in(unsigned group, int fd, void *buffer, size_t size)
{
    if (green__is_green_point(group)) {
        int before = errno;

        return green__kept(before,
                           green__point_ends(green_read(fd, buffer, size)));
    }
    return green__real()->read(fd, buffer, size);
}

static inline ssize_t write_in(unsigned group, int fd, const void *buffer,
                               size_t size)
{
    if (green__is_green_point(group)) {
        int before = errno;

        return green__kept(before, green__point_ends(written(
                                       fd, green_write(fd, buffer, size))));
    }
    return green__real()->write(fd, buffer, size);
}

GREEN__HOOK ssize_t read(int fd, void *buffer, size_t size)
{
    return read_in(GREEN_PATCH_IO, fd, buffer, size);
}

GREEN__HOOK ssize_t write(int fd, const void *buffer, size_t size)
{
    return write_in(GREEN_PATCH_IO, fd, buffer, size);
}

ssize_t green__read_in(unsigned group, int fd, void *buffer, size_t size)
{
    return read_in(group, fd, buffer, size);
}

ssize_t green__write_in(unsigned group, int fd, const void *buffer, size_t size)
{
    return write_in(group, fd, buffer, size);
}

size_t green__write_all_in(unsigned group, int fd, const char *buffer,
                           size_t size)
{
    size_t done = 0;
    ssize_t n;

    while (done < size) {
        n = write_in(group, fd, buffer + done, size - done);
        if (n < 0)
            break;
        done += (size_t)n;
    }
    return done;
}

GREEN__HOOK ssize_t readv(int fd, const struct iovec *iov, int count)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(before,
                           green__point_ends(green_readv(fd, iov, count)));
    }
    return green__real()->readv(fd, iov, count);
}

GREEN__HOOK ssize_t writev(int fd, const struct iovec *iov, int count)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(before, green__point_ends(written(
                                       fd, green_writev(fd, iov, count))));
    }
    return green__real()->writev(fd, iov, count);
}

GREEN__HOOK ssize_t recv(int fd, void *buffer, size_t size, int flags)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before, green__point_ends(green_recv(fd, buffer, size, flags)));
    }
    return green__real()->recv(fd, buffer, size, flags);
}

GREEN__HOOK ssize_t recvfrom(int fd, void *buffer, size_t size, int flags,
                             __SOCKADDR_ARG address, socklen_t *length)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(before, green__point_ends(green_recvfrom(
                                       fd, buffer, size, flags,
                                       address.__sockaddr__, length)));
    }
    return green__real()->recvfrom(fd, buffer, size, flags, address, length);
}

GREEN__HOOK ssize_t recvmsg(int fd, struct msghdr *message, int flags)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before, green__point_ends(green_recvmsg(fd, message, flags)));
    }
    return green__real()->recvmsg(fd, message, flags);
}

GREEN__HOOK ssize_t send(int fd, const void *buffer, size_t size, int flags)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before, green__point_ends(
                        sent(green_send(fd, buffer, size, flags), flags)));
    }
    return green__real()->send(fd, buffer, size, flags);
}

GREEN__HOOK ssize_t sendto(int fd, const void *buffer, size_t size, int flags,
                           __CONST_SOCKADDR_ARG address, socklen_t length)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before,
            green__point_ends(sent(green_sendto(fd, buffer, size, flags,
                                                address.__sockaddr__, length),
                                   flags)));
    }
    return green__real()->sendto(fd, buffer, size, flags, address, length);
}

GREEN__HOOK ssize_t sendmsg(int fd, const struct msghdr *message, int flags)
{
    if (green__is_green_point(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before,
            green__point_ends(sent(green_sendmsg(fd, message, flags), flags)));
    }
    return green__real()->sendmsg(fd, message, flags);
}

GREEN__HOOK ssize_t sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before,
            written(out_fd, green_sendfile(out_fd, in_fd, offset, count)));
    }
    return green__real()->sendfile(out_fd, in_fd, offset, count);
}

/* off_t has 64 bits in this library's build. */
GREEN__HOOK ssize_t sendfile64(int out_fd, int in_fd, off64_t *offset,
                               size_t count)
{
    if (green__is_green(GREEN_PATCH_IO)) {
        int before = errno;

        return green__kept(
            before,
            written(out_fd, green_sendfile(out_fd, in_fd, offset, count)));
    }
    return green__real()->sendfile64(out_fd, in_fd, offset, count);
}
