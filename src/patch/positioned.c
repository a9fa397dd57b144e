/*
 * preadv2 and pwritev2. At the position -1 they are readv and writev, of sockets
 * and pipes too; at any other one they are of files, and native.
 */
#include <sys/stat.h>

#include "patch/rule.h"

/* These mean something to files alone. */
#define FILE_FLAGS (RWF_HIPRI | RWF_DSYNC | RWF_SYNC | RWF_APPEND)

static bool is_file(int fd)
{
    struct stat status;

    return fstat(fd, &status) < 0 || S_ISREG(status.st_mode) ||
           S_ISBLK(status.st_mode);
}

/* Whether it may wait as readv and writev do. */
static bool is_plain(int fd, off64_t offset, int flags)
{
    return offset == -1 && green__is_green(GREEN_PATCH_IO) &&
           !(flags & ~FILE_FLAGS) && (flags == 0 || !is_file(fd));
}

GREEN__HOOK ssize_t preadv2(int fd, const struct iovec *iov, int count,
                            off_t offset, int flags)
{
    return is_plain(fd, offset, flags)
               ? readv(fd, iov, count)
               : green__real()->preadv2(fd, iov, count, offset, flags);
}

GREEN__HOOK ssize_t preadv64v2(int fd, const struct iovec *iov, int count,
                               off64_t offset, int flags)
{
    return is_plain(fd, offset, flags)
               ? readv(fd, iov, count)
               : green__real()->preadv64v2(fd, iov, count, offset, flags);
}

GREEN__HOOK ssize_t pwritev2(int fd, const struct iovec *iov, int count,
                             off_t offset, int flags)
{
    return is_plain(fd, offset, flags)
               ? writev(fd, iov, count)
               : green__real()->pwritev2(fd, iov, count, offset, flags);
}

GREEN__HOOK ssize_t pwritev64v2(int fd, const struct iovec *iov, int count,
                                off64_t offset, int flags)
{
    return is_plain(fd, offset, flags)
               ? writev(fd, iov, count)
               : green__real()->pwritev64v2(fd, iov, count, offset, flags);
}
