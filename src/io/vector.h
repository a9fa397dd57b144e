/* An array of buffers that is transferred in pieces. */
#ifndef GREEN_VECTOR_H
#define GREEN_VECTOR_H

#include <stddef.h>
#include <sys/uio.h>

#define GREEN__VECTOR_INLINE 8

/* A copy: the library must not change the caller's array. */
struct green__vector {
    struct iovec *iov;
    int count;
    size_t size; /* the sum of all sizes at first */
    struct iovec few[GREEN__VECTOR_INLINE];
};

/* 0, or -1 with EINVAL (count out of range, sizes overflow), EFAULT (no array)
 * or ENOMEM. */
int green__vector_init(struct green__vector *vector, const struct iovec *iov,
                       size_t count);
void green__vector_free(struct green__vector *vector);

/* Fails with this error; or with EBADF, which the kernel finds first. */
int green__refuse_vector(int fd, int error);

/* Drops the first `done` bytes. */
void green__vector_advance(struct green__vector *vector, size_t done);

#endif
