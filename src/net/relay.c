/* Bytes from one stream to another, one way or both. */
#include <greenhub/scope.h>
#include <greenhub/stream.h>

#include <errno.h>
#include <sys/socket.h>

#include "base/self.h"

/* Copies what one read gives. Returns its size, 0 at the end, or -1. */
static ssize_t copy_some(struct green_stream *from, struct green_stream *to,
                         size_t *written)
{
    struct green_buffer *buffer;
    ssize_t n = green_stream_lend(from, &buffer);
    int error;

    *written = 0;
    if (n <= 0)
        return n;
    if (green_stream_write_all_counted(to, buffer->data, buffer->size,
                                       written) < 0)
        n = -1;
    error = errno;
    green_buffer_return(buffer);
    errno = error;
    return n;
}

int green_stream_copy(struct green_stream *from, struct green_stream *to,
                      uint64_t *copied)
{
    uint64_t sum = 0;
    size_t written;
    ssize_t n;

    if (!from || !to)
        return green__refuse(EINVAL);
    do {
        n = copy_some(from, to, &written);
        sum += written;
        if (copied)
            *copied = sum;
    } while (n > 0);
    return n < 0 ? -1 : 0;
}

struct direction {
    struct green_stream *from, *to;
};

/* Passes the end on: the other direction may go on. */
static int relay_one_way(void *arg)
{
    const struct direction *direction = arg;

    if (green_stream_copy(direction->from, direction->to, NULL) < 0)
        return -1;
    return green_stream_shutdown(direction->to, SHUT_WR);
}

int green_stream_relay(struct green_stream *left, struct green_stream *right)
{
    struct direction there = {.from = left, .to = right};
    struct direction back = {.from = right, .to = left};
    struct green_scope scope; /* neither direction outlives it */
    int error = 0;

    if (!left || !right)
        return green__refuse(EINVAL);
    if (green_scope_begin(&scope, GREEN_FOREVER) < 0)
        return -1;
    if (green_scope_spawn(&scope, relay_one_way, &back) < 0 ||
        relay_one_way(&there) < 0)
        error = errno;
    /* If the other direction broke first, it stopped this one. */
    if (error && !green_scope_stopped(&scope))
        green_scope_stop(&scope);
    else
        error = 0;
    if (green_scope_end(&scope) < 0 && !error)
        error = errno;
    return error ? green__refuse(error) : 0;
}
