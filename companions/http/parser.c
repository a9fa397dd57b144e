/*
 * Requests and responses, by llhttp. It sees each byte of a head and of a body in chunks once.
 * What it finds is compared with the bytes in between: versions before 9 let
 * some of what RFC 9112 forbids through, such as folded fields, and a head that
 * has passed here has no other reading.
 */
#include <llhttp.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

_Static_assert(sizeof(llhttp_t) <=
                   sizeof((struct green__http_connection){0}.parser),
               "room for the parser");

static llhttp_t *parser_of(const struct green_http *http)
{
    return (llhttp_t *)(void *)http->connection->parser;
}

static const struct green_http_options *
options_of(const struct green_http *http)
{
    return &http->connection->config->options;
}

static int refuse(struct green_http *http, int status)
{
    if (!http->refused)
        http->refused = status;
    return -1;
}

/* ---- What llhttp finds in a head --------------------------------------------- */

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct green_http *http = parser->data;

    if (http->target_length == 0)
        http->target = (uint32_t)(at - http->base);
    http->target_length += (uint32_t)size;
    if (http->target_length > options_of(http)->max_target)
        return refuse(http, 414);
    return 0;
}

static int on_field(llhttp_t *parser, const char *at, size_t size)
{
    struct green_http *http = parser->data;
    struct green__http_field *field = &http->field[http->field_count];

    if (http->field_count >= options_of(http)->max_fields)
        return refuse(http, 431);
    if (field->name_length == 0)
        field->name = (uint32_t)(at - http->base);
    field->name_length += (uint32_t)size;
    return 0;
}

/* The value of a folded field comes in pieces that are not adjacent. */
static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct green_http *http = parser->data;
    struct green__http_field *field = &http->field[http->field_count];
    uint32_t offset = (uint32_t)(at - http->base);

    if (field->value_length == 0)
        field->value = offset;
    else if (field->value + field->value_length != offset)
        return refuse(http, 400);
    field->value_length += (uint32_t)size;
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct green_http *http = parser->data;

    http->field_count++;
    if (http->field_count < GREEN__HTTP_FIELDS)
        http->field[http->field_count] = (struct green__http_field){0};
    return 0;
}

static int on_head_complete(llhttp_t *parser)
{
    parser->upgrade = 0; /* whether there is one is for the handler to say */
    return HPE_PAUSED;
}

static const llhttp_settings_t head_settings = {
    .on_url = on_url,
    .on_header_field = on_field,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_head_complete,
};

/* ---- What lies between ------------------------------------------------------------ */

static bool is_blank(char byte)
{
    return byte == ' ' || byte == '\t';
}

/*
 * The request line, exactly: METHOD SP TARGET SP "HTTP/1." DIGIT CR LF, and
 * before it nothing but empty lines. Returns the offset behind it, or 0.
 */
static size_t line_end(const struct green_http *http, size_t size)
{
    const char *base = http->base;
    size_t method = strlen(http->method), at = 0;

    while (at + 1 < size && base[at] == '\r' && base[at + 1] == '\n')
        at += 2;
    if (http->target_length == 0 || http->target != at + method + 1 ||
        memcmp(base + at, http->method, method) != 0 ||
        base[at + method] != ' ')
        return 0;
    at = (size_t)http->target + http->target_length;
    at = at + 11 > size ? 0 : at;
    if (at == 0 || memcmp(base + at, " HTTP/1.", 8) != 0 ||
        base[at + 9] != '\r' || base[at + 10] != '\n')
        return 0;
    return at + 11;
}

/* A field, exactly: NAME ":" blanks VALUE blanks CR LF. Cuts the blanks off.
 * Returns the offset behind it, or 0. */
static size_t field_end(const struct green_http *http, size_t size,
                        struct green__http_field *field, size_t at)
{
    const char *base = http->base;

    if (field->name_length == 0 || field->name != at ||
        base[at + field->name_length] != ':')
        return 0;
    for (at += field->name_length + 1; is_blank(base[at]); at++)
        ;
    if (field->value_length == 0)
        field->value = (uint32_t)at;
    if (field->value != at)
        return 0;
    for (at += field->value_length; is_blank(base[at]); at++)
        ;
    while (field->value_length > 0 &&
           is_blank(base[field->value + field->value_length - 1]))
        field->value_length--;
    if (at + 2 > size || memcmp(base + at, "\r\n", 2) != 0)
        return 0;
    return at + 2;
}

static size_t first_line_end(struct green_http *http, size_t size)
{
    if (http->is_response) {
        http->status = parser_of(http)->status_code;
        return green__http_status_line_end(http->base, size);
    }
    http->method = llhttp_method_name(parser_of(http)->method);
    return line_end(http, size);
}

/* Makes strings of what was found; `size` bytes are the head. */
static int settle_head(struct green_http *http, size_t size)
{
    size_t at;

    if (parser_of(http)->http_major > 1)
        return refuse(http, 505);
    at = first_line_end(http, size);
    if (at == 0)
        return refuse(http, 400);
    for (unsigned i = 0; i < http->field_count; i++)
        if ((at = field_end(http, size, &http->field[i], at)) == 0)
            return refuse(http, 400);
    if (at + 2 != size || memcmp(http->base + at, "\r\n", 2) != 0)
        return refuse(http, 400);
    http->version = 10 + parser_of(http)->http_minor;
    if (!http->is_response)
        http->base[http->target + http->target_length] = '\0';
    for (unsigned i = 0; i < http->field_count; i++) {
        struct green__http_field *field = &http->field[i];

        http->base[field->name + field->name_length] = '\0';
        http->base[field->value + field->value_length] = '\0';
    }
    return 0;
}

/* ---- Heads -------------------------------------------------------------------------- */

static bool begins_with_method(const struct green_http *http, const char *end)
{
    const char *at = http->base;

    while (at < end && *at >= 'A' && *at <= 'Z')
        at++;
    return at < end && at > http->base && *at == ' ';
}

/* Whether what follows the target is of the form " HTTP/D.D", as far as it has
 * come. */
static bool has_version(const struct green_http *http, const char *end)
{
    static const char form[] = " HTTP/0.0\r\n";
    const char *at = http->base + http->target + http->target_length;

    for (size_t i = 0; i < sizeof form - 1 && at < end; i++, at++)
        if (form[i] == '0' ? *at < '0' || *at > '9' : *at != form[i])
            return false;
    return http->target_length > 0;
}

/* llhttp has found an error. */
static int refuse_head(struct green_http *http, llhttp_errno_t error)
{
    switch (error) {
    case HPE_INVALID_METHOD:
        return refuse(
            http, begins_with_method(http, http->connection->end) ? 501 : 400);
    case HPE_INVALID_VERSION:
        return refuse(http,
                      has_version(http, http->connection->end) ? 505 : 400);
    case HPE_PAUSED_H2_UPGRADE: /* the preface of HTTP/2 */
        return refuse(http, 505);
    default:
        return refuse(http, 400);
    }
}

/* Whether the connection begins with the preface of HTTP/2, and may. */
static bool is_preface(const struct green_http *http)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const struct green__http_connection *connection = http->connection;

    return connection->may_http2 &&
           (size_t)(connection->end - http->base) >= sizeof preface - 1 &&
           memcmp(http->base, preface, sizeof preface - 1) == 0;
}

/* Shows llhttp what is new. Returns 1: the head is whole; 0: not yet; -1. */
static int parse_head(struct green_http *http, char *from)
{
    struct green__http_connection *connection = http->connection;
    size_t most = options_of(http)->max_header, size;
    llhttp_t *parser = parser_of(http);
    llhttp_errno_t error;

    error = llhttp_execute(parser, from, (size_t)(connection->end - from));
    if (error == HPE_OK) {
        size = (size_t)(connection->end - http->base);
        return size > most ? refuse(http, 431) : 0;
    }
    if (error == HPE_PAUSED_H2_UPGRADE && is_preface(http)) {
        connection->at = http->base;
        connection->http2 = true;
        return 1;
    }
    if (error != HPE_PAUSED)
        return refuse_head(http, error);
    size = (size_t)(llhttp_get_error_pos(parser) - http->base);
    if (size > most)
        return refuse(http, 431);
    connection->at = http->base + size;
    return settle_head(http, size) < 0 ? -1 : 1;
}

/* Moves what there is of a head to where there is room for more. */
static int make_room(struct green_http *http)
{
    struct green__http_connection *connection = http->connection;
    size_t size = (size_t)(connection->end - http->base), room = size + 4096;
    char *larger;

    if (http->base == connection->head && connection->head_size > size)
        return 0;
    larger = malloc(room);
    if (!larger)
        return refuse(http, 503);
    memcpy(larger, http->base, size);
    free(connection->head);
    green_buffer_return(connection->lent);
    connection->lent = NULL;
    connection->head = larger;
    connection->head_size = room;
    connection->end = larger + size;
    connection->at = http->base = larger;
    return 0;
}

/* Reads more of a head, until `deadline`. Returns 1, or -1. */
static int read_more(struct green_http *http, green_time deadline)
{
    struct green__http_connection *connection = http->connection;
    green_time left = deadline - green_now();
    ssize_t n;

    if (make_room(http) < 0)
        return -1;
    n = green__http_input(connection, connection->end,
                          connection->head_size -
                              (size_t)(connection->end - connection->head),
                          left > 0 ? left : 1);
    if (n > 0) {
        connection->end += n;
        return 1;
    }
    /* Nothing can be said to a client that has gone; one that has ended its
     * side may still read. */
    return n == 0 ? refuse(http, connection->deadline.expired ? 408 : 400) : -1;
}

/* Waits for the first byte. Returns 1, or 0 at the end. */
static int read_first(struct green__http_connection *connection)
{
    const struct green_http_options *options = &connection->config->options;
    struct green_idle idle;
    bool is_idle = green_idle_begin(&idle, NULL) == 0;
    ssize_t n;

    green__http_deadline_set(&connection->deadline, GREEN__HTTP_READS,
                             options->idle_timeout);
    n = green_stream_lend(connection->stream, &connection->lent);
    green__http_deadline_clear(&connection->deadline);
    if (is_idle)
        green_idle_end(&idle);
    if (n <= 0)
        return 0;
    connection->at = connection->lent->data;
    connection->end = connection->at + n;
    return 1;
}

int green__http_read_head(struct green_http *http)
{
    struct green__http_connection *connection = http->connection;
    green_time deadline;
    size_t seen = 0;
    int found;

    if (connection->at == connection->end && read_first(connection) == 0)
        return 0;
    http->begun = green_now();
    deadline = http->begun + options_of(http)->header_timeout;
    llhttp_init(parser_of(http),
                http->is_response ? HTTP_RESPONSE : HTTP_REQUEST,
                &head_settings);
    parser_of(http)->data = http;
    http->base = connection->at;
    for (;;) {
        found = parse_head(http, http->base + seen);
        if (found != 0)
            return connection->http2 ? 0 : found;
        seen = (size_t)(connection->end - http->base);
        if (read_more(http, deadline) < 0)
            return -1;
    }
}

/* ---- Bodies in chunks ------------------------------------------------------------------ */

static int on_body(llhttp_t *parser, const char *at, size_t size)
{
    struct green_http *http = parser->data;

    http->piece = at;
    http->piece_size = size;
    return HPE_PAUSED;
}

static int on_chunk(llhttp_t *parser)
{
    struct green_http *http = parser->data;

    http->chunks++;
    return 0;
}

static int on_trailer(llhttp_t *parser, const char *at, size_t size)
{
    struct green_http *http = parser->data;

    return green__http_text_add(&http->trailers, at, size,
                                GREEN__HTTP_HEAD_MOST);
}

static int on_trailer_end(llhttp_t *parser)
{
    return on_trailer(parser, "", 1);
}

static int on_trailer_value_end(llhttp_t *parser)
{
    struct green__http_text *text =
        &((struct green_http *)parser->data)->trailers;

    while (text->size > 0 && is_blank(text->bytes[text->size - 1]))
        text->size--;
    return on_trailer_end(parser);
}

static int on_end(llhttp_t *parser)
{
    struct green_http *http = parser->data;

    http->body_over = true;
    return HPE_PAUSED;
}

static const llhttp_settings_t body_settings = {
    .on_header_field = on_trailer,
    .on_header_field_complete = on_trailer_end,
    .on_header_value = on_trailer,
    .on_header_value_complete = on_trailer_value_end,
    .on_body = on_body,
    .on_chunk_header = on_chunk,
    .on_message_complete = on_end,
};

void green__http_chunks_begin(struct green_http *http)
{
    parser_of(http)->settings = (void *)(uintptr_t)&body_settings;
}

/* What belongs to each chunk is free, such as its size and the ends of lines. */
static int account(struct green_http *http, size_t size)
{
    size_t free_bytes = (size_t)24 * http->chunks;

    http->overhead += size;
    http->overhead -= http->overhead < free_bytes ? http->overhead : free_bytes;
    http->chunks = 0;
    if (http->overhead <= options_of(http)->max_chunk_overhead)
        return 0;
    errno = EPROTO;
    return -1;
}

int green__http_chunks_decode(struct green_http *http)
{
    struct green__http_connection *connection = http->connection;
    llhttp_t *parser = parser_of(http);
    size_t size = (size_t)(connection->end - connection->at);
    llhttp_errno_t error;

    http->piece_size = 0;
    llhttp_resume(parser);
    error = llhttp_execute(parser, connection->at, size);
    if (error != HPE_OK && error != HPE_PAUSED) {
        errno = EPROTO;
        return -1;
    }
    if (error == HPE_PAUSED)
        size = (size_t)(llhttp_get_error_pos(parser) - connection->at);
    connection->at += size;
    return account(http, size - http->piece_size);
}
