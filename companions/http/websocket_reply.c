/* The head of a server's answer to a handshake. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <llhttp.h>

#include "websocket.h"

#define MOST ((size_t)16 << 10)

struct reader {
    llhttp_t parser;
    struct green__websocket_reply *reply;
    int error; /* of a callback */
};

static int refuse(int error)
{
    errno = error;
    return -1;
}

static int add(struct reader *reader, const char *bytes, size_t size)
{
    if (green__http_text_add(&reader->reply->fields, bytes, size, MOST) == 0)
        return 0;
    reader->error = errno;
    return -1;
}

static int on_text(llhttp_t *parser, const char *at, size_t size)
{
    if (memchr(at, '\0', size))
        return -1;
    return add(parser->data, at, size);
}

static int on_text_end(llhttp_t *parser)
{
    return add(parser->data, "", 1);
}

static int on_value_end(llhttp_t *parser)
{
    struct green__http_text *text =
        &((struct reader *)parser->data)->reply->fields;

    while (text->size > 0 && (text->bytes[text->size - 1] == ' ' ||
                              text->bytes[text->size - 1] == '\t'))
        text->size--;
    return on_text_end(parser);
}

static int on_head(llhttp_t *parser)
{
    (void)parser;
    return HPE_PAUSED;
}

static const llhttp_settings_t settings = {
    .on_header_field = on_text,
    .on_header_field_complete = on_text_end,
    .on_header_value = on_text,
    .on_header_value_complete = on_value_end,
    .on_headers_complete = on_head,
};

/* Reads some. Returns 1 if the head is whole, 0 if not, or -1. */
static int read_some(struct green_stream *stream, struct reader *reader,
                     size_t *total)
{
    struct green__websocket_reply *reply = reader->reply;
    llhttp_errno_t error;
    char bytes[2048];
    const char *end;
    ssize_t n = green_stream_read(stream, bytes, sizeof bytes);

    if (n <= 0)
        return n == 0 ? refuse(ECONNRESET) : -1;
    *total += (size_t)n;
    error = llhttp_execute(&reader->parser, bytes, (size_t)n);
    if (error == HPE_OK)
        return *total > MOST ? refuse(EMSGSIZE) : 0;
    if (error != HPE_PAUSED && error != HPE_PAUSED_UPGRADE)
        return refuse(reader->error ? reader->error : EPROTO);
    end = llhttp_get_error_pos(&reader->parser);
    reply->status = reader->parser.status_code;
    reply->rest_size = (size_t)(bytes + n - end);
    reply->rest = malloc(reply->rest_size + 1);
    if (!reply->rest)
        return -1;
    memcpy(reply->rest, end, reply->rest_size);
    return 1;
}

int green__websocket_reply_read(struct green_stream *stream,
                                struct green__websocket_reply *reply)
{
    struct reader reader = {.reply = reply};
    size_t total = 0;
    int result;

    llhttp_init(&reader.parser, HTTP_RESPONSE, &settings);
    reader.parser.data = &reader;
    do
        result = read_some(stream, &reader, &total);
    while (result == 0);
    if (result > 0 &&
        (reader.parser.http_major != 1 || reader.parser.http_minor != 1))
        return refuse(EPROTO);
    return result < 0 ? -1 : 0;
}

void green__websocket_reply_free(struct green__websocket_reply *reply)
{
    free(reply->fields.bytes);
    free(reply->rest);
}

const char *
green__websocket_reply_field(const struct green__websocket_reply *reply,
                             const char *name, size_t n)
{
    const char *at = reply->fields.bytes;
    const char *end = at + reply->fields.size;

    while (at < end) {
        const char *value = at + strlen(at) + 1;

        if (strcasecmp(at, name) == 0 && n-- == 0)
            return value;
        at = value + strlen(value) + 1;
    }
    return NULL;
}
