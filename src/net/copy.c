/*
 * Bytes from one stream to another.
 *
 *     from --read--> a lent buffer --write--> to
 *     from --splice--> a large pipe --splice--> to     while much comes
 *
 * What was read and could not be written goes back to `from`.
 */
#include "net/copy.h"

#include <errno.h>

#include "base/self.h"
#include "io/buffers.h"
#include "io/splice.h"
#include "io/unread.h"

/* So many largest buffers in a row were full: much comes. */
#define MANY 4
/* A piece below this is too small to be worth the pipe. */
#define SMALL ((ssize_t)32 << 10)

struct copy {
    struct green_stream *from, *to;
    uint64_t copied;
    bool writing; /* a write is going on, or has failed */
    int full;     /* buffers that were, in a row; -1: never by splice */
    struct green__pipe pipe;
};

/* Keeps errno. */
static void put_back(struct copy *copy, struct green_buffer *buffer,
                     size_t size)
{
    int error = errno;

    if (size == 0 || !green__unread(copy->from, buffer, size))
        green_buffer_return(buffer);
    errno = error;
}

static int write_buffer(struct copy *copy, struct green_buffer *buffer)
{
    const size_t size = buffer->size;
    size_t written;
    int result;

    copy->writing = true;
    result =
        green_stream_write_all_counted(copy->to, buffer->data, size, &written);
    copy->writing = result < 0;
    copy->copied += written;
    put_back(copy, buffer, size - written);
    return result;
}

/* Copies what one read gives. Returns its size, 0 at the end, or -1. */
static ssize_t copy_some(struct copy *copy)
{
    struct green_buffer *buffer;
    ssize_t n = green_stream_lend(copy->from, &buffer);

    if (n <= 0)
        return n;
    if (copy->full >= 0)
        copy->full = (size_t)n == GREEN__BUFFER_MOST ? copy->full + 1 : 0;
    return write_buffer(copy, buffer) < 0 ? -1 : n;
}

/* ---- By splice -------------------------------------------------------------- */

static bool begin_splice(struct copy *copy)
{
    if (copy->from->ops || copy->to->ops ||
        !green__can_splice(copy->from->fd, copy->to->fd) ||
        !green__pipe_open(&copy->pipe))
        copy->full = -1;
    return copy->full >= 0;
}

static void end_splice(struct copy *copy, int full)
{
    int error = errno;

    green__pipe_close(&copy->pipe);
    copy->full = full;
    errno = error;
}

/* Puts what the pipe holds back; without memory for it the call says ENOMEM. */
static void put_pipe_back(struct copy *copy)
{
    int error = errno;
    struct green_buffer *buffer = green__pipe_drain(&copy->pipe);

    if (!buffer)
        return;
    errno = error;
    put_back(copy, buffer, buffer->size);
}

/* `to` takes no splice: writes what the pipe holds, and goes on without. */
static ssize_t fall_back(struct copy *copy, ssize_t n)
{
    struct green_buffer *buffer = green__pipe_drain(&copy->pipe);

    end_splice(copy, -1);
    return buffer && write_buffer(copy, buffer) == 0 ? n : -1;
}

static ssize_t empty_pipe(struct copy *copy, ssize_t n)
{
    size_t written = 0;
    int result = 0;

    copy->writing = true;
    while (result == 0 && copy->pipe.held > 0)
        result = green__splice_out(&copy->pipe, copy->to->fd, &written);
    copy->copied += written;
    if (result < 0 && errno == EINVAL && written == 0)
        return fall_back(copy, n);
    copy->writing = result < 0;
    if (result < 0)
        put_pipe_back(copy);
    return result < 0 ? -1 : n;
}

static ssize_t splice_some(struct copy *copy)
{
    ssize_t n = green__splice_in(copy->from->fd, &copy->pipe);

    if (n < 0 && errno == EINVAL) {
        end_splice(copy, -1);
        return copy_some(copy);
    }
    if (n <= 0)
        return n;
    n = empty_pipe(copy, n);
    if (n > 0 && n < SMALL && copy->full > 0)
        end_splice(copy, 0);
    return n;
}

static bool by_splice(struct copy *copy)
{
    return copy->pipe.fds[0] >= 0 || (copy->full >= MANY && begin_splice(copy));
}

int green__stream_copy(struct green_stream *from, struct green_stream *to,
                       uint64_t *copied, bool *writing)
{
    struct copy copy = {.from = from, .to = to, .pipe = GREEN__PIPE_NONE};
    ssize_t n;

    do {
        n = by_splice(&copy) ? splice_some(&copy) : copy_some(&copy);
        if (copied)
            *copied = copy.copied;
    } while (n > 0);
    end_splice(&copy, 0);
    *writing = copy.writing;
    return n < 0 ? -1 : 0;
}

int green_stream_copy(struct green_stream *from, struct green_stream *to,
                      uint64_t *copied)
{
    bool writing;

    if (!from || !to)
        return green__refuse(EINVAL);
    return green__stream_copy(from, to, copied, &writing);
}
