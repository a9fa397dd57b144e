#include "io/attempt.h"

#include <fcntl.h>

#include "base/portable.h"
#include "io/file.h"
#include "io/kind.h"
#include "io/special.h"

static ssize_t receive(const struct green__io *io, const struct iovec *iov,
                       int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)iov,
                             .msg_iovlen = (size_t)count};

    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "recvmsg", io->fd,
        green__system.recvmsg(io->fd, &message, MSG_DONTWAIT));
}

static ssize_t transmit(const struct green__io *io, const struct iovec *iov,
                        int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)iov,
                             .msg_iovlen = (size_t)count};

    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "sendmsg", io->fd,
        green__system.sendmsg(io->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* A kernel older than RWF_NOWAIT returns EINVAL for every descriptor. */
static bool system_knows_nowait(void)
{
    char byte;
    const struct iovec iov = {.iov_base = &byte, .iov_len = 1};
    int fd = green__system.open("/dev/null", O_RDONLY | O_CLOEXEC);
    bool knows;

    if (fd < 0)
        return true;
    knows = green__system.preadv2(fd, &iov, 1, -1, RWF_NOWAIT) >= 0 ||
            errno != EINVAL;
    green__system.close(fd);
    return knows;
}

/* An eventfd and its like return EINVAL if the buffer is too small, or if they
 * cannot be read or written at all. Report that at once: no wait would help. */
static GREEN__COLD bool is_refused(unsigned kind)
{
    bool refused = kind == GREEN__FILE_COUNTER && system_knows_nowait();

    errno = EINVAL;
    return refused;
}

static bool lacks_nowait(unsigned kind)
{
    return errno == EOPNOTSUPP || errno == ENOSYS ||
           (errno == EINVAL && !is_refused(kind));
}

static ssize_t read_now(int fd, const struct iovec *iov, int count)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "preadv2", fd,
        green__system.preadv2(fd, iov, count, -1, RWF_NOWAIT));
}

static ssize_t write_now(int fd, const struct iovec *iov, int count)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "pwritev2", fd,
        green__system.pwritev2(fd, iov, count, -1, RWF_NOWAIT));
}

/* Reads with RWF_NOWAIT. False if the descriptor does not support it. */
static bool read_nowait(struct green__io *io, unsigned kind,
                        const struct iovec *iov, int count, ssize_t *n)
{
    const bool trusted = green__io_is_trusted(io);

    if (trusted && (io->d->file & GREEN__FILE_READS_BLOCK))
        return false;
    *n = read_now(io->fd, iov, count);
    if (*n >= 0 || !lacks_nowait(kind))
        return true;
    if (trusted && errno != EINVAL)
        io->d->file |= GREEN__FILE_READS_BLOCK;
    return false;
}

static bool write_nowait(struct green__io *io, unsigned kind,
                         const struct iovec *iov, int count, ssize_t *n)
{
    const bool trusted = green__io_is_trusted(io);

    if (trusted && (io->d->file & GREEN__FILE_WRITES_BLOCK))
        return false;
    *n = write_now(io->fd, iov, count);
    if (*n >= 0 || !lacks_nowait(kind))
        return true;
    if (trusted && errno != EINVAL)
        io->d->file |= GREEN__FILE_WRITES_BLOCK;
    return false;
}

/*
 * Reads what the page cache holds with one system call, on a file that no green
 * call made. The number may stand for another open file by now, but with
 * RWF_NOWAIT none blocks. A file returns less than was asked for only at its
 * end, so a short read continues with the rest.
 */
static bool read_at_once(struct green__io *io, const struct iovec *iov,
                         int count, ssize_t *n)
{
    size_t size = 0;

    if (!io->d || (io->d->file & GREEN__FILE_KINDS) != GREEN__FILE_DISK ||
        green__io_is_trusted(io) || io->hub->operations)
        return false;
    for (int i = 0; i < count; i++)
        size += iov[i].iov_len;
    *n = read_now(io->fd, iov, count);
    if (*n > 0 && (size_t)*n < size && green__kind_look(io) == GREEN__FILE_DISK)
        *n += green__file_rest(io->fd, iov, count, *n);
    return *n > 0;
}

/* Returns the kind, and records in io->d if it is no socket. */
static unsigned kind_of(struct green__io *io)
{
    unsigned kind;

    if (!io->d)
        io->d = green__descriptor_get(io->hub, io->fd);
    kind = green__kind_of(io);
    if (io->d && kind != GREEN__FILE_IS_SOCKET)
        io->d->file |= GREEN__FILE_NO_SOCKET;
    return kind;
}

ssize_t green__other_readv(struct green__io *io, const struct iovec *iov,
                           int count)
{
    unsigned kind;
    ssize_t n;

    if (read_at_once(io, iov, count, &n))
        return n;
    kind = kind_of(io);
    if (kind == GREEN__FILE_IS_SOCKET)
        return receive(io, iov, count);
    if (kind == GREEN__FILE_DISK)
        return green__file_readv(io, iov, count);
    return read_nowait(io, kind, iov, count, &n)
               ? n
               : green__special_readv(io, kind, iov, count);
}

ssize_t green__other_writev(struct green__io *io, const struct iovec *iov,
                            int count)
{
    unsigned kind = kind_of(io);
    ssize_t n;

    if (kind == GREEN__FILE_IS_SOCKET)
        return transmit(io, iov, count);
    if (kind == GREEN__FILE_DISK)
        return green__file_writev(io, iov, count);
    return write_nowait(io, kind, iov, count, &n)
               ? n
               : green__special_writev(io, kind, iov, count);
}

ssize_t green__other_read(struct green__io *io, void *buffer, size_t size)
{
    struct iovec iov = {.iov_base = buffer, .iov_len = size};

    return green__other_readv(io, &iov, 1);
}

ssize_t green__other_write(struct green__io *io, const void *buffer,
                           size_t size)
{
    struct iovec iov = {.iov_base = (void *)buffer, .iov_len = size};

    return green__other_writev(io, &iov, 1);
}

ssize_t green__try_readv(struct green__io *io, const struct iovec *iov,
                         int count)
{
    if (green__may_be_socket(io)) {
        ssize_t result = receive(io, iov, count);

        if (!green__is_no_socket(result))
            return result;
    }
    return green__other_readv(io, iov, count);
}

ssize_t green__try_writev(struct green__io *io, const struct iovec *iov,
                          int count)
{
    if (green__may_be_socket(io)) {
        ssize_t result = transmit(io, iov, count);

        if (!green__is_no_socket(result))
            return result;
    }
    return green__other_writev(io, iov, count);
}

ssize_t green__write_nothing(struct green__io *io, const void *buffer)
{
    ssize_t n =
        green__system.send(io->fd, buffer, 0, MSG_DONTWAIT | MSG_NOSIGNAL);

    return green__is_no_socket(n) ? green__system.write(io->fd, buffer, 0) : n;
}
