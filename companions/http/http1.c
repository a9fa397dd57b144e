/* How a response travels in HTTP/1.1: as the bytes of its connection. body.c has what
 * a request's body does. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "http.h"

#define MOST_PARTS 7 /* in one call */

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* Takes off what has been written. Returns whether anything is left. */
static bool advance(struct iovec *parts, int count, size_t size)
{
    bool left = false;

    for (int i = 0; i < count; i++) {
        size_t taken = size < parts[i].iov_len ? size : parts[i].iov_len;

        parts[i].iov_base = (char *)parts[i].iov_base + taken;
        parts[i].iov_len -= taken;
        size -= taken;
        left |= parts[i].iov_len > 0;
    }
    return left;
}

/* Writes all, or returns -1: a write that an error has ended tells that error only
 * if it is tried again. */
static int write_parts(struct green_stream *stream, const struct iovec *parts,
                       int count)
{
    struct iovec left[MOST_PARTS];
    ssize_t n = green_stream_writev(stream, parts, count);

    if (n < 0)
        return -1;
    memcpy(left, parts, (size_t)count * sizeof parts[0]);
    while (advance(left, count, (size_t)n))
        if ((n = green_stream_writev(stream, left, count)) < 0)
            return -1;
    return 0;
}

int green__http_send(struct green_http *http, const struct iovec *parts,
                     int count)
{
    struct green__http_connection *connection = http->connection;
    int result, error;

    if (http->failed)
        return refuse(EPIPE);
    green__http_deadline_set(&connection->deadline, GREEN__HTTP_WRITES,
                             connection->config->options.write_timeout);
    result = write_parts(connection->stream, parts, count);
    error = errno;
    green__http_deadline_clear(&connection->deadline);
    if (result == 0)
        return 0;
    http->failed = true;
    connection->keep = false;
    return refuse(connection->deadline.expired ? ETIMEDOUT : error);
}

/* ---- Chunks ------------------------------------------------------------------- */

/* Adds parts of the body, as a chunk where it goes in chunks; `line` gets the
 * chunk's first. Returns how many parts there are now. */
static int add_body(const struct green_http *http, struct iovec *all, int count,
                    const struct iovec *parts, int part_count, char line[24])
{
    bool chunk = http->end == GREEN__HTTP_BY_CHUNK && part_count > 0;
    int first = count;
    size_t size = 0;

    count += chunk;
    for (int i = 0; i < part_count; i++) {
        all[count++] = parts[i];
        size += parts[i].iov_len;
    }
    if (chunk) {
        all[first] =
            (struct iovec){line, (size_t)snprintf(line, 24, "%zx\r\n", size)};
        all[count++] = (struct iovec){(void *)(uintptr_t) "\r\n", 2};
    }
    return count;
}

static int send_body(struct green_http *http, const struct iovec *parts,
                     int count, size_t size)
{
    struct iovec all[4];
    char line[24];

    (void)size;
    return green__http_send(http, all,
                            add_body(http, all, 0, parts, count, line));
}

static int send_end(struct green_http *http)
{
    struct iovec parts[] = {
        {(void *)(uintptr_t) "0\r\n", 3},
        {http->trailer_fields.bytes, http->trailer_fields.size},
        {(void *)(uintptr_t) "\r\n", 2}};

    return http->end == GREEN__HTTP_BY_CHUNK ? green__http_send(http, parts, 3)
                                             : 0;
}

/* ---- The head ----------------------------------------------------------------- */

/* Whether the connection goes on after this response. */
static void decide_to_keep(struct green_http *http)
{
    struct green__http_connection *connection = http->connection;

    if (!http->keep || http->end == GREEN__HTTP_BY_CLOSE ||
        green_server_stopping(NULL))
        connection->keep = false;
    if (green__http_body_is_long(http)) {
        connection->keep = false;
        connection->linger = true;
    }
}

/* What stands in front of the fields that the handler has added. */
static size_t print_begin(const struct green_http *http, char *text,
                          size_t size)
{
    return (size_t)snprintf(
        text, size, "HTTP/1.1 %d %s\r\n%s%s%s", http->status,
        green__http_reason(http->status),
        http->has_date ? "" : "Date: ", http->has_date ? "" : green__http_now(),
        http->has_date ? "" : "\r\n");
}

/* And behind them. */
static size_t print_end(const struct green_http *http, char *text, size_t size)
{
    size_t n = 0;

    if (http->has_length)
        n = (size_t)snprintf(text, size, "Content-Length: %llu\r\n",
                             (unsigned long long)http->length);
    else if (http->end == GREEN__HTTP_BY_CHUNK)
        n = (size_t)snprintf(text, size, "Transfer-Encoding: chunked\r\n");
    if (!http->connection->keep)
        n += (size_t)snprintf(text + n, size - n, "Connection: close\r\n");
    else if (http->version == 10)
        n += (size_t)snprintf(text + n, size - n, "Connection: keep-alive\r\n");
    return n + (size_t)snprintf(text + n, size - n, "\r\n");
}

static int send_head(struct green_http *http, const struct iovec *body,
                     int body_count, bool whole)
{
    char begin[160], end[128], line[24];
    struct iovec parts[MOST_PARTS];
    int count = 0;

    (void)whole; /* it is where its length says */
    decide_to_keep(http);
    parts[count++] =
        (struct iovec){begin, print_begin(http, begin, sizeof begin)};
    if (http->fields.size > 0)
        parts[count++] = (struct iovec){http->fields.bytes, http->fields.size};
    parts[count++] = (struct iovec){end, print_end(http, end, sizeof end)};
    count = add_body(http, parts, count, body, body_count, line);
    return green__http_send(http, parts, count);
}

/* ---- Files -------------------------------------------------------------------- */

/* So much at once, so that the time limit sees progress. */
#define MOST_AT_ONCE ((size_t)1 << 20)

static int send_bytes(struct green_http *http, int fd, off_t offset,
                      size_t size)
{
    struct green__http_connection *connection = http->connection;
    green_time limit = connection->config->options.write_timeout;

    while (size > 0) {
        ssize_t n;
        int error;

        green__http_deadline_set(&connection->deadline, GREEN__HTTP_WRITES,
                                 limit);
        n = green_stream_sendfile(connection->stream, fd, &offset,
                                  size < MOST_AT_ONCE ? size : MOST_AT_ONCE);
        error = n == 0 ? EIO : errno;
        green__http_deadline_clear(&connection->deadline);
        if (n <= 0) {
            http->failed = true;
            return refuse(connection->deadline.expired ? ETIMEDOUT : error);
        }
        size -= (size_t)n;
    }
    return 0;
}

static int send_line(struct green_http *http, const char *line, size_t size)
{
    struct iovec part = {(void *)(uintptr_t)line, size};

    if (http->end != GREEN__HTTP_BY_CHUNK)
        return 0;
    return green__http_send(http, &part, 1);
}

static int send_file(struct green_http *http, int fd, off_t offset, size_t size)
{
    char line[24];
    int length = snprintf(line, sizeof line, "%zx\r\n", size);

    if (send_line(http, line, (size_t)length) < 0 ||
        send_bytes(http, fd, offset, size) < 0)
        return -1;
    return send_line(http, "\r\n", 2);
}

/* ------------------------------------------------------------------------------- */

static void cut(struct green_http *http)
{
    http->connection->keep = false;
    http->connection->cut = true;
}

const struct green__http_transport green__http1_transport = {
    .read = green__http1_read,
    .send_continue = green__http1_send_continue,
    .send_head = send_head,
    .send_body = send_body,
    .send_file = send_file,
    .send_end = send_end,
    .cut = cut,
};
