/* Transfers and waits by POSIX.1-2008 alone: see system_made.h. */
#include "base/system_made.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mmsghdr.h"
#include "base/portable.h"

/* ---- Vectors at an offset ------------------------------------------------ */

typedef ssize_t transfer_at(int fd, void *buffer, size_t size, off_t offset);

static ssize_t write_at(int fd, void *buffer, size_t size, off_t offset)
{
    return pwrite(fd, buffer, size, offset);
}

static ssize_t transfer_all(int fd, const struct iovec *iov, int count,
                            off_t offset, transfer_at *transfer)
{
    ssize_t done = 0, n;

    if (count < 0 || count > IOV_MAX) {
        errno = EINVAL;
        return -1;
    }
    if (count == 0)
        return transfer(fd, NULL, 0, offset);
    for (int i = 0; i < count; i++) {
        n = transfer(fd, iov[i].iov_base, iov[i].iov_len, offset + done);
        if (n < 0)
            return done > 0 ? done : -1;
        done += n;
        if ((size_t)n < iov[i].iov_len)
            break;
    }
    return done;
}

ssize_t green__made_preadv(int fd, const struct iovec *iov, int count,
                           off_t offset)
{
    return transfer_all(fd, iov, count, offset, pread);
}

ssize_t green__made_pwritev(int fd, const struct iovec *iov, int count,
                            off_t offset)
{
    return transfer_all(fd, iov, count, offset, write_at);
}

/* `other`: the access mode in which the transfer fails. Its other errors come first,
 * as in the kernel. */
static int refuse_flags(int fd, off_t offset, int flags, int other)
{
    int mode;

    if (offset == -1 && flags == 0)
        return 0;
    mode = fcntl(fd, F_GETFL);
    if (mode < 0 || (offset >= 0 && lseek(fd, 0, SEEK_CUR) < 0))
        return -1;
    errno = (mode & O_ACCMODE) == other ? EBADF : EOPNOTSUPP;
    return -1;
}

ssize_t green__made_preadv2(int fd, const struct iovec *iov, int count,
                            off_t offset, int flags)
{
    return refuse_flags(fd, offset, flags, O_WRONLY) < 0
               ? -1
               : readv(fd, iov, count);
}

ssize_t green__made_pwritev2(int fd, const struct iovec *iov, int count,
                             off_t offset, int flags)
{
    return refuse_flags(fd, offset, flags, O_RDONLY) < 0
               ? -1
               : writev(fd, iov, count);
}

/* ---- Files ---------------------------------------------------------------- */

#define PIECE ((size_t)64 << 10)
#define MOST ((size_t)1 << 20)

/* Sends up to `size` bytes from *at on, by `bytes`. */
static ssize_t send_pieces(int out_fd, int in_fd, off_t *at, size_t size,
                           char *bytes)
{
    size_t done = 0;

    while (done < size) {
        size_t piece = size - done < PIECE ? size - done : PIECE;
        ssize_t n = pread(in_fd, bytes, piece, *at), written;

        if (n <= 0)
            return done > 0 ? (ssize_t)done : n;
        written = write(out_fd, bytes, (size_t)n);
        if (written < 0)
            return done > 0 ? (ssize_t)done : -1;
        done += (size_t)written;
        *at += written;
        if (written < n)
            break;
    }
    return (ssize_t)done;
}

/* As Linux has it: what has no position cannot be sent from. */
static int find_start(int out_fd, int in_fd, const off_t *offset, off_t *at)
{
    off_t now = lseek(in_fd, 0, SEEK_CUR);

    if (fcntl(out_fd, F_GETFL) < 0)
        return -1;
    if (now < 0) {
        errno = errno == ESPIPE ? EINVAL : errno;
        return -1;
    }
    *at = offset ? *offset : now;
    return 0;
}

ssize_t green__made_sendfile(int out_fd, int in_fd, off_t *offset, size_t size)
{
    char *bytes;
    off_t at;
    ssize_t n;
    int error;

    if (find_start(out_fd, in_fd, offset, &at) < 0)
        return -1;
    bytes = malloc(PIECE);
    if (!bytes)
        return -1;
    n = send_pieces(out_fd, in_fd, &at, size < MOST ? size : MOST, bytes);
    error = errno;
    free(bytes);
    if (n > 0 && offset)
        *offset = at;
    else if (n > 0 && lseek(in_fd, at, SEEK_SET) < 0)
        return -1;
    errno = error;
    return n;
}

/* ---- Messages ------------------------------------------------------------- */

int green__made_recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags, struct timespec *timeout)
{
    unsigned done = 0;

    (void)timeout;
    if (count == 0)
        return fcntl(fd, F_GETFL) < 0 ? -1 : 0;
    for (; done < count; done++) {
        ssize_t n = recvmsg(fd, &messages[done].msg_hdr, flags);

        if (n < 0)
            return done > 0 ? (int)done : -1;
        messages[done].msg_len = (unsigned)n;
        if (messages[done].msg_hdr.msg_flags & MSG_OOB)
            return (int)done + 1;
    }
    return (int)done;
}

int green__made_sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags)
{
    unsigned done = 0;

    if (count == 0)
        return fcntl(fd, F_GETFL) < 0 ? -1 : 0;
    for (; done < count; done++) {
        ssize_t n = sendmsg(fd, &messages[done].msg_hdr, flags);

        if (n < 0)
            return done > 0 ? (int)done : -1;
        messages[done].msg_len = (unsigned)n;
    }
    return (int)done;
}

/* ---- Waiting -------------------------------------------------------------- */

int green__made_ppoll(struct pollfd *fds, unsigned long count,
                      const struct timespec *time, const sigset_t *mask)
{
    const long per_second = 1000, per_nano = 1000000;
    int timeout = -1;

    (void)mask;
    if (time && time->tv_sec >= INT_MAX / per_second)
        timeout = INT_MAX;
    else if (time)
        timeout = (int)(time->tv_sec * per_second +
                        (time->tv_nsec + per_nano - 1) / per_nano);
    return poll(fds, count, timeout);
}
