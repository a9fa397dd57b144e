/* A read into a buffer that the OS thread lends. */
#include "io/attempt.h"
#include "io/buffers.h"
#include "io/unread.h"

/* The size that the stream's reads have shown to suit it. */
static size_t room_for(const struct green_stream *stream)
{
    return stream->internal.shown ? stream->internal.shown
                                  : GREEN__BUFFER_LEAST;
}

/* A full buffer was too small, and one that is nearly empty is too large. */
static void learn(struct green_stream *stream, size_t size, size_t room)
{
    if (size == room && room < GREEN__BUFFER_MOST)
        room *= 2;
    else if (size <= room / 4 && room > GREEN__BUFFER_LEAST)
        room /= 2;
    stream->internal.shown = room;
}

/* Returns the buffer of a read that has got nothing; keeps errno. */
static void give_back(struct green_buffer **buffer)
{
    int error = errno;

    green_buffer_return(*buffer);
    *buffer = NULL;
    errno = error;
}

/* One try, which holds a buffer only if it succeeds. */
static ssize_t try_to_fill(struct green__io *io, struct green_buffer **buffer,
                           size_t room)
{
    ssize_t n;

    *buffer = green__buffer_take(room);
    if (!*buffer)
        return -1;
    n = green__try_recv(io, (*buffer)->data, room);
    if (n <= 0)
        give_back(buffer);
    return n;
}

static ssize_t lend_plain(struct green_stream *stream,
                          struct green_buffer **buffer)
{
    size_t room = room_for(stream);
    struct green__io io;
    ssize_t n;

    if (green__io_begin(&io, stream->fd, GREEN_READ) < 0)
        return -1;
    do
        n = green__io_may_try(&io) ? try_to_fill(&io, buffer, room)
                                   : green__refuse(EAGAIN);
    while (green__would_block(n) && green__io_wait(&io) == 0);
    if (n > 0 && (size_t)n < room && !io.closed)
        green__io_short_read(&io);
    green__io_end(&io, n);
    return n;
}

/* The layer may have to wait for more in its read; then it has the buffer. */
static ssize_t lend_decoded(struct green_stream *stream,
                            struct green_buffer **buffer)
{
    ssize_t n;

    if (green_stream_pending(stream) == 0 &&
        green_wait(stream->fd, GREEN_READ, GREEN_FOREVER) < 0)
        return -1;
    *buffer = green__buffer_take(room_for(stream));
    if (!*buffer)
        return -1;
    n = stream->ops->read(stream, (*buffer)->data, room_for(stream));
    if (n <= 0)
        give_back(buffer);
    return n;
}

/* A whole call: what a copy has put back is lent as it is. */
static ssize_t lend_unread(struct green_stream *stream,
                           struct green_buffer **lent)
{
    if (green__call_nothing() < 0)
        return -1;
    *lent = green__unread_take(stream);
    return *lent ? (ssize_t)(*lent)->size : green__refuse(EBADF);
}

ssize_t green_stream_lend(struct green_stream *stream,
                          struct green_buffer **lent)
{
    struct green_buffer *buffer = NULL;
    ssize_t n;

    if (!stream || !lent)
        return green__refuse(EINVAL);
    *lent = NULL;
    if (green__unlikely(stream->internal.unread != NULL))
        return lend_unread(stream, lent);
    n = stream->ops ? lend_decoded(stream, &buffer)
                    : lend_plain(stream, &buffer);
    *lent = buffer;
    if (n <= 0)
        return n;
    buffer->size = (size_t)n;
    learn(stream, buffer->size, buffer->internal.room);
    return n;
}
