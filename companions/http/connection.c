/* A connection: one exchange after the other. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "http.h"

/* ---- An exchange --------------------------------------------------------------- */

void green__http_begin(struct green_http *http,
                       struct green__http_connection *connection)
{
    /* All but the fields, which would be most of the work. */
    memset(http, 0, offsetof(struct green_http, field));
    http->field[0] = (struct green__http_field){0};
    http->connection = connection;
    http->transport = &green__http1_transport;
    http->status = 200;
    http->limit = connection->config->options.max_body;
}

static const char *header_or_empty(const struct green_http *http,
                                   const char *name)
{
    const char *value = http->version ? green_http_header(http, name) : NULL;

    return value ? value : "";
}

static void write_log(struct green_http *http)
{
    const struct green_http_options *options =
        &http->connection->config->options;
    struct green_http_record record = {
        .peer = http->connection->peer,
        .method = http->version ? green_http_method(http) : "",
        .target = green_http_target(http),
        .host = green_http_host(http),
        .referer = header_or_empty(http, "Referer"),
        .agent = header_or_empty(http, "User-Agent"),
        .version = http->version,
        .status = http->upgraded    ? 101
                  : http->head_sent ? http->status
                                    : 0,
        .received = http->received,
        .sent = http->is_head ? 0 : http->written,
        .duration = green_now() - http->begun,
        .cut = http->cut,
    };

    if (http->upgraded && strcmp(record.method, "CONNECT") == 0)
        record.status = 200;
    options->log(&record, options->arg);
}

void green__http_end(struct green_http *http)
{
    if (http->connection->config->options.log)
        write_log(http);
    free(http->path);
    free(http->authority);
    free(http->trailers.bytes);
    free(http->fields.bytes);
    free(http->trailer_fields.bytes);
    free(http->out);
}

void green__http_refuse(struct green_http *http)
{
    http->connection->keep = false;
    http->connection->linger = true;
    http->keep = false;
    http->body = GREEN__HTTP_NO_BODY;
    http->expects = false;
    if (http->refused)
        green__http_response_finish(http, -1);
}

static void answer(struct green_http *http)
{
    const struct green__http_config *config = http->connection->config;
    int result;

    if (http->body == GREEN__HTTP_CHUNKED)
        green__http_chunks_begin(http);
    result = config->handler(http, config->options.arg);
    green__http_response_finish(http, result);
    if (http->connection->keep && !green__http_body_skip(http)) {
        http->connection->keep = false;
        http->connection->linger = true;
    }
}

/* Returns whether there was a request. */
static bool exchange(struct green__http_connection *connection)
{
    struct green_http http;
    int found;

    green__http_begin(&http, connection);
    found = green__http_read_head(&http);
    connection->may_http2 = false;
    if (found == 0)
        return false;
    if (found > 0)
        http.refused = green__http_head_check(&http);
    if (http.refused || found < 0)
        green__http_refuse(&http);
    else
        answer(&http);
    green__http_end(&http);
    green__http_input_settle(connection);
    return true;
}

/* ---- Its end --------------------------------------------------------------------- */

/*
 * Closing a socket with unread bytes resets the connection, and the client may
 * then lose the response. So what still comes is read, for a while; after a time limit,
 * which has ended reading, only what is there.
 */
void green__http_linger(struct green__http_connection *connection)
{
    struct green_timeout timeout;
    char bytes[2048];

    if (green_timeout_start(&timeout,
                            connection->config->options.linger_timeout) < 0)
        return;
    if (green_stream_shutdown(connection->stream, SHUT_WR) == 0)
        while (green_stream_read(connection->stream, bytes, sizeof bytes) > 0)
            ;
    green_timeout_cancel(&timeout);
}

static void reset(struct green__http_connection *connection)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(connection->stream->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
}

static void *enter(struct green__http_connection *connection)
{
    struct green__http_addresses *addresses = connection->config->addresses;

    return addresses ? green__http_addresses_enter(addresses, connection->peer)
                     : connection;
}

static void leave(struct green__http_connection *connection, void *entry)
{
    if (connection->config->addresses)
        green__http_addresses_leave(connection->config->addresses, entry);
}

static void refuse_address(struct green__http_connection *connection)
{
    struct green_http http;

    green__http_begin(&http, connection);
    http.base = (char *)(uintptr_t) "";
    http.begun = green_now();
    http.refused = 503;
    green__http_refuse(&http);
    green__http_end(&http);
    green__http_input_settle(connection);
}

/* HTTP/2 if the layer has agreed on that, or if the client begins so and the layer has
 * agreed on nothing. */
static void agree(struct green__http_connection *connection)
{
    const struct green__http_config *config = connection->config;
    const char *agreed =
        config->protocol ? config->protocol(connection->stream) : NULL;

    if (config->options.no_http2 || !green__http_protocols[1])
        return;
    connection->may_http2 = agreed == NULL;
    connection->http2 = agreed && strcmp(agreed, "h2") == 0;
}

static void serve_all(struct green__http_connection *connection)
{
    void *entry;

    if (connection->config->options.proxy_protocol &&
        green__http_proxy_read(connection) < 0)
        return;
    entry = enter(connection);
    if (!entry) {
        refuse_address(connection);
        return;
    }
    agree(connection);
    if (!connection->http2)
        do
            connection->keep = true;
        while (exchange(connection) && connection->keep);
    if (connection->http2)
        green__http2_serve(connection);
    leave(connection, entry);
}

void green__http_connection_serve(struct green_stream *stream,
                                  const struct green__http_config *config)
{
    struct green__http_connection connection = {.stream = stream,
                                                .config = config};

    if (green__http_deadline_begin(&connection.deadline, stream->fd,
                                   config->shortest) < 0)
        return;
    if (green_peer_address(stream->fd, connection.peer,
                           sizeof connection.peer) < 0)
        connection.peer[0] = '\0';
    serve_all(&connection);
    green__http_deadline_end(&connection.deadline);
    connection.at = connection.end;
    green__http_input_settle(&connection);
    if (connection.cut)
        reset(&connection);
    else if (connection.linger)
        green__http_linger(&connection);
}
