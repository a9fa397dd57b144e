/* Other protocols on the connection of a request. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "http.h"

static struct green__http_connection *
connection_of(const struct green_stream *stream)
{
    const struct green_http *http =
        (const struct green_http *)((const char *)stream -
                                    offsetof(struct green_http, rest));

    return http->connection;
}

static size_t rest_of(const struct green__http_connection *connection)
{
    return (size_t)(connection->end - connection->at);
}

/* ---- A stream that first gives what has come already ---------------------------- */

static ssize_t op_read(struct green_stream *stream, void *bytes, size_t size)
{
    struct green__http_connection *connection = connection_of(stream);
    size_t there = rest_of(connection);

    if (there == 0)
        return green_stream_read(connection->stream, bytes, size);
    if (size > there)
        size = there;
    memcpy(bytes, connection->at, size);
    connection->at += size;
    return (ssize_t)size;
}

static ssize_t op_writev(struct green_stream *stream, const struct iovec *parts,
                         int count)
{
    return green_stream_writev(connection_of(stream)->stream, parts, count);
}

static ssize_t op_sendfile(struct green_stream *stream, int fd, off_t *offset,
                           size_t count)
{
    return green_stream_sendfile(connection_of(stream)->stream, fd, offset,
                                 count);
}

static size_t op_pending(const struct green_stream *stream)
{
    const struct green__http_connection *connection = connection_of(stream);

    return rest_of(connection) + green_stream_pending(connection->stream);
}

static int op_shutdown(struct green_stream *stream, int how)
{
    return green_stream_shutdown(connection_of(stream)->stream, how);
}

/* The server closes it. */
static int op_close(struct green_stream *stream)
{
    return green_stream_shutdown(connection_of(stream)->stream, SHUT_RDWR);
}

static const struct green_stream_ops rest_ops = {
    .name = "http upgrade",
    .read = op_read,
    .writev = op_writev,
    .sendfile = op_sendfile,
    .pending = op_pending,
    .shutdown = op_shutdown,
    .close = op_close,
};

/* ---- The switch ------------------------------------------------------------------- */

static bool may_switch(const struct green_http *http, const char *protocol)
{
    if (http->body != GREEN__HTTP_NO_BODY || http->version != 11)
        return false;
    if (strcmp(http->method, "CONNECT") == 0)
        return true;
    return protocol && http->upgrade &&
           green__http_field_has(http, "Connection", "upgrade") &&
           green__http_list_has(http->upgrade, protocol);
}

static int send_switch(struct green_http *http, const char *protocol)
{
    static const char ok[] = "HTTP/1.1 200 OK\r\n";
    static const char begin[] = "HTTP/1.1 101 Switching Protocols\r\n"
                                "Connection: upgrade\r\nUpgrade: ";
    bool connect = strcmp(http->method, "CONNECT") == 0;
    const char *line = connect ? ok : begin;
    struct iovec parts[] = {
        {(void *)(uintptr_t)line, strlen(line)},
        {(void *)(uintptr_t)protocol, connect ? 0 : strlen(protocol)},
        {(void *)(uintptr_t) "\r\n", connect ? 0 : 2},
        {http->fields.bytes, http->fields.size},
        {(void *)(uintptr_t) "\r\n", 2}};

    return green__http_send(http, parts, 5);
}

struct green_stream *green_http_upgrade(struct green_http *http,
                                        const char *protocol)
{
    struct green__http_connection *connection;

    if (!http || !may_switch(http, protocol)) {
        errno = EINVAL;
        return NULL;
    }
    if (http->head_sent || http->written > 0) {
        errno = EBUSY;
        return NULL;
    }
    http->head_sent = http->upgraded = true;
    if (send_switch(http, protocol) < 0)
        return NULL;
    connection = http->connection;
    if (rest_of(connection) == 0)
        return connection->stream;
    http->rest =
        (struct green_stream){.fd = connection->stream->fd, .ops = &rest_ops};
    return &http->rest;
}
