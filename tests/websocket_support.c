#include "websocket_support.h"

#include <stdio.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/socket.h>

#define ROOM ((size_t)4 << 20)

static const unsigned char mask[4] = {0x37, 0xfa, 0x21, 0x3d};

/* ---- From words -------------------------------------------------------------------- */

static char *wire;
static size_t wire_size;

static void put(const void *bytes, size_t size)
{
    ck_assert_uint_le(wire_size + size, ROOM);
    memcpy(wire + wire_size, bytes, size);
    wire_size += size;
}

static void put_byte(unsigned byte)
{
    unsigned char one = (unsigned char)byte;

    put(&one, 1);
}

static unsigned hex(const char *at)
{
    unsigned byte;

    ck_assert_int_eq(sscanf(at, "%2x", &byte), 1);
    return byte;
}

static void put_head(unsigned first, size_t size, bool masked)
{
    unsigned bit = masked ? 0x80 : 0;

    put_byte(first);
    if (size < 126) {
        put_byte(bit | (unsigned)size);
    } else if (size < 65536) {
        put_byte(bit | 126);
        put_byte((unsigned)size >> 8);
        put_byte(size & 0xff);
    } else {
        put_byte(bit | 127);
        for (int shift = 56; shift >= 0; shift -= 8)
            put_byte((size >> shift) & 0xff);
    }
    if (masked)
        put(mask, sizeof mask);
}

/* Finds the payload of a word. Returns where the word ends. */
static const char *read_payload(const char *at, char *bytes, size_t *size)
{
    char close = *at == '(' ? ')' : *at == '[' ? ']' : '>';
    const char *end = strchr(at, close);

    ck_assert_msg(end != NULL, "no %c in %s", close, at);
    *size = 0;
    if (close == ')') {
        memcpy(bytes, at + 1, *size = (size_t)(end - at - 1));
    } else if (close == ']') {
        memset(bytes, 'x', *size = strtoul(at + 1, NULL, 10));
    } else {
        for (at++; at < end; at += 2)
            bytes[(*size)++] = (char)hex(at);
    }
    return end + 1;
}

static const char *put_word(const char *at)
{
    static char bytes[ROOM];
    bool masked = *at != 'u';
    unsigned first;
    size_t size;

    if (*at == '=') {
        for (at++; *at && *at != ' '; at += 2)
            put_byte(hex(at));
        return at;
    }
    at += !masked;
    first = hex(at);
    at = read_payload(at + 2, bytes, &size);
    put_head(first, size, masked);
    for (size_t i = 0; i < size && masked; i++)
        bytes[i] = (char)(bytes[i] ^ mask[i % 4]);
    put(bytes, size);
    return at;
}

size_t websocket_encode(const char *words, const char **bytes)
{
    if (!wire)
        wire = malloc(ROOM);
    wire_size = 0;
    while (*words) {
        if (*words == ' ')
            words++;
        else
            words = put_word(words);
    }
    *bytes = wire;
    return wire_size;
}

/* ---- To words ------------------------------------------------------------------------- */

static char said[1 << 16];

static void say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void say(const char *format, ...)
{
    size_t size = strlen(said);
    va_list list;

    va_start(list, format);
    vsnprintf(said + size, sizeof said - size, format, list);
    va_end(list);
}

static bool is_plain(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] < ' ' || bytes[i] > '~')
            return false;
    return size <= 100;
}

static void say_frame(unsigned first, const char *bytes, size_t size,
                      bool masked)
{
    const unsigned char *code = (const unsigned char *)bytes;

    say("%s%s", *said ? " " : "", masked ? "m" : "");
    if (first == 0x88 && size >= 2) {
        say("close(%d%s%.*s)", code[0] << 8 | code[1], size > 2 ? " " : "",
            (int)size - 2, bytes + 2);
    } else if (is_plain(bytes, size)) {
        say("%02x(%.*s)", first, (int)size, bytes);
    } else if (strspn(bytes, "x") >= size) {
        say("%02x[%zu]", first, size);
    } else {
        say("%02x<", first);
        for (size_t i = 0; i < size && i < 100; i++)
            say("%02x", (unsigned char)bytes[i]);
        say(">");
    }
}

/* Decodes one frame. Returns its size, 0 if it is not whole. */
static size_t take(const unsigned char *at, size_t size)
{
    size_t head = 2, length;
    char *bytes;
    bool masked;

    if (size < 2)
        return 0;
    masked = at[1] & 0x80;
    length = at[1] & 0x7f;
    if (length >= 126) {
        size_t digits = length == 126 ? 2 : 8;

        if (size < 2 + digits)
            return 0;
        for (length = 0; head < 2 + digits; head++)
            length = length << 8 | at[head];
    }
    head += masked ? 4 : 0;
    if (size < head || size - head < length)
        return 0;
    bytes = calloc(1, length + 1);
    for (size_t i = 0; i < length; i++)
        bytes[i] = (char)(at[head + i] ^ (masked ? at[head - 4 + i % 4] : 0));
    say_frame(at[0], bytes, length, masked);
    free(bytes);
    return head + length;
}

const char *websocket_decode(const char *bytes, size_t size)
{
    size_t at = 0, n;

    said[0] = '\0';
    while (at < size &&
           (n = take((const unsigned char *)bytes + at, size - at)))
        at += n;
    if (at < size)
        say(" ...");
    return said;
}

/* ---- A connection ------------------------------------------------------------------------ */

char *websocket_open(struct http_pair *pair,
                     int (*handler)(struct green_http *http, void *arg),
                     const struct green_http_options *options,
                     const char *fields)
{
    int on = 1;

    http_open(pair, handler, options);
    /* Else the kernel holds small writes back, and the virtual time of sim runs. */
    ck_ok(setsockopt(pair->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    ck_ok(
        setsockopt(pair->stream.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on));
    http_send(pair, WEBSOCKET_REQUEST);
    http_send(pair, fields);
    http_send(pair, "\r\n");
    return http_read_until(pair, "\r\n\r\n");
}

void websocket_say(struct http_pair *pair, const char *words)
{
    const char *bytes;
    size_t size = websocket_encode(words, &bytes);

    ck_ok(green_write_all(pair->client, bytes, size));
}

const char *websocket_hear(struct http_pair *pair, size_t size)
{
    char *bytes = malloc(size);
    ssize_t n = green_read_full(pair->client, bytes, size);
    const char *words = websocket_decode(bytes, n > 0 ? (size_t)n : 0);

    free(bytes);
    return words;
}

const char *websocket_hear_all(struct http_pair *pair)
{
    char *bytes = malloc(ROOM);
    size_t size = 0;
    ssize_t n;

    while (size < ROOM &&
           (n = green_read(pair->client, bytes + size, ROOM - size)) > 0)
        size += (size_t)n;
    websocket_decode(bytes, size);
    free(bytes);
    return said;
}

int websocket_error;

int websocket_echo(struct green_http *http, void *arg)
{
    struct green_websocket *websocket = green_websocket_accept(http, arg);
    struct green_websocket_message message;
    int n = -1;

    websocket_error = 0;
    while (websocket && (n = green_websocket_receive(websocket, &message)) > 0)
        if (green_websocket_send(websocket, message.kind, message.bytes,
                                 message.size) < 0)
            return -1;
    websocket_error = n < 0 ? errno : 0;
    return n;
}

/* ---- A server ----------------------------------------------------------------------- */

static void *serve(void *arg)
{
    struct websocket_server *server = arg;

    server->result =
        green_http_serve(server->listener, server->handler, &server->http);
    return NULL;
}

void websocket_start(struct websocket_server *server,
                     int (*handler)(struct green_http *http, void *arg))
{
    char address[64];

    server->serve.server = &server->server;
    server->http.serve = &server->serve;
    server->http.arg = &server->options;
    server->handler = handler;
    server->listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(server->listener, 0);
    ck_assert_int_gt(
        green_local_address(server->listener, address, sizeof address), 0);
    snprintf(server->url, sizeof server->url, "%s://%s/chat?room=1",
             server->serve.wrap ? "wss" : "ws", address + strlen("tcp://"));
    server->thread = green_spawn(serve, server);
}

void websocket_finish(struct websocket_server *server)
{
    ck_ok(green_server_stop(&server->server));
    ck_ok(green_join(server->thread, NULL));
    ck_assert_int_eq(server->result, 0);
    ck_ok(green_close(server->listener));
}

struct green_websocket *websocket_dial(struct websocket_server *server)
{
    struct green_websocket_options options = server->options;
    struct green_websocket *websocket;

    options.wrap = server->serve.wrap;
    websocket = green_websocket_dial(server->url, &options);
    ck_assert_msg(websocket != NULL, "%s", strerror(errno));
    return websocket;
}

void websocket_expect(struct green_websocket *websocket,
                      enum green_websocket_kind kind, const void *bytes,
                      size_t size)
{
    struct green_websocket_message message;

    ck_assert_int_eq(green_websocket_receive(websocket, &message), 1);
    ck_assert_int_eq(message.kind, kind);
    ck_assert(message.last);
    ck_assert_uint_eq(message.size, size);
    ck_assert_mem_eq(message.bytes, bytes, size);
    ck_assert_int_eq(message.bytes[size], '\0');
}

void websocket_expect_text(struct green_websocket *websocket, const char *text)
{
    websocket_expect(websocket, GREEN_WEBSOCKET_TEXT, text, strlen(text));
}

void websocket_expect_end(struct green_websocket *websocket, int code,
                          const char *reason)
{
    struct green_websocket_message message;

    ck_assert_int_eq(green_websocket_receive(websocket, &message), 0);
    ck_assert_int_eq(green_websocket_close_code(websocket), code);
    ck_assert_str_eq(green_websocket_close_reason(websocket), reason);
    ck_assert_int_eq(green_websocket_receive(websocket, &message), 0);
    ck_fails(green_websocket_send(websocket, GREEN_WEBSOCKET_TEXT, "x", 1),
             EPIPE);
    ck_fails(green_websocket_ping(websocket, "x", 1), EPIPE);
}
