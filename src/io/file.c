#include "io/file.h"

#include <fcntl.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/system.h"
#include "greenthread/scheduler.h"

/* ---- By the hub ------------------------------------------------------ */

struct errand {
    struct green__waiter waiter;
    bool ended;
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    (void)waiter;
    strncpy(text, "of a file", size - 1);
}

static const struct green__wait_kind working = {.name = "operation",
                                                .describe = describe};

static void has_ended(struct green_operation *operation)
{
    struct errand *errand = operation->arg;

    errand->ended = true;
    green__wake(&errand->waiter);
}

/* The system has our buffers until it says that it has done. */
static GREEN__COLD void await_end(struct green_hub *hub, struct errand *errand)
{
    struct green_shield shield;

    green_shield_begin(&shield);
    while (!errand->ended && hub->operations)
        green__park(&errand->waiter);
    green_shield_end(&shield);
}

/*
 * True: the hub has carried it out, *result is the call's, errno set if it is -1.
 * A call that needs no waiting is not cut short by a kill; so one who is killed,
 * or who calls from a callback, makes the plain call.
 */
static bool by_hub(struct green_operation *operation, int64_t *result)
{
    struct green_hub *hub = green_get_hub();
    struct errand errand = {.ended = false};
    int error = 0;

    if (!hub || !(hub->operations & (1u << operation->kind)) ||
        hub->dispatching)
        return false;
    green__waiter_init(&errand.waiter, &working);
    if (!errand.waiter.thread || errand.waiter.thread->alarms)
        return false;
    operation->callback = has_ended;
    operation->arg = &errand;
    if (green_hub_submit(hub, operation) < 0)
        return false;
    if (green__park(&errand.waiter) < 0) {
        error = errno;
        green_hub_withdraw(hub, operation);
        await_end(hub, &errand);
    }
    *result = errand.ended ? operation->result : -EIO;
    if (*result >= 0)
        return true;
    errno = error && (*result == -ECANCELED || *result == -EINTR)
                ? error
                : (int)-*result;
    *result = -1;
    return true;
}

/* ---- Reading and writing --------------------------------------------- */

/* What is in the page cache is had at once, without the hub. */
ssize_t green__file_readv(int fd, const struct iovec *iov, int count,
                          off_t offset)
{
    struct green_operation operation = {
        .kind = GREEN_OP_READV,
        .fd = fd,
        .buffer = (struct iovec *)(uintptr_t)iov,
        .size = (size_t)count,
        .offset = offset,
    };
    struct green_hub *hub = green__hub_here();
    int64_t result;

    if (hub && hub->operations) {
        result = green__system.preadv2(fd, iov, count, offset, RWF_NOWAIT);
        if (result > 0 || (result < 0 && errno != EAGAIN &&
                           errno != EOPNOTSUPP && errno != EINVAL))
            return result;
        if (by_hub(&operation, &result))
            return result;
    }
    return offset < 0 ? green__system.readv(fd, iov, count)
                      : preadv(fd, iov, count, offset);
}

ssize_t green__file_writev(int fd, const struct iovec *iov, int count,
                           off_t offset)
{
    struct green_operation operation = {
        .kind = GREEN_OP_WRITEV,
        .fd = fd,
        .buffer = (struct iovec *)(uintptr_t)iov,
        .size = (size_t)count,
        .offset = offset,
    };
    struct green_hub *hub = green__hub_here();
    int64_t result;

    if (hub && hub->operations && by_hub(&operation, &result))
        return result;
    return offset < 0 ? green__system.writev(fd, iov, count)
                      : pwritev(fd, iov, count, offset);
}

ssize_t green_pread(int fd, void *buffer, size_t size, off_t offset)
{
    struct iovec iov = {.iov_base = buffer, .iov_len = size};

    if (offset < 0)
        return green__refuse(EINVAL);
    return green__file_readv(fd, &iov, 1, offset);
}

ssize_t green_pwrite(int fd, const void *buffer, size_t size, off_t offset)
{
    struct iovec iov = {.iov_base = (void *)(uintptr_t)buffer, .iov_len = size};

    if (offset < 0)
        return green__refuse(EINVAL);
    return green__file_writev(fd, &iov, 1, offset);
}

/* ---- The rest -------------------------------------------------------- */

int green_fsync(int fd)
{
    struct green_operation operation = {.kind = GREEN_OP_FSYNC, .fd = fd};
    int64_t result;

    return by_hub(&operation, &result) ? (int)result : fsync(fd);
}

int green_fdatasync(int fd)
{
    struct green_operation operation = {
        .kind = GREEN_OP_FSYNC, .fd = fd, .flags = 1};
    int64_t result;

    return by_hub(&operation, &result) ? (int)result : fdatasync(fd);
}

static int open_at(int folder, const char *path, int flags, mode_t mode)
{
    struct green_operation operation = {
        .kind = GREEN_OP_OPEN,
        .fd = folder,
        .path = path,
        .flags = (unsigned)flags,
        .mode = mode,
    };
    int64_t result;

    return by_hub(&operation, &result) ? (int)result
                                       : openat(folder, path, flags, mode);
}

static bool takes_mode(int flags)
{
    return (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;
}

int green_open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (takes_mode(flags))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

int green_openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode = 0;

    va_start(arguments, flags);
    if (takes_mode(flags))
        mode = va_arg(arguments, mode_t);
    va_end(arguments);
    return open_at(folder, path, flags, mode);
}

static void from_statx(struct stat *status, const struct statx *found)
{
    *status = (struct stat){
        .st_dev = makedev(found->stx_dev_major, found->stx_dev_minor),
        .st_ino = found->stx_ino,
        .st_mode = found->stx_mode,
        .st_nlink = found->stx_nlink,
        .st_uid = found->stx_uid,
        .st_gid = found->stx_gid,
        .st_rdev = makedev(found->stx_rdev_major, found->stx_rdev_minor),
        .st_size = (off_t)found->stx_size,
        .st_blksize = (blksize_t)found->stx_blksize,
        .st_blocks = (blkcnt_t)found->stx_blocks,
        .st_atim = {found->stx_atime.tv_sec, found->stx_atime.tv_nsec},
        .st_mtim = {found->stx_mtime.tv_sec, found->stx_mtime.tv_nsec},
        .st_ctim = {found->stx_ctime.tv_sec, found->stx_ctime.tv_nsec},
    };
}

int green_stat(const char *path, struct stat *status)
{
    struct statx found;
    struct green_operation operation = {
        .kind = GREEN_OP_STAT,
        .fd = AT_FDCWD,
        .path = path,
        .mode = STATX_BASIC_STATS,
        .buffer = &found,
    };
    int64_t result;

    if (!by_hub(&operation, &result))
        return stat(path, status);
    if (result == 0)
        from_statx(status, &found);
    return (int)result;
}

/* What an open file is, the system knows without a disk. */
int green_fstat(int fd, struct stat *status)
{
    return fstat(fd, status);
}
