#include "io/vector.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/portable.h"
#include "base/self.h"
#include "base/system.h"

static int add_sizes(const struct iovec *iov, size_t count, size_t *size)
{
    *size = 0;
    for (size_t i = 0; i < count; i++)
        if (__builtin_add_overflow(*size, iov[i].iov_len, size) ||
            *size > SSIZE_MAX)
            return -1;
    return 0;
}

int green__vector_init(struct green__vector *vector, const struct iovec *iov,
                       size_t count)
{
    if (count > IOV_MAX)
        return green__refuse(EINVAL);
    if (count && !iov)
        return green__refuse(EFAULT);
    if (add_sizes(iov, count, &vector->size) < 0)
        return green__refuse(EINVAL);
    vector->iov = vector->few;
    if (count > GREEN__VECTOR_INLINE) {
        vector->iov = green__system.allocate(count, sizeof *iov);
        if (!vector->iov)
            return green__refuse(ENOMEM);
    }
    if (count)
        memcpy(vector->iov, iov, count * sizeof *iov);
    vector->count = (int)count;
    return 0;
}

int green__refuse_vector(int fd, int error)
{
    return green__is_open(fd) ? green__refuse(error) : -1;
}

void green__vector_free(struct green__vector *vector)
{
    int saved = errno;

    if (vector->iov != vector->few)
        green__system.release(vector->iov);
    errno = saved;
}

void green__vector_advance(struct green__vector *vector, size_t done)
{
    struct iovec *iov = vector->iov;
    int first = 0;

    while (first < vector->count && done >= iov[first].iov_len)
        done -= iov[first++].iov_len;
    vector->count -= first;
    memmove(iov, iov + first, (size_t)vector->count * sizeof *iov);
    if (vector->count) {
        iov[0].iov_base = (char *)iov[0].iov_base + done;
        iov[0].iov_len -= done;
    }
}
