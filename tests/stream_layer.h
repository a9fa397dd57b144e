/*
 * A layer for the tests of streams: it turns each byte over (XOR), and reads
 * ahead, so it has decoded bytes while its descriptor is not readable.
 */
#ifndef TESTS_STREAM_LAYER_H
#define TESTS_STREAM_LAYER_H

#include <stdlib.h>

#include "support.h"

#define LAYER_MASK 0x5a

struct layer {
    struct green_stream stream; /* first: the ops get its address */
    unsigned char ahead[64];
    size_t start, end;
    int shutdowns, closes;
    int fail_writes; /* this errno, after one byte */
};

static inline struct layer *layer_of(struct green_stream *stream)
{
    return (struct layer *)stream;
}

static inline ssize_t layer_read(struct green_stream *stream, void *buffer,
                                 size_t size)
{
    struct layer *layer = layer_of(stream);
    unsigned char *to = buffer;
    size_t n;

    if (layer->start == layer->end) {
        ssize_t got = green_read(stream->fd, layer->ahead, sizeof layer->ahead);

        if (got <= 0)
            return got;
        layer->start = 0;
        layer->end = (size_t)got;
    }
    n = layer->end - layer->start < size ? layer->end - layer->start : size;
    for (size_t i = 0; i < n; i++)
        to[i] = layer->ahead[layer->start + i] ^ LAYER_MASK;
    layer->start += n;
    return (ssize_t)n;
}

/* Writes some of the bytes, turned over. */
static inline ssize_t layer_write_some(struct green_stream *stream,
                                       const unsigned char *bytes, size_t size)
{
    unsigned char turned[512];
    size_t n = size < sizeof turned ? size : sizeof turned;

    for (size_t i = 0; i < n; i++)
        turned[i] = bytes[i] ^ LAYER_MASK;
    return green_write(stream->fd, turned, n);
}

/* Fails after one byte: the error comes with the next call. */
static inline ssize_t layer_fail(struct layer *layer, const struct iovec *iov)
{
    if (layer->fail_writes < 0) {
        errno = -layer->fail_writes;
        return -1;
    }
    layer->fail_writes = -layer->fail_writes;
    return layer_write_some(&layer->stream, iov->iov_base, 1);
}

static inline ssize_t layer_writev(struct green_stream *stream,
                                   const struct iovec *iov, int count)
{
    ssize_t done = 0, n;

    if (layer_of(stream)->fail_writes)
        return layer_fail(layer_of(stream), iov);
    for (int i = 0; i < count; i++)
        for (size_t at = 0; at < iov[i].iov_len; at += (size_t)n, done += n) {
            n = layer_write_some(stream, (unsigned char *)iov[i].iov_base + at,
                                 iov[i].iov_len - at);
            if (n < 0)
                return done ? done : -1;
        }
    return done;
}

static inline size_t layer_pending(const struct green_stream *stream)
{
    const struct layer *layer = (const struct layer *)stream;

    return layer->end - layer->start;
}

static inline int layer_shutdown(struct green_stream *stream, int how)
{
    layer_of(stream)->shutdowns++;
    return green_shutdown(stream->fd, how);
}

static inline int layer_close(struct green_stream *stream)
{
    layer_of(stream)->closes++;
    return green_close(stream->fd);
}

static const struct green_stream_ops layer_ops = {
    .name = "turned over",
    .read = layer_read,
    .writev = layer_writev,
    .pending = layer_pending,
    .shutdown = layer_shutdown,
    .close = layer_close,
};

static inline void layer_init(struct layer *layer, int fd)
{
    *layer = (struct layer){.stream = {.fd = fd, .ops = &layer_ops}};
}

#endif
