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

static inline ssize_t layer_write_one(struct green_stream *stream,
                                      unsigned char byte)
{
    byte ^= LAYER_MASK;
    return green_write(stream->fd, &byte, 1);
}

static inline ssize_t layer_writev(struct green_stream *stream,
                                   const struct iovec *iov, int count)
{
    int error = layer_of(stream)->fail_writes;
    ssize_t done = 0;

    for (int i = 0; i < count; i++)
        for (size_t j = 0; j < iov[i].iov_len; j++) {
            if (error && done > 0)
                return layer_of(stream)->fail_writes = -error, done;
            if (error < 0)
                return errno = -error, -1;
            if (layer_write_one(stream, ((unsigned char *)iov[i].iov_base)[j]) <
                0)
                return done ? done : -1;
            done++;
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
