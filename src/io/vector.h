/* An array of buffers that is worked off in pieces. */
#ifndef GREEN_VECTOR_H
#define GREEN_VECTOR_H

#include <stddef.h>
#include <sys/uio.h>

#define GREEN__VECTOR_INLINE 8

/* A copy, since the caller's array is not ours to change. */
struct green__vector {
    struct iovec *iov;
    int count;
    size_t size; /* bytes in all, at first */
    struct iovec few[GREEN__VECTOR_INLINE];
};

/* 0, or -1 with EINVAL (a count out of range, sizes that overflow) or ENOMEM. */
int green__vector_init(struct green__vector *vector, const struct iovec *iov,
                       size_t count);
void green__vector_free(struct green__vector *vector);

/* So many bytes are done. */
void green__vector_advance(struct green__vector *vector, size_t done);

#endif
