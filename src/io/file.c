#include "io/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/portable.h"
#include "base/system.h"
#include "base/trace.h"
#include "io/fifo.h"
#include "io/file_operation.h"
#include "io/kind.h"
#include "io/nonblock.h"
#include "io/position.h"
#include "io/vector.h"

/* ---- Reading and writing --------------------------------------------- */

static ssize_t plain_readv(int fd, const struct iovec *iov, int count,
                           off_t offset)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, offset < 0 ? "readv" : "preadv", fd,
        offset < 0 ? green__system.readv(fd, iov, count)
                   : green__system.preadv(fd, iov, count, offset));
}

static ssize_t plain_writev(int fd, const struct iovec *iov, int count,
                            off_t offset)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, offset < 0 ? "writev" : "pwritev", fd,
        offset < 0 ? green__system.writev(fd, iov, count)
                   : green__system.pwritev(fd, iov, count, offset));
}

static ssize_t plain_pread(int fd, void *buffer, size_t size, off_t offset)
{
    green_time begun = green__trace_clock();

    return green__trace_called(begun, "pread", fd,
                               green__system.pread(fd, buffer, size, offset));
}

static ssize_t plain_pwrite(int fd, const void *buffer, size_t size,
                            off_t offset)
{
    green_time begun = green__trace_clock();

    return green__trace_called(begun, "pwrite", fd,
                               green__system.pwrite(fd, buffer, size, offset));
}

/* The hub carries it out; if it can't, the plain call does. */
static ssize_t wait_for(struct green__io *io, enum green_operation_kind kind,
                        const struct iovec *iov, int count, off_t offset)
{
    struct green_operation operation = {
        .kind = kind,
        .buffer = (struct iovec *)(uintptr_t)iov,
        .size = (size_t)count,
        .offset = offset,
    };
    int64_t result;

    if (green__file_operate(io, &operation, &result))
        return (ssize_t)result;
    return kind == GREEN_OP_READV ? plain_readv(io->fd, iov, count, offset)
                                  : plain_writev(io->fd, iov, count, offset);
}

static ssize_t read_waiting(struct green__io *io, const struct iovec *iov,
                            int count, off_t offset)
{
    return wait_for(io, GREEN_OP_READV, iov, count, offset);
}

static ssize_t write_waiting(struct green__io *io, const struct iovec *iov,
                             int count, off_t offset)
{
    return wait_for(io, GREEN_OP_WRITEV, iov, count, offset);
}

static bool is_at_end(int fd, off_t at)
{
    struct stat status;

    if (at < 0)
        at = lseek(fd, 0, SEEK_CUR);
    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode) &&
           at >= status.st_size;
}

/* The first `done` bytes came from the page cache. A file returns less than was
 * asked for only at its end, so read the rest unless this is the end. */
static ssize_t read_rest(struct green__io *io, const struct iovec *iov,
                         int count, off_t offset, ssize_t done)
{
    off_t at = offset < 0 ? -1 : offset + done;
    struct green__vector rest;
    ssize_t n = 0;

    if (green__vector_init(&rest, iov, (size_t)count) < 0)
        return done;
    green__vector_advance(&rest, (size_t)done);
    if (rest.count > 0 && !is_at_end(io->fd, at))
        n = read_waiting(io, rest.iov, rest.count, at);
    green__vector_free(&rest);
    return n > 0 ? done + n : done;
}

ssize_t green__file_rest(int fd, const struct iovec *iov, int count,
                         ssize_t done)
{
    struct green__vector rest;
    ssize_t n;

    if (green__vector_init(&rest, iov, (size_t)count) < 0)
        return 0;
    green__vector_advance(&rest, (size_t)done);
    n = plain_readv(fd, rest.iov, rest.count, -1);
    green__vector_free(&rest);
    return n > 0 ? n : 0;
}

/* Whether reads bypass the page cache. The answer is kept although the number
 * may stand for another file later: that may cost time, but no more. */
static bool is_direct(struct green__io *io)
{
    const unsigned known = GREEN__FILE_CACHED | GREEN__FILE_DIRECT;
    int flags;

    if (!io->d && io->fd >= 0)
        io->d = green__descriptor_get(io->hub, io->fd);
    if (io->d && (io->d->file & known))
        return io->d->file & GREEN__FILE_DIRECT;
    flags = green__system.fcntl(io->fd, F_GETFL);
    if (flags < 0)
        return false; /* the read reports the error */
    if (io->d)
        io->d->file |=
            flags & O_DIRECT ? GREEN__FILE_DIRECT : GREEN__FILE_CACHED;
    return flags & O_DIRECT;
}

/*
 * Reads from the page cache at once, without the hub. RWF_NOWAIT does not wait
 * for locks or memory; but on a file opened with O_DIRECT the kernel asks the
 * disk, and waits. (Linux 5.9 and 5.10 also return 0 when the data is not
 * cached.)
 */
static ssize_t read_cached(struct green__io *io, const struct iovec *iov,
                           int count, off_t offset)
{
    ssize_t n;

    if (is_direct(io))
        return read_waiting(io, iov, count, offset);
    n = green__system.preadv2(io->fd, iov, count, offset, RWF_NOWAIT);
    if (n > 0)
        return read_rest(io, iov, count, offset, n);
    if (n < 0 && errno != EAGAIN && errno != EOPNOTSUPP && errno != EINVAL)
        return -1;
    return read_waiting(io, iov, count, offset);
}

/* A transfer at the file's own position waits for its turn. */
static ssize_t transfer_at_position(
    struct green__io *io, const struct iovec *iov, int count,
    ssize_t (*transfer)(struct green__io *, const struct iovec *, int, off_t))
{
    struct green__place place;
    ssize_t n;

    if (green__position_take(io, &place) < 0) {
        io->closed = place.events & GREEN_CLOSED;
        return -1;
    }
    n = transfer(io, iov, count, -1);
    green__position_pass(io, &place);
    return n;
}

ssize_t green__file_readv(struct green__io *io, const struct iovec *iov,
                          int count)
{
    return io->hub->operations
               ? transfer_at_position(io, iov, count, read_cached)
               : plain_readv(io->fd, iov, count, -1);
}

ssize_t green__file_writev(struct green__io *io, const struct iovec *iov,
                           int count)
{
    return io->hub->operations
               ? transfer_at_position(io, iov, count, write_waiting)
               : plain_writev(io->fd, iov, count, -1);
}

/* Starts a call; without a hub the plain call is left. 0, or -1 with errno. */
static int begin(struct green__io *io, int fd)
{
    if (green__call_begins() < 0)
        return -1;
    if (green__io_look_up(io, fd, 0) < 0)
        *io = (struct green__io){.fd = fd};
    return 0;
}

/* The time that the disk took is unknown: charge a whole budget, so that the
 * scheduler reads the clock. */
static int end(int result)
{
    green__call_ends(GREEN__COST_DISK);
    return result;
}

static ssize_t end_transfer(ssize_t result)
{
    green__call_ends(GREEN__COST_SYSTEM_CALL +
                     (result > 0 ? green__cost_of(result) : 0));
    return result;
}

ssize_t green_pread(int fd, void *buffer, size_t size, off_t offset)
{
    struct iovec iov = {.iov_base = buffer, .iov_len = size};
    struct green__io io;

    if (offset < 0)
        return green__refuse(EINVAL);
    if (begin(&io, fd) < 0)
        return -1;
    return end_transfer(io.hub && io.hub->operations
                            ? read_cached(&io, &iov, 1, offset)
                            : plain_pread(fd, buffer, size, offset));
}

/* io_uring ignores the position for pipes and sockets: no ESPIPE. */
static bool has_positions(struct green__io *io)
{
    return green__kind_of(io) == GREEN__FILE_DISK;
}

ssize_t green_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};
    struct green__io io;

    if (offset < 0)
        return green__refuse(EINVAL);
    if (begin(&io, fd) < 0)
        return -1;
    return end_transfer(io.hub && io.hub->operations && has_positions(&io)
                            ? write_waiting(&io, &iov, 1, offset)
                            : plain_pwrite(fd, buffer, size, offset));
}

/* ---- The rest -------------------------------------------------------- */

static int sync_file(int fd, unsigned flags, int (*plain)(int))
{
    struct green_operation operation = {.kind = GREEN_OP_FSYNC, .flags = flags};
    struct green__io io;
    green_time begun;
    int64_t result;

    if (begin(&io, fd) < 0)
        return -1;
    if (green__file_operate(&io, &operation, &result))
        return end((int)result);
    begun = green__trace_clock();
    return end((int)green__trace_called(begun, "fsync", fd, plain(fd)));
}

int green_fsync(int fd)
{
    return sync_file(fd, 0, green__system.fsync);
}

int green_fdatasync(int fd)
{
    return sync_file(fd, 1, green__system.fdatasync);
}

static int opened(int fd)
{
    if (fd < 0)
        return -1;
    green__nonblock_forget(fd); /* from an earlier use */
    green__io_opened(fd, GREEN__FILE_OPENED | GREEN__FILE_NO_SOCKET);
    return fd;
}

static int open_now(int folder, const char *path, int flags, mode_t mode)
{
    green_time begun = green__trace_clock();
    int fd = green__system.openat(folder, path, flags, mode);

    return (int)green__trace_called(begun, "openat", folder, fd);
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    struct green_operation operation = {
        .kind = GREEN_OP_OPEN,
        .path = path,
        .flags = (unsigned)flags,
        .mode = mode,
    };
    struct green__io io;
    int64_t result;

    if (begin(&io, folder) < 0)
        return -1;
    if (green__file_operate(&io, &operation, &result))
        return end(opened((int)result));
    return end(opened(green__open_waits(folder, path, flags)
                          ? green__open_waiting(folder, path, flags, mode)
                          : open_now(folder, path, flags, mode)));
}

/* The mode argument, if the flags ask for one. */
static mode_t mode_of(int flags, va_list arguments)
{
    bool has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;

    return has_mode ? va_arg(arguments, mode_t) : 0;
}

int green_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int green_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(folder, path, flags, mode);
}

int green_stat(const char *path, struct stat *status)
{
    struct green__io io;

    if (begin(&io, AT_FDCWD) < 0)
        return -1;
    return end(green__file_stat(&io, path, status));
}

/* For an open file the kernel answers without a disk. */
int green_fstat(int fd, struct stat *status)
{
    return fstat(fd, status);
}
