/* preadv2 and pwritev2 of the C library: glibc, and musl since 1.2.5. */
#include <sys/uio.h>

#include "base/system.h"

ssize_t green__preadv2(int fd, const struct iovec *iov, int count, off_t offset,
                       int flags)
{
    return preadv2(fd, iov, count, offset, flags);
}

ssize_t green__pwritev2(int fd, const struct iovec *iov, int count,
                        off_t offset, int flags)
{
    return pwritev2(fd, iov, count, offset, flags);
}
