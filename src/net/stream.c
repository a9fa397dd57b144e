/* Streams: what is not in line. */
#include <greenhub/stream.h>

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/system.h"
#include "greenthread/call.h"

/* A file's bytes go through a buffer of this size; a TLS record holds as many. */
#define PIECE ((size_t)16 * 1024)

int green_stream_init(struct green_stream *stream, int fd)
{
    if (!stream)
        return green__refuse(EINVAL);
    *stream = (struct green_stream){.fd = fd};
    return 0;
}

/* ---- Whole buffers --------------------------------------------------- */

static int read_layer_full(struct green_stream *stream, char *buffer,
                           size_t size, size_t *done)
{
    *done = 0;
    if (size == 0)
        return green__call_nothing();
    while (*done < size) {
        /* The layer may be gone after a read: see io/unread.h. */
        ssize_t n = green_stream_read(stream, buffer + *done, size - *done);

        if (n < 0)
            return -1;
        if (n == 0)
            break;
        *done += (size_t)n;
    }
    return 0;
}

int green_stream_read_full_counted(struct green_stream *stream, void *buffer,
                                   size_t size, size_t *done)
{
    if (!stream || !done)
        return green__refuse(EINVAL);
    if (stream->ops)
        return read_layer_full(stream, buffer, size, done);
    return green_read_full_counted(stream->fd, buffer, size, done);
}

ssize_t green_stream_read_full(struct green_stream *stream, void *buffer,
                               size_t size)
{
    size_t done;

    if (green_stream_read_full_counted(stream, buffer, size, &done) < 0)
        return -1;
    return (ssize_t)done;
}

static int write_layer_all(struct green_stream *stream, const char *buffer,
                           size_t size, size_t *done)
{
    *done = 0;
    if (size == 0)
        return green__call_nothing();
    while (*done < size) {
        ssize_t n = green_stream_write(stream, buffer + *done, size - *done);

        if (n < 0)
            return -1;
        *done += (size_t)n;
    }
    return 0;
}

int green_stream_write_all_counted(struct green_stream *stream,
                                   const void *buffer, size_t size,
                                   size_t *done)
{
    if (!stream || !done)
        return green__refuse(EINVAL);
    if (stream->ops)
        return write_layer_all(stream, buffer, size, done);
    return green_write_all_counted(stream->fd, buffer, size, done);
}

/* ---- Files ----------------------------------------------------------- */

/* Sends up to `count` bytes from *offset on, and moves it. */
static ssize_t copy_file(struct green_stream *stream, int in_fd, off_t *offset,
                         size_t count, char *buffer)
{
    size_t sent = 0;
    ssize_t n = 0;

    while (sent < count) {
        size_t piece = count - sent < PIECE ? count - sent : PIECE, written;
        int result;

        n = green_pread(in_fd, buffer, piece, *offset);
        if (n <= 0)
            break;
        result = write_layer_all(stream, buffer, (size_t)n, &written);
        sent += written;
        *offset += (off_t)written;
        if (result < 0) {
            n = -1;
            break;
        }
    }
    return sent > 0 ? (ssize_t)sent : n;
}

/* As sendfile(2) without an offset: the file's own position moves by what was
 * sent, not by what was read. */
static ssize_t copy_from_position(struct green_stream *stream, int in_fd,
                                  size_t count, char *buffer)
{
    off_t at = lseek(in_fd, 0, SEEK_CUR);
    ssize_t n;
    int error;

    if (at < 0)
        return -1;
    n = copy_file(stream, in_fd, &at, count, buffer);
    error = errno;
    if (lseek(in_fd, at, SEEK_SET) < 0 && n >= 0)
        return -1;
    errno = error;
    return n;
}

static ssize_t send_by_copies(struct green_stream *stream, int in_fd,
                              off_t *offset, size_t count)
{
    char *buffer = green__system.allocate(1, PIECE);
    ssize_t n;
    int error;

    if (!buffer)
        return green__refuse(ENOMEM);
    n = offset ? copy_file(stream, in_fd, offset, count, buffer)
               : copy_from_position(stream, in_fd, count, buffer);
    error = errno;
    green__system.release(buffer);
    errno = error;
    return n;
}

ssize_t green_stream_sendfile(struct green_stream *stream, int in_fd,
                              off_t *offset, size_t count)
{
    if (!stream)
        return green__refuse(EINVAL);
    if (!stream->ops)
        return green_sendfile(stream->fd, in_fd, offset, count);
    if (stream->ops->sendfile)
        return stream->ops->sendfile(stream, in_fd, offset, count);
    return send_by_copies(stream, in_fd, offset, count);
}

/* ---- The end --------------------------------------------------------- */

int green_stream_shutdown(struct green_stream *stream, int how)
{
    if (!stream || (how != SHUT_RD && how != SHUT_WR && how != SHUT_RDWR))
        return green__refuse(EINVAL);
    if (stream->ops && stream->ops->shutdown)
        return stream->ops->shutdown(stream, how);
    return green_shutdown(stream->fd, how);
}

int green_stream_close(struct green_stream *stream)
{
    if (!stream)
        return green__refuse(EINVAL);
    if (stream->ops && stream->ops->close)
        return stream->ops->close(stream);
    return green_close(stream->fd);
}
