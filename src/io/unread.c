#include "io/unread.h"

#include <string.h>

#include "base/self.h"
#include "greenthread/call.h"

static size_t left_of(const struct green_stream *stream)
{
    return stream->internal.unread->size - stream->internal.unread_taken;
}

static void forget(struct green_stream *stream)
{
    stream->internal.unread = NULL;
    stream->ops = NULL;
}

static ssize_t read_again(struct green_stream *stream, void *bytes, size_t size)
{
    struct green_buffer *buffer = stream->internal.unread;
    size_t left = left_of(stream), n = size < left ? size : left;

    if (green__call_begins() < 0)
        return -1;
    memcpy(bytes, buffer->data + stream->internal.unread_taken, n);
    stream->internal.unread_taken += n;
    if (n == left) {
        forget(stream);
        green_buffer_return(buffer);
    }
    green__call_ends(GREEN__COST_CALL + green__cost_of((ssize_t)n));
    return (ssize_t)n;
}

static ssize_t write_plain(struct green_stream *stream, const struct iovec *iov,
                           int count)
{
    return green_writev(stream->fd, iov, count);
}

static ssize_t sendfile_plain(struct green_stream *stream, int in_fd,
                              off_t *offset, size_t count)
{
    return green_sendfile(stream->fd, in_fd, offset, count);
}

static int close_all(struct green_stream *stream)
{
    struct green_buffer *buffer = stream->internal.unread;

    forget(stream);
    green_buffer_return(buffer);
    return green_close(stream->fd);
}

static const struct green_stream_ops unread_ops = {
    .name = "unread",
    .read = read_again,
    .writev = write_plain,
    .sendfile = sendfile_plain,
    .pending = left_of,
    .close = close_all,
};

bool green__unread(struct green_stream *stream, struct green_buffer *buffer,
                   size_t size)
{
    if (stream->ops)
        return false;
    stream->internal.unread = buffer;
    stream->internal.unread_taken = buffer->size - size;
    stream->ops = &unread_ops;
    return true;
}

struct green_buffer *green__unread_take(struct green_stream *stream)
{
    struct green_buffer *buffer = stream->internal.unread;
    size_t taken = stream->internal.unread_taken;

    if (stream->ops != &unread_ops)
        return NULL;
    forget(stream);
    buffer->size -= taken;
    memmove(buffer->data, buffer->data + taken, buffer->size);
    return buffer;
}
