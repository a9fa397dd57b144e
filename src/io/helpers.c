/* Loops over green_read: read until full, read lines. */
#include <string.h>

#include <greenhub/stream.h>

#include "io/wait.h"

static int read_full(int fd, char *buffer, size_t size, size_t *done)
{
    const uint32_t life = green__io_life(fd);

    *done = 0;
    if (size == 0)
        return green__call_nothing();
    while (*done < size) {
        ssize_t n = green_read(fd, buffer + *done, size - *done);

        if (n < 0)
            return -1;
        if (n == 0)
            break;
        *done += (size_t)n;
        if (*done < size && green__io_life(fd) != life)
            return green__refuse(EBADF);
    }
    return 0;
}

ssize_t green_read_full(int fd, void *buffer, size_t size)
{
    size_t done;

    return read_full(fd, buffer, size, &done) < 0 ? -1 : (ssize_t)done;
}

int green_read_full_counted(int fd, void *buffer, size_t size, size_t *done)
{
    if (!done)
        return green__refuse(EINVAL);
    return read_full(fd, buffer, size, done);
}

/* ---- Lines ----------------------------------------------------------- */

int green_reader_init(struct green_reader *reader, int fd, char *buffer,
                      size_t size)
{
    if (!reader || !buffer || size < 2)
        return green__refuse(EINVAL);
    *reader = (struct green_reader){.fd = fd, .buffer = buffer, .size = size};
    return 0;
}

int green_reader_init_stream(struct green_reader *reader,
                             struct green_stream *stream, char *buffer,
                             size_t size)
{
    if (!stream || green_reader_init(reader, stream->fd, buffer, size) < 0)
        return green__refuse(EINVAL);
    reader->internal.stream = stream;
    return 0;
}

static ssize_t read_from(const struct green_reader *reader, void *buffer,
                         size_t size)
{
    if (reader->internal.stream)
        return green_stream_read(reader->internal.stream, buffer, size);
    return green_read(reader->fd, buffer, size);
}

/* Reads more into the buffer. Returns what green_read does, or -1 with EMSGSIZE
 * if the buffer is full. If green_read returns 0, there is room for a '\0'. */
static ssize_t fill(struct green_reader *reader)
{
    size_t start = reader->internal.start, end = reader->internal.end;
    ssize_t n;

    if (start > 0) {
        memmove(reader->buffer, reader->buffer + start, end - start);
        reader->internal.end = end -= start;
        reader->internal.start = 0;
    }
    if (end == reader->size)
        return green__refuse(EMSGSIZE);
    n = read_from(reader, reader->buffer + end, reader->size - end);
    if (n > 0)
        reader->internal.end += (size_t)n;
    return n;
}

/* Takes the next `bytes` bytes as a line, which `newline` more bytes end. */
static int take_line(struct green_reader *reader, char **line, size_t *length,
                     size_t bytes, size_t newline)
{
    *line = reader->buffer + reader->internal.start;
    (*line)[bytes] = '\0';
    if (length)
        *length = bytes;
    reader->internal.start += bytes + newline;
    return 1;
}

/* Even a line that is already in the buffer counts as a call: a loop over such
 * lines lets others run, and can be killed. */
static int take_at_once(struct green_reader *reader, char **line,
                        size_t *length, size_t bytes)
{
    if (green__call_begins() < 0)
        return -1;
    take_line(reader, line, length, bytes, 1);
    green__call_ends(GREEN__COST_CALL);
    return 1;
}

int green_read_line(struct green_reader *reader, char **line, size_t *length)
{
    size_t searched = 0;
    bool waited = false;
    uint32_t life;

    if (!reader || !line)
        return green__refuse(EINVAL);
    life = green__io_life(reader->fd);
    for (;;) {
        char *start = reader->buffer + reader->internal.start;
        size_t bytes = reader->internal.end - reader->internal.start;
        char *newline = memchr(start + searched, '\n', bytes - searched);
        ssize_t n;

        if (newline) {
            bytes = (size_t)(newline - start);
            return waited ? take_line(reader, line, length, bytes, 1)
                          : take_at_once(reader, line, length, bytes);
        }
        searched = bytes;
        waited = true;
        if (green__io_life(reader->fd) != life)
            return green__refuse(EBADF);
        n = fill(reader);
        if (n < 0)
            return -1;
        if (n == 0)
            return bytes ? take_line(reader, line, length, bytes, 0) : 0;
    }
}

int green_reader_skip_line(struct green_reader *reader)
{
    uint32_t life;
    ssize_t n;

    if (!reader)
        return green__refuse(EINVAL);
    if (green__call_begins() < 0)
        return -1;
    life = green__io_life(reader->fd);
    do {
        char *start = reader->buffer + reader->internal.start;
        size_t length = reader->internal.end - reader->internal.start;
        char *newline = memchr(start, '\n', length);

        if (newline) {
            reader->internal.start += (size_t)(newline - start) + 1;
            return green__call_done(1);
        }
        /* Drop them before the wait: after an error, a new call continues. */
        reader->internal.start = reader->internal.end = 0;
        if (green__io_life(reader->fd) != life)
            return green__refuse(EBADF);
        n = fill(reader);
    } while (n > 0);
    return (int)n;
}

ssize_t green_reader_read(struct green_reader *reader, void *buffer,
                          size_t size)
{
    size_t there;

    if (!reader || (!buffer && size))
        return green__refuse(EINVAL);
    there = reader->internal.end - reader->internal.start;
    if (there == 0)
        return read_from(reader, buffer, size);
    if (green__call_begins() < 0)
        return -1;
    if (there > size)
        there = size;
    if (there)
        memcpy(buffer, reader->buffer + reader->internal.start, there);
    reader->internal.start += there;
    green__call_ends(GREEN__COST_CALL);
    return (ssize_t)there;
}
