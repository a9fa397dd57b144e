#include "io/attempt.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "io/file.h"

/* A terminal that poll calls writable takes this much without blocking for long
 * enough to matter. */
#define SMALL_PIECE 512

static bool is_on_disk(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode) ||
            S_ISBLK(status.st_mode));
}

static bool lacks_nowait(void)
{
    return errno == EOPNOTSUPP || errno == ENOSYS || errno == EINVAL;
}

/* Open for the other direction alone: it is never ready for this one. */
static bool is_wrong_way(int fd, int other)
{
    int flags = green__system.fcntl(fd, F_GETFL);

    return flags < 0 || (flags & O_ACCMODE) == other;
}

/* 1: ready, or the call will tell what is wrong. 0: EAGAIN. */
static int poll_first(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};

    if (green__system.poll(&poll_fd, 1, 0) != 0 ||
        is_wrong_way(fd, events == POLLIN ? O_WRONLY : O_RDONLY))
        return 1;
    errno = EAGAIN;
    return 0;
}

static ssize_t read_file(struct green__io *io, const struct iovec *iov,
                         int count)
{
    const int fd = io->fd;
    ssize_t result;

    if (is_on_disk(fd))
        return green__file_readv(io, iov, count);
    result = green__system.preadv2(fd, iov, count, -1, RWF_NOWAIT);
    if (result >= 0 || !lacks_nowait())
        return result;
    return poll_first(fd, POLLIN) ? green__system.readv(fd, iov, count) : -1;
}

/* The first piece of an array, small enough. */
static ssize_t write_piece(int fd, const struct iovec *iov, int count)
{
    struct iovec piece = {0};

    for (int i = 0; i < count && !piece.iov_len; i++)
        piece = iov[i];
    if (piece.iov_len > SMALL_PIECE)
        piece.iov_len = SMALL_PIECE;
    return green__system.writev(fd, &piece, 1);
}

static ssize_t write_file(struct green__io *io, const struct iovec *iov,
                          int count)
{
    const int fd = io->fd;
    ssize_t result;

    if (is_on_disk(fd))
        return green__file_writev(io, iov, count);
    result = green__system.pwritev2(fd, iov, count, -1, RWF_NOWAIT);
    if (result >= 0 || !lacks_nowait())
        return result;
    return poll_first(fd, POLLOUT) ? write_piece(fd, iov, count) : -1;
}

/* True when the last call said that it is none. */
static bool is_no_socket(struct green__io *io, ssize_t result)
{
    if (!green__is_no_socket(result))
        return false;
    if (io->d)
        io->d->file |= GREEN__FILE_NO_SOCKET;
    return true;
}

ssize_t green__try_read(struct green__io *io, void *buffer, size_t size)
{
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    ssize_t result;

    if (green__likely(green__may_be_socket(io))) {
        result = green__system.recv(io->fd, buffer, size, MSG_DONTWAIT);
        if (green__likely(!is_no_socket(io, result)))
            return result;
    }
    return read_file(io, &iov, 1);
}

ssize_t green__try_write(struct green__io *io, const void *buffer, size_t size)
{
    struct iovec iov = {.iov_base = (void *)buffer, .iov_len = size};
    ssize_t result;

    if (green__likely(green__may_be_socket(io))) {
        result = green__system.send(io->fd, buffer, size,
                                    MSG_DONTWAIT | MSG_NOSIGNAL);
        if (green__likely(!is_no_socket(io, result)))
            return result;
    }
    return write_file(io, &iov, 1);
}

ssize_t green__try_readv(struct green__io *io, const struct iovec *iov,
                         int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)iov,
                             .msg_iovlen = (size_t)count};
    ssize_t result;

    if (green__may_be_socket(io)) {
        result = green__system.recvmsg(io->fd, &message, MSG_DONTWAIT);
        if (!is_no_socket(io, result))
            return result;
    }
    return read_file(io, iov, count);
}

ssize_t green__try_writev(struct green__io *io, const struct iovec *iov,
                          int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)iov,
                             .msg_iovlen = (size_t)count};
    ssize_t result;

    if (green__may_be_socket(io)) {
        result = green__system.sendmsg(io->fd, &message,
                                       MSG_DONTWAIT | MSG_NOSIGNAL);
        if (!is_no_socket(io, result))
            return result;
    }
    return write_file(io, iov, count);
}
