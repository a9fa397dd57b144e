/* The heads of requests in HTTP/2: pseudo fields and fields become what a head of
 * HTTP/1.1 is. nghttp2 has checked the form of each. */
#include <string.h>
#include <strings.h>

#include "http2.h"

/* ---- As they come ----------------------------------------------------------------- */

static int add_text(struct green__http_text *text, const char *bytes,
                    size_t size, uint32_t *offset)
{
    if (text->size == 0 && green__http_text_add(text, "", 1, SIZE_MAX) < 0)
        return -1; /* so that 0 is no offset */
    *offset = (uint32_t)text->size;
    if (green__http_text_add(text, bytes, size, SIZE_MAX) < 0)
        return -1;
    return green__http_text_add(text, "", 1, SIZE_MAX);
}

static int add_pseudo(struct green__http2_stream *stream, const char *name,
                      const char *value, size_t size)
{
    uint32_t *offset;

    if (strcmp(name, ":method") == 0)
        offset = &stream->method;
    else if (strcmp(name, ":path") == 0)
        offset = &stream->path;
    else if (strcmp(name, ":authority") == 0)
        offset = &stream->authority;
    else
        offset = &stream->scheme;
    return add_text(&stream->head, value, size, offset);
}

static int add_field(struct green__http2_stream *stream, const char *name,
                     size_t name_size, const char *value, size_t value_size)
{
    struct green__http_field *field =
        &stream->http.field[stream->http.field_count];

    field->name_length = (uint32_t)name_size;
    field->value_length = (uint32_t)value_size;
    if (add_text(&stream->head, name, name_size, &field->name) < 0 ||
        add_text(&stream->head, value, value_size, &field->value) < 0)
        return -1;
    stream->http.field_count++;
    return 0;
}

/* RFC 9113, 8.2.3: the pieces of a Cookie are one field for others. */
static int add_cookie(struct green__http2_stream *stream, const char *value,
                      size_t size)
{
    struct green__http_text *cookies = &stream->cookies;

    if (cookies->size > 0 &&
        green__http_text_add(cookies, "; ", 2, SIZE_MAX) < 0)
        return -1;
    return green__http_text_add(cookies, value, size, SIZE_MAX);
}

static int refuse(struct green__http2_stream *stream, int status)
{
    stream->http.refused = status;
    return 0;
}

int green__http2_head_add(struct green__http2_stream *stream, const char *name,
                          size_t name_size, const char *value,
                          size_t value_size)
{
    const struct green_http_options *options =
        &stream->http.connection->config->options;

    if (stream->http.refused)
        return 0;
    stream->head_bytes += name_size + value_size + 4;
    if (strcmp(name, ":path") == 0 && value_size > options->max_target)
        return refuse(stream, 414);
    if (stream->head_bytes > options->max_header)
        return refuse(stream, 431);
    if (*name == ':')
        return add_pseudo(stream, name, value, value_size);
    if (strcmp(name, "cookie") == 0)
        return add_cookie(stream, value, value_size);
    if (stream->http.field_count >= options->max_fields)
        return refuse(stream, 431);
    return add_field(stream, name, name_size, value, value_size);
}

/* ---- When all have come ------------------------------------------------------------- */

static const char *text_at(const struct green__http2_stream *stream,
                           uint32_t offset)
{
    return offset ? stream->head.bytes + offset : NULL;
}

/* What HTTP/1.1 would say: Host, and one Cookie. */
static int add_missing(struct green__http2_stream *stream)
{
    const struct green__http_text *cookies = &stream->cookies;
    struct green_http *http = &stream->http;

    http->base = stream->head.bytes;
    if (stream->authority && !green_http_header(http, "host")) {
        struct green__http_field *field = &http->field[http->field_count++];

        *field =
            (struct green__http_field){.name_length = 4,
                                       .value = stream->authority,
                                       .value_length = (uint32_t)strlen(
                                           text_at(stream, stream->authority))};
        if (add_text(&stream->head, "host", 4, &field->name) < 0)
            return 503;
    }
    if (cookies->size > 0 &&
        add_field(stream, "cookie", 6, cookies->bytes, cookies->size) < 0)
        return 503;
    http->base = stream->head.bytes;
    return 0;
}

/* RFC 9113, 8.3.1: two names for the same must be the same. */
static bool is_consistent(const struct green__http2_stream *stream)
{
    const char *authority = text_at(stream, stream->authority);
    const char *host = green_http_header(&stream->http, "host");
    const char *scheme = text_at(stream, stream->scheme);
    const char *path = text_at(stream, stream->path);

    if (authority && host && strcasecmp(authority, host) != 0)
        return false;
    if (strcmp(stream->http.method, "CONNECT") == 0)
        return authority && !scheme && !path;
    return scheme && path && (*path == '/' || strcmp(path, "*") == 0) &&
           (strcmp(scheme, "https") == 0 || strcmp(scheme, "http") == 0);
}

static void set_target(struct green__http2_stream *stream)
{
    struct green_http *http = &stream->http;
    bool connect = http->method && strcmp(http->method, "CONNECT") == 0;
    uint32_t offset = connect ? stream->authority : stream->path;
    const char *target = text_at(stream, offset);

    http->target = offset;
    http->target_length = target ? (uint32_t)strlen(target) : 0;
}

/* Its end is that of the stream, unless it says how long it is. */
static void set_body(struct green__http2_stream *stream)
{
    struct green_http *http = &stream->http;

    if (stream->body_ended && stream->body.size == 0)
        http->body = GREEN__HTTP_NO_BODY;
    else if (!green_http_header(http, "content-length"))
        http->body = GREEN__HTTP_CHUNKED;
}

int green__http2_head_settle(struct green__http2_stream *stream)
{
    struct green_http *http = &stream->http;
    bool expects;
    int status;

    if (!stream->head.bytes)
        add_text(&stream->head, "", 0, &(uint32_t){0});
    if (!stream->head.bytes)
        return 503;
    status = http->refused ? http->refused : add_missing(stream);
    http->base = stream->head.bytes;
    http->version = 20;
    http->method = text_at(stream, stream->method);
    set_target(stream);
    if (status)
        return status;
    if (!http->method)
        return 400;
    status = green__http_head_check(http);
    if (status == 0 && !is_consistent(stream))
        status = 400;
    expects = green_http_header(http, "expect") != NULL;
    set_body(stream);
    http->expects = status == 0 && expects && http->body != GREEN__HTTP_NO_BODY;
    return status;
}
