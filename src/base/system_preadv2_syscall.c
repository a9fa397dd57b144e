/* For a C library without preadv2 and pwritev2: the system calls. */
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/system.h"

/* The kernel takes the offset in two halves: on 64 bits the upper one is 0. */
static unsigned long lower(off_t offset)
{
    return (unsigned long)offset;
}

static unsigned long upper(off_t offset)
{
    return sizeof(long) == sizeof(int64_t)
               ? 0
               : (unsigned long)(offset >> 16 >> 16);
}

ssize_t green__preadv2(int fd, const struct iovec *iov, int count, off_t offset,
                       int flags)
{
    return syscall(SYS_preadv2, fd, iov, (unsigned long)count, lower(offset),
                   upper(offset), flags);
}

ssize_t green__pwritev2(int fd, const struct iovec *iov, int count,
                        off_t offset, int flags)
{
    return syscall(SYS_pwritev2, fd, iov, (unsigned long)count, lower(offset),
                   upper(offset), flags);
}
