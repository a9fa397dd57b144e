/* The handshake of a client. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "websocket.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- URLs -------------------------------------------------------------------------- */

struct url {
    bool secure;
    char host[256];      /* an IPv6 address without its brackets */
    char authority[270]; /* for the field Host */
    char address[270];   /* to dial */
    const char *path;    /* with the query; without a '/' if it is only that */
};

static bool take_scheme(struct url *url, const char **at)
{
    url->secure = strncasecmp(*at, "wss://", 6) == 0;
    if (!url->secure && strncasecmp(*at, "ws://", 5) != 0)
        return false;
    *at += url->secure ? 6 : 5;
    return true;
}

static int take_host(struct url *url, const char **at)
{
    bool is_ipv6 = **at == '[';
    size_t length = strcspn(*at += is_ipv6, is_ipv6 ? "]" : ":/?");

    if (length == 0 || length >= sizeof url->host)
        return refuse(EINVAL);
    memcpy(url->host, *at, length);
    url->host[length] = '\0';
    *at += length;
    if (is_ipv6 && *(*at)++ != ']')
        return refuse(EINVAL);
    return 0;
}

/* Takes ":PORT", if there is one. */
static int take_port(struct url *url, const char **at, int *port)
{
    char *end;
    long number;

    *port = url->secure ? 443 : 80;
    if (**at != ':')
        return 0;
    if ((*at)[1] < '0' || (*at)[1] > '9')
        return refuse(EINVAL);
    number = strtol(*at + 1, &end, 10);
    if (number < 1 || number > 65535)
        return refuse(EINVAL);
    *at = end;
    *port = (int)number;
    return 0;
}

static bool is_printable(const char *text)
{
    for (; *text; text++)
        if (*text <= ' ' || *text >= 0x7f || *text == '#')
            return false;
    return true;
}

static int parse_url(struct url *url, const char *text)
{
    const char *open, *close;
    int port;

    if (!text || !is_printable(text))
        return refuse(EINVAL);
    if (!take_scheme(url, &text))
        return refuse(EPROTONOSUPPORT);
    if (take_host(url, &text) < 0 || take_port(url, &text, &port) < 0)
        return -1;
    if ((*text && *text != '/' && *text != '?') || strchr(url->host, '@'))
        return refuse(EINVAL);
    url->path = text;
    open = strchr(url->host, ':') ? "[" : "";
    close = *open ? "]" : "";
    snprintf(url->address, sizeof url->address, "tcp://%s%s%s:%d", open,
             url->host, close, port);
    if (port == (url->secure ? 443 : 80))
        snprintf(url->authority, sizeof url->authority, "%s%s%s", open,
                 url->host, close);
    else
        snprintf(url->authority, sizeof url->authority, "%s%s%s:%d", open,
                 url->host, close, port);
    return 0;
}

/* ---- The request ----------------------------------------------------------------------- */

static int add(struct green__http_text *text, const char *bytes)
{
    return green__http_text_add(text, bytes, strlen(bytes),
                                GREEN__HTTP_HEAD_MOST);
}

static int add_all(struct green__http_text *text, const char *const *parts)
{
    for (; *parts; parts++)
        if (add(text, *parts) < 0)
            return -1;
    return 0;
}

/* A program's "NAME: VALUE". */
static int add_field(struct green__http_text *text, const char *field)
{
    const char *parts[] = {field, "\r\n", NULL};

    if (!green__http_is_token(field, strcspn(field, ":")) ||
        !strchr(field, ':'))
        return refuse(EINVAL);
    for (const char *at = field; *at; at++)
        if (((unsigned char)*at < ' ' && *at != '\t') || *at == 0x7f)
            return refuse(EINVAL);
    return add_all(text, parts);
}

static int add_protocols(struct green__http_text *text,
                         const char *const *protocols)
{
    const char *before = "Sec-WebSocket-Protocol: ";

    if (!protocols || !*protocols)
        return 0;
    for (; *protocols; protocols++, before = ", ")
        if (add(text, before) < 0 || add(text, *protocols) < 0)
            return -1;
    return add(text, "\r\n");
}

static int add_options(struct green__http_text *text,
                       const struct green_websocket_options *options)
{
    char offer[GREEN__WEBSOCKET_EXTENSION];
    const char *parts[] = {"Sec-WebSocket-Extensions: ", offer, "\r\n", NULL};

    if (add_protocols(text, options->protocols) < 0)
        return -1;
    green__websocket_print_offer(options, offer);
    if (options->compress && add_all(text, parts) < 0)
        return -1;
    for (size_t i = 0; options->fields && options->fields[i]; i++)
        if (add_field(text, options->fields[i]) < 0)
            return -1;
    return add(text, "\r\n");
}

static int make_request(struct green__http_text *text, const struct url *url,
                        const struct green_websocket_options *options,
                        const char *key)
{
    const char *parts[] = {"GET ",
                           *url->path == '/' ? "" : "/",
                           url->path,
                           " HTTP/1.1\r\nHost: ",
                           url->authority,
                           "\r\nUpgrade: websocket\r\n",
                           "Connection: Upgrade\r\n",
                           "Sec-WebSocket-Version: 13\r\n",
                           "Sec-WebSocket-Key: ",
                           key,
                           "\r\n",
                           NULL};

    return add_all(text, parts) < 0 ? -1 : add_options(text, options);
}

/* ---- The answer ---------------------------------------------------------------------------- */

static bool has(const struct green__websocket_reply *reply, const char *name,
                const char *word)
{
    const char *value;

    for (size_t n = 0; (value = green__websocket_reply_field(reply, name, n));
         n++)
        if (green__http_list_has(value, word))
            return true;
    return false;
}

/* Whether the server's choice is one of those offered, or none. */
static bool is_offered(const char *protocol, const char *const *protocols)
{
    if (!protocol)
        return true;
    for (; protocols && *protocols; protocols++)
        if (strcmp(*protocols, protocol) == 0)
            return true;
    return false;
}

static bool takes_extension(const struct green__websocket_reply *reply,
                            const struct green_websocket_options *options,
                            struct green__websocket_deflate_terms *terms)
{
    static const char name[] = "Sec-WebSocket-Extensions";
    const char *value = green__websocket_reply_field(reply, name, 0);

    if (!value)
        return true;
    return options->compress && !green__websocket_reply_field(reply, name, 1) &&
           green__websocket_take_answer(value, options, terms);
}

static int check(const struct green__websocket_reply *reply, const char *key,
                 const struct green_websocket_options *options,
                 struct green__websocket_deflate_terms *terms)
{
    static const char accept[] = "Sec-WebSocket-Accept",
                      protocol[] = "Sec-WebSocket-Protocol";
    const char *value = green__websocket_reply_field(reply, accept, 0);
    char wanted[GREEN__WEBSOCKET_ACCEPT];

    if (green__websocket_accept_of(key, wanted) < 0)
        return -1;
    if (reply->status == 101 && value && strcmp(value, wanted) == 0 &&
        !green__websocket_reply_field(reply, accept, 1) &&
        has(reply, "Upgrade", "websocket") &&
        has(reply, "Connection", "upgrade") &&
        is_offered(green__websocket_reply_field(reply, protocol, 0),
                   options->protocols) &&
        !green__websocket_reply_field(reply, protocol, 1) &&
        takes_extension(reply, options, terms))
        return 0;
    return refuse(EPROTO);
}

/* ---- The handshake ------------------------------------------------------------------------- */

static int ask(struct green_stream *stream, const struct url *url,
               const struct green_websocket_options *options, const char *key)
{
    struct green__http_text text = {0};
    int result = make_request(&text, url, options, key), error;

    if (result == 0)
        result = green_stream_write_all(stream, text.bytes, text.size);
    error = errno;
    free(text.bytes);
    errno = error;
    return result;
}

/* Makes it of a stream on which the server has agreed. */
static struct green_websocket *
begin(struct green_stream *stream,
      const struct green_websocket_options *options,
      const struct green__websocket_deflate_terms *terms,
      struct green__websocket_reply *reply)
{
    const char *protocol =
        green__websocket_reply_field(reply, "Sec-WebSocket-Protocol", 0);
    char *copy = protocol ? strdup(protocol) : NULL;
    struct green_websocket *websocket;

    if (protocol && !copy)
        return NULL;
    websocket = green__websocket_create(stream, NULL, options, terms);
    if (!websocket) {
        free(copy);
        return NULL;
    }
    websocket->protocol = copy;
    websocket->input.first = reply->rest;
    websocket->input.at = reply->rest;
    websocket->input.end = reply->rest + reply->rest_size;
    reply->rest = NULL;
    return websocket;
}

static struct green_websocket *
shake_hands(struct green_stream *stream, const struct url *url,
            const struct green_websocket_options *options)
{
    struct green__websocket_deflate_terms terms = {0};
    struct green__websocket_reply reply = {0};
    struct green_websocket *websocket = NULL;
    char key[GREEN__WEBSOCKET_KEY];
    int error;

    if (green__websocket_new_key(key) == 0 &&
        ask(stream, url, options, key) == 0 &&
        green__websocket_reply_read(stream, &reply) == 0 &&
        check(&reply, key, options, &terms) == 0)
        websocket = begin(stream, options, &terms, &reply);
    if (options->status)
        *options->status = reply.status;
    error = errno;
    green__websocket_reply_free(&reply);
    errno = error;
    return websocket;
}

/* ---- The connection ------------------------------------------------------------------------- */

static struct green_stream *plain_stream(int fd)
{
    struct green_stream *stream = malloc(sizeof *stream);

    if (stream)
        green_stream_init(stream, fd);
    return stream;
}

static struct green_stream *
connect_to(const struct url *url, const struct green_websocket_options *options)
{
    const struct green_stream_wrap *wrap = options->wrap;
    struct green_stream *stream;
    int fd = green_dial(url->address), error;

    if (fd < 0)
        return NULL;
    stream =
        url->secure ? wrap->wrap(fd, url->host, wrap->arg) : plain_stream(fd);
    if (!stream) {
        error = errno;
        green_close(fd);
        errno = error;
    }
    return stream;
}

void green__websocket_close_stream(struct green_stream *stream)
{
    bool is_plain = !stream->ops;
    int error = errno;

    green_stream_close(stream);
    if (is_plain)
        free(stream);
    errno = error;
}

static struct green_websocket *
connect_and_ask(const struct url *url,
                const struct green_websocket_options *options)
{
    struct green_stream *stream = connect_to(url, options);
    struct green_websocket *websocket;

    if (!stream)
        return NULL;
    websocket = shake_hands(stream, url, options);
    if (!websocket)
        green__websocket_close_stream(stream);
    return websocket;
}

struct green_websocket *
green_websocket_dial(const char *url,
                     const struct green_websocket_options *options)
{
    struct green_websocket_options all;
    struct green_websocket *websocket;
    struct green_timeout timeout;
    struct url parsed;

    if (green__websocket_options_init(&all, options) < 0 ||
        parse_url(&parsed, url) < 0)
        return NULL;
    if (parsed.secure && (!all.wrap || !all.wrap->wrap)) {
        errno = EPROTONOSUPPORT;
        return NULL;
    }
    if (all.status)
        *all.status = 0;
    if (green_timeout_start(&timeout, all.handshake_timeout) < 0)
        return NULL;
    websocket = connect_and_ask(&parsed, &all);
    green_timeout_cancel(&timeout);
    return websocket;
}
