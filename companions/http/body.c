/* The bodies that come: those of requests, and in a client those of responses. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "http.h"

int green__http_body_fail(struct green_http *http, int error, int status)
{
    http->body_error = error;
    if (!http->refused)
        http->refused = status;
    http->connection->keep = false;
    http->connection->linger = true;
    errno = error;
    return -1;
}

int64_t green_http_length(const struct green_http *http)
{
    if (http->body == GREEN__HTTP_CHUNKED ||
        http->body == GREEN__HTTP_TO_THE_END)
        return -1;
    return (int64_t)(http->received + http->remaining);
}

int green_http_limit_body(struct green_http *http, uint64_t limit)
{
    if (http->received > 0) {
        errno = EBUSY;
        return -1;
    }
    http->limit = limit;
    return 0;
}

/* ---- In HTTP/1.1 -------------------------------------------------------------- */

int green__http1_send_continue(struct green_http *http)
{
    static const char line[] = "HTTP/1.1 100 Continue\r\n\r\n";
    struct iovec part = {(void *)(uintptr_t)line, sizeof line - 1};

    if (http->head_sent || http->connection->at < http->connection->end)
        return 0; /* it is late for that, or has come already */
    return green__http_send(http, &part, 1);
}

static ssize_t input(struct green_http *http, char *bytes, size_t size)
{
    struct green__http_connection *connection = http->connection;
    ssize_t n = green__http_input(connection, bytes, size,
                                  connection->config->options.body_timeout);

    if (n > 0)
        return n;
    if (n < 0)
        return green__http_body_fail(http, errno, 400);
    return connection->deadline.expired
               ? green__http_body_fail(http, ETIMEDOUT, 408)
               : green__http_body_fail(http, ECONNRESET, 400);
}

/* Takes from what has come already. */
static ssize_t take(struct green__http_connection *connection, void *bytes,
                    size_t size)
{
    size_t there = (size_t)(connection->end - connection->at);

    if (size > there)
        size = there;
    memcpy(bytes, connection->at, size);
    connection->at += size;
    return (ssize_t)size;
}

/* A body that lasts as long as its connection. */
static ssize_t read_to_the_end(struct green_http *http, void *bytes,
                               size_t size)
{
    struct green__http_connection *connection = http->connection;
    ssize_t n;

    if (connection->at < connection->end) {
        n = take(connection, bytes, size);
    } else {
        n = green__http_input(connection, bytes, size,
                              connection->config->options.body_timeout);
        http->body_over = n == 0 && !connection->deadline.expired;
    }
    if (n < 0 || (n == 0 && !http->body_over))
        return green__http_body_fail(http, n < 0 ? errno : ETIMEDOUT, 408);
    return (uint64_t)n > http->limit - http->received
               ? green__http_body_fail(http, EMSGSIZE, 413)
               : n;
}

static ssize_t read_length(struct green_http *http, void *bytes, size_t size)
{
    struct green__http_connection *connection = http->connection;
    ssize_t n;

    if (size > http->remaining)
        size = (size_t)http->remaining;
    n = connection->at < connection->end ? take(connection, bytes, size)
                                         : input(http, bytes, size);
    if (n > 0)
        http->remaining -= (uint64_t)n;
    return n;
}

/* Has a piece of the body, or its end. */
static int find_piece(struct green_http *http)
{
    struct green__http_connection *connection = http->connection;
    ssize_t n;

    while (http->piece_size == 0 && !http->body_over) {
        if (connection->at == connection->end) {
            if (!connection->chunk)
                connection->chunk = malloc(GREEN__HTTP_BUFFER);
            if (!connection->chunk)
                return green__http_body_fail(http, ENOMEM, 503);
            n = input(http, connection->chunk, GREEN__HTTP_BUFFER);
            if (n < 0)
                return -1;
            connection->at = connection->chunk;
            connection->end = connection->chunk + n;
        }
        if (green__http_chunks_decode(http) < 0)
            return green__http_body_fail(http, EPROTO, 400);
    }
    return 0;
}

static ssize_t read_chunks(struct green_http *http, void *bytes, size_t size)
{
    if (find_piece(http) < 0)
        return -1;
    if (size > http->piece_size)
        size = http->piece_size;
    if (size == 0)
        return 0;
    if (size > http->limit - http->received)
        return green__http_body_fail(http, EMSGSIZE, 413);
    memcpy(bytes, http->piece, size);
    http->piece += size;
    http->piece_size -= size;
    return (ssize_t)size;
}

ssize_t green__http1_read(struct green_http *http, void *bytes, size_t size)
{
    if (http->body == GREEN__HTTP_TO_THE_END)
        return read_to_the_end(http, bytes, size);
    return http->body == GREEN__HTTP_LENGTH ? read_length(http, bytes, size)
                                            : read_chunks(http, bytes, size);
}

/* ---- Reading ------------------------------------------------------------------ */

bool green__http_body_is_over(const struct green_http *http)
{
    return http->body == GREEN__HTTP_NO_BODY ||
           (http->body == GREEN__HTTP_LENGTH && http->remaining == 0) ||
           (http->body_over && http->piece_size == 0);
}

static ssize_t read_some(struct green_http *http, void *bytes, size_t size)
{
    ssize_t n;

    if (http->body_error) {
        errno = http->body_error;
        return -1;
    }
    if (green__http_body_is_over(http) || size == 0)
        return 0;
    if (http->body == GREEN__HTTP_LENGTH &&
        http->remaining > http->limit - http->received)
        return green__http_body_fail(http, EMSGSIZE, 413);
    if (http->expects) {
        http->expects = false;
        if (http->transport->send_continue(http) < 0)
            return -1;
    }
    n = http->transport->read(http, bytes, size);
    if (n > 0)
        http->received += (uint64_t)n;
    return n;
}

ssize_t green_http_read(struct green_http *http, void *bytes, size_t size)
{
    if (!http || (!bytes && size > 0)) {
        errno = EINVAL;
        return -1;
    }
    return read_some(http, bytes, size);
}

/* Makes room for one byte more than there is. */
static int grow(struct green_http *http, struct green__http_text *text)
{
    size_t room = text->room ? 2 * text->room : 4096;
    char *larger;

    if (http->body == GREEN__HTTP_LENGTH && http->remaining <= http->limit &&
        text->size + http->remaining < room)
        room = text->size + (size_t)http->remaining + 1;
    if (room <= text->size + 1)
        room = text->size + 2;
    larger = realloc(text->bytes, room);
    if (!larger)
        return -1;
    text->bytes = larger;
    text->room = room;
    return 0;
}

char *green_http_read_all(struct green_http *http, size_t *size)
{
    struct green__http_text text = {0};
    ssize_t n;
    int error;

    if (!http) {
        errno = EINVAL;
        return NULL;
    }
    do {
        if (green__http_body_is_over(http) && text.bytes)
            n = 0;
        else if (text.size + 1 >= text.room && grow(http, &text) < 0)
            n = -1;
        else
            n = read_some(http, text.bytes + text.size,
                          text.room - 1 - text.size);
        text.size += n > 0 ? (size_t)n : 0;
    } while (n > 0);
    if (n < 0) {
        error = errno;
        free(text.bytes);
        errno = error;
        return NULL;
    }
    text.bytes[text.size] = '\0';
    if (size)
        *size = text.size;
    return text.bytes;
}

/* ---- What the handler has not read ------------------------------------------------ */

bool green__http_body_is_long(const struct green_http *http)
{
    if (green__http_body_is_over(http))
        return false;
    return http->expects || http->body_error ||
           (http->body == GREEN__HTTP_LENGTH &&
            http->remaining > GREEN__HTTP_SKIP);
}

bool green__http_body_skip(struct green_http *http)
{
    char bytes[2048];
    uint64_t begin = http->received;

    if (green__http_body_is_over(http))
        return true;
    if (green__http_body_is_long(http))
        return false;
    http->limit = http->received + GREEN__HTTP_SKIP;
    while (read_some(http, bytes, sizeof bytes) > 0)
        if (http->received - begin > GREEN__HTTP_SKIP)
            return false;
    return green__http_body_is_over(http) && !http->body_error;
}

const char *green_http_trailer(const struct green_http *http, const char *name)
{
    const struct green__http_text *text = &http->trailers;
    size_t at = 0;

    if (!name || !http->body_over || !green__http_may_trail(name))
        return NULL;
    while (at < text->size) {
        const char *found = text->bytes + at;
        const char *value = found + strlen(found) + 1;

        if (strcasecmp(found, name) == 0)
            return value;
        at = (size_t)(value + strlen(value) + 1 - text->bytes);
    }
    return NULL;
}
