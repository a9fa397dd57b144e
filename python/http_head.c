/*
 * The head of a request. Its lines are counted and measured as they come; the
 * whole head is then parsed by llhttp, strictly. What llhttp's versions before 9
 * let through, folded fields and single CRs, is refused here.
 */
#include <llhttp.h>

#include <ctype.h>
#include <string.h>
#include <strings.h>

#include "http.h"

#define CLOSE "Connection: close\r\nContent-length: 0\r\n\r\n"

static const char bad_request[] = "HTTP/1.0 400 Bad Request\r\n" CLOSE;
static const char bad_version[] =
    "HTTP/1.0 505 HTTP Version Not Supported\r\n" CLOSE;
static const char long_target[] =
    "HTTP/1.0 414 Request URI Too Long\r\n"
    "Connection: close\r\nContent-Length: 0\r\n\r\n";
static const char long_line[] = "HTTP/1.0 400 Header Line Too Long\r\n" CLOSE;
static const char large_head[] = "HTTP/1.0 400 Headers Too Large\r\n" CLOSE;
static const char many_fields[] = "HTTP/1.0 431 Too many headers\r\n" CLOSE;

/* ---- Lines -------------------------------------------------------------- */

/* How far the head is known, from its beginning. */
struct scan {
    size_t line, at;     /* the beginning of a line; what was looked at */
    const char *refusal; /* the answer to a bad request */
};

static const char *check_size(const struct http_connection *connection,
                              const struct scan *scan, size_t end)
{
    size_t size = end - scan->line;

    if (connection->line_size == 0)
        return size >= connection->line_limit ? long_target : NULL;
    if (size >= HTTP_MAX_LINE)
        return long_line;
    return end - connection->line_size > HTTP_MAX_FIELDS_SIZE ? large_head
                                                              : NULL;
}

/* A line ends by CR LF, has no other CR or NUL, and continues no other line. */
static bool is_line(const char *line, size_t size)
{
    return size >= 2 && memchr(line, '\r', size) == line + size - 2 &&
           !memchr(line, '\0', size) && *line != ' ' && *line != '\t';
}

/* Takes a line. Returns true if it is the last of the head. */
static bool take_line(struct http_connection *connection, struct scan *scan,
                      size_t end)
{
    size_t size = end - scan->line;
    bool empty = size == 2;

    scan->refusal = check_size(connection, scan, end);
    if (!scan->refusal && !is_line(http_head(connection) + scan->line, size))
        scan->refusal = bad_request;
    if (connection->line_size == 0 && empty && !scan->refusal) {
        connection->start += 2; /* an empty line before the request */
        scan->line = scan->at = 0;
        return false;
    }
    scan->line = scan->at = end;
    if (connection->line_size == 0)
        connection->line_size = end;
    else if (empty)
        connection->head_size = end;
    return empty;
}

/* Looks at what has come. Returns true if that is the whole head, or bad. */
static bool look(struct http_connection *connection, struct scan *scan)
{
    while (!scan->refusal) {
        size_t size = connection->end - connection->start;
        const char *head = http_head(connection), *end = NULL;

        if (size > scan->at)
            end = memchr(head + scan->at, '\n', size - scan->at);
        if (!end) {
            scan->at = size;
            scan->refusal = check_size(connection, scan, size);
            return scan->refusal != NULL;
        }
        if (take_line(connection, scan, (size_t)(end + 1 - head)))
            return true;
    }
    return true;
}

/* ---- llhttp ------------------------------------------------------------- */

static struct http_span grow(const struct http_connection *connection,
                             struct http_span span, const char *at, size_t size)
{
    if (span.size == 0)
        span.at = (uint32_t)(at - http_head(connection));
    span.size += (uint32_t)size;
    return span;
}

static int on_url(llhttp_t *parser, const char *at, size_t size)
{
    struct http_connection *connection = parser->data;

    connection->target = grow(connection, connection->target, at, size);
    return 0;
}

static int on_name(llhttp_t *parser, const char *at, size_t size)
{
    struct http_connection *connection = parser->data;
    struct http_field *field = &connection->fields[connection->field_count];

    if (connection->field_count == HTTP_MAX_FIELDS)
        return -1;
    field->name = grow(connection, field->name, at, size);
    return 0;
}

static int on_value(llhttp_t *parser, const char *at, size_t size)
{
    struct http_connection *connection = parser->data;
    struct http_field *field = &connection->fields[connection->field_count];

    field->value = grow(connection, field->value, at, size);
    return 0;
}

static int on_value_complete(llhttp_t *parser)
{
    struct http_connection *connection = parser->data;

    connection->field_count++;
    if (connection->field_count < HTTP_MAX_FIELDS)
        connection->fields[connection->field_count] = (struct http_field){0};
    return 0;
}

static int on_headers_complete(llhttp_t *parser)
{
    parser->upgrade = 0;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_url = on_url,
    .on_header_field = on_name,
    .on_header_value = on_value,
    .on_header_value_complete = on_value_complete,
    .on_headers_complete = on_headers_complete,
};

/* The method's length, 0 if it is none. llhttp knows only some methods, an
 * application may have its own. */
static size_t method_size(const char *head, size_t size)
{
    size_t length = 0;

    while (length < size &&
           (isalnum((unsigned char)head[length]) ||
            (head[length] && strchr("!#$%&'*+-.^_`|~", head[length]))))
        length++;
    return length < size && head[length] == ' ' ? length : 0;
}

static const char *why_refused(const struct http_connection *connection,
                               llhttp_errno_t error)
{
    if (error == HPE_INVALID_VERSION)
        return bad_version;
    return connection->field_count == HTTP_MAX_FIELDS ? many_fields
                                                      : bad_request;
}

/* METHOD SP TARGET SP "HTTP/1." DIGIT CR LF, with no other blank. */
static bool is_exact(const struct http_connection *connection)
{
    struct http_span target = connection->target;

    return target.at == connection->method.size + 1 &&
           target.at + target.size + 11 == connection->line_size;
}

static bool has_names(const struct http_connection *connection)
{
    for (unsigned i = 0; i < connection->field_count; i++) {
        struct http_span name = connection->fields[i].name;

        if (name.size == 0 || http_head(connection)[name.at + name.size] != ':')
            return false;
    }
    return true;
}

/* Returns the answer to a bad request, else NULL. */
static const char *parse(struct http_connection *connection)
{
    const char *head = http_head(connection);
    size_t method = method_size(head, connection->line_size);
    llhttp_errno_t error;
    llhttp_t parser;

    if (method == 0)
        return bad_request;
    connection->method = (struct http_span){0, (uint32_t)method};
    connection->target = (struct http_span){0, 0};
    connection->field_count = 0;
    connection->fields[0] = (struct http_field){0};
    llhttp_init(&parser, HTTP_REQUEST, &settings);
    parser.data = connection;
    llhttp_set_lenient_chunked_length(&parser, !http_names.strict);
    llhttp_execute(&parser, "GET", 3);
    error =
        llhttp_execute(&parser, head + method, connection->head_size - method);
    if (error != HPE_PAUSED)
        return why_refused(connection, error);
    if (parser.http_major != 1 || parser.http_minor > 1)
        return bad_version;
    connection->minor = parser.http_minor;
    return is_exact(connection) && has_names(connection) ? NULL : bad_request;
}

/* ---- What the fields say ------------------------------------------------ */

static bool span_is(const struct http_connection *connection,
                    struct http_span span, const char *text)
{
    return span.size == strlen(text) &&
           strncasecmp(http_head(connection) + span.at, text, span.size) == 0;
}

bool http_field_is(const struct http_connection *connection,
                   const struct http_field *field, const char *name)
{
    return span_is(connection, field->name, name);
}

static void trim(const struct http_connection *connection,
                 struct http_span *span)
{
    const char *head = http_head(connection);

    while (span->size > 0 && (head[span->at + span->size - 1] == ' ' ||
                              head[span->at + span->size - 1] == '\t'))
        span->size--;
}

/* Whether a list of words has this one. */
static bool has_word(const struct http_connection *connection,
                     struct http_span list, const char *word)
{
    const char *at = http_head(connection) + list.at, *end = at + list.size;
    size_t size = strlen(word);

    while (at < end) {
        const char *comma = memchr(at, ',', (size_t)(end - at));
        const char *stop = comma ? comma : end, *next = stop + 1;

        while (at < stop && (*at == ' ' || *at == '\t'))
            at++;
        while (stop > at && (stop[-1] == ' ' || stop[-1] == '\t'))
            stop--;
        if ((size_t)(stop - at) == size && strncasecmp(at, word, size) == 0)
            return true;
        at = next;
    }
    return false;
}

/* Returns false if it is not a length, or another one than before. */
static bool take_length(struct http_connection *connection,
                        struct http_span span)
{
    const char *digits = http_head(connection) + span.at;
    int64_t length = 0;

    for (uint32_t i = 0; i < span.size; i++) {
        if (!isdigit((unsigned char)digits[i]) || length > INT64_MAX / 10 - 10)
            return false;
        length = 10 * length + (digits[i] - '0');
    }
    if (span.size == 0 ||
        (connection->body.length >= 0 && connection->body.length != length))
        return false;
    connection->body.length = length;
    return true;
}

static void take_connection(struct http_connection *connection,
                            struct http_span value)
{
    bool keeps = has_word(connection, value, "keep-alive");

    if (has_word(connection, value, "close"))
        connection->client_keeps = false;
    else if (keeps)
        connection->client_keeps = true;
    connection->client_keeps_1_0 = keeps && connection->client_keeps;
}

static bool take_field(struct http_connection *connection,
                       struct http_field *field)
{
    trim(connection, &field->value);
    switch (field->name.size) {
    case 6:
        if (http_field_is(connection, field, "expect"))
            connection->body.expects |=
                span_is(connection, field->value, "100-continue");
        return true;
    case 10:
        if (http_field_is(connection, field, "connection"))
            take_connection(connection, field->value);
        return true;
    case 14:
        return !http_field_is(connection, field, "content-length") ||
               take_length(connection, field->value);
    case 17:
        if (!http_field_is(connection, field, "transfer-encoding"))
            return true;
        if (connection->body.chunked)
            return false;
        return connection->body.chunked =
                   span_is(connection, field->value, "chunked");
    default:
        return true;
    }
}

/* Returns false if the request is bad. */
static bool take_fields(struct http_connection *connection)
{
    connection->body = (struct http_body){.length = -1, .remaining = -1};
    connection->client_keeps = connection->minor > 0;
    connection->client_keeps_1_0 = false;
    connection->is_head = span_is(connection, connection->method, "HEAD");
    for (unsigned i = 0; i < connection->field_count; i++)
        if (!take_field(connection, &connection->fields[i]))
            return false;
    if (connection->body.chunked)
        connection->body.length = -1;
    return true;
}

/* ---- The head ----------------------------------------------------------- */

static int refuse(struct http_connection *connection, const char *answer)
{
    struct iovec part = {(char *)answer, strlen(answer)};

    return http_send(connection, &part, 1);
}

int http_read_head(struct http_connection *connection)
{
    struct scan scan = {0};
    int filled;

    connection->line_size = connection->head_size = 0;
    connection->idle = connection->used && connection->start == connection->end;
    filled = http_await(connection);
    if (filled <= 0)
        return filled;
    while (!look(connection, &scan))
        if ((filled = http_fill(connection)) <= 0)
            return filled;
    if (!scan.refusal)
        scan.refusal = parse(connection);
    if (!scan.refusal && !take_fields(connection))
        scan.refusal = bad_request;
    connection->used = true;
    return scan.refusal ? refuse(connection, scan.refusal) : 1;
}
