/* Requests: their head, and their body. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

/* Bodies up to this are sent with their head. */
#define SHORT ((size_t)64 << 10)
/* So much of larger ones is sent before it is seen whether the server answers. */
#define PIECE ((size_t)256 << 10)

/* ---- The head ------------------------------------------------------------------ */

int green__http_text_put(struct green__http_text *text, const char *string)
{
    return green__http_text_add(text, string, strlen(string),
                                GREEN__HTTP_HEAD_MOST);
}

int green__http_text_put_field(struct green__http_text *text, const char *name,
                               const char *value)
{
    return green__http_text_put(text, name) < 0 ||
                   green__http_text_put(text, ": ") < 0 ||
                   green__http_text_put(text, value) < 0 ||
                   green__http_text_put(text, "\r\n") < 0
               ? -1
               : 0;
}

static bool is_by_proxy(const struct green_http_client_exchange *exchange)
{
    const struct green_http_client *client = exchange->client;

    return !exchange->url.tls && !client->address &&
           green__http_proxy_for(client->proxies, &exchange->url);
}

static int put_line(struct green_http_client_exchange *exchange,
                    struct green__http_text *text)
{
    const struct green__http_url *url = &exchange->url;

    if (green__http_text_put(text, exchange->method) < 0 ||
        green__http_text_put(text, " ") < 0 ||
        green__http_text_put(text, is_by_proxy(exchange) ? url->text
                                                         : url->target) < 0 ||
        green__http_text_put(text, " HTTP/1.1\r\n") < 0)
        return -1;
    if (green__http_text_has(&exchange->out.fields, "Host"))
        return 0;
    return green__http_text_put_field(text, "Host", url->authority);
}

static int put_credentials(struct green_http_client_exchange *exchange,
                           struct green__http_text *text)
{
    const struct green__http_text *fields = &exchange->out.fields;
    const char *proxy = exchange->link->origin->authorization;
    char *basic;
    int result = 0;

    if (exchange->url.user && !green__http_text_has(fields, "Authorization")) {
        basic = green__http_basic(exchange->url.user);
        result = basic
                     ? green__http_text_put_field(text, "Authorization", basic)
                     : -1;
        free(basic);
    }
    if (result == 0 && proxy && is_by_proxy(exchange))
        result = green__http_text_put_field(text, "Proxy-Authorization", proxy);
    if (result == 0 && exchange->client->jar &&
        !green__http_text_has(fields, "Cookie"))
        result =
            green__http_jar_add(exchange->client->jar, &exchange->url, text);
    return result;
}

static int put_usual(struct green_http_client_exchange *exchange,
                     struct green__http_text *text)
{
    const struct green__http_text *fields = &exchange->out.fields;
    const char *agent = exchange->client->user_agent;

    if (*agent && !green__http_text_has(fields, "User-Agent") &&
        green__http_text_put_field(text, "User-Agent", agent) < 0)
        return -1;
    if (!green__http_text_has(fields, "Accept") &&
        green__http_text_put_field(text, "Accept", "*/*") < 0)
        return -1;
    exchange->may_compress = !exchange->client->options.no_decompression &&
                             !green__http_text_has(fields, "Accept-Encoding") &&
                             !green__http_text_has(fields, "Range");
    return exchange->may_compress ? green__http_encodings_add(text) : 0;
}

/* Decides how the body ends, and says so. */
static int put_framing(struct green_http_client_exchange *exchange,
                       struct green__http_text *text)
{
    struct green_http *out = &exchange->out;
    const char *method = exchange->method;
    char number[24];

    if (exchange->has_body) {
        out->has_length = true;
        out->length = exchange->body_size;
    } else if (!exchange->is_streamed) {
        out->has_length = strcmp(method, "POST") == 0 ||
                          strcmp(method, "PUT") == 0 ||
                          strcmp(method, "PATCH") == 0;
        out->length = 0;
        out->end = GREEN__HTTP_BY_LENGTH;
        if (!out->has_length)
            return 0;
    }
    out->end = out->has_length ? GREEN__HTTP_BY_LENGTH : GREEN__HTTP_BY_CHUNK;
    if (!out->has_length)
        return green__http_text_put_field(text, "Transfer-Encoding", "chunked");
    snprintf(number, sizeof number, "%llu", (unsigned long long)out->length);
    return green__http_text_put_field(text, "Content-Length", number);
}

static int make_head(struct green_http_client_exchange *exchange,
                     struct green__http_text *text)
{
    const struct green__http_text *fields = &exchange->out.fields;

    if (put_line(exchange, text) < 0 ||
        green__http_text_add(text, fields->bytes, fields->size,
                             GREEN__HTTP_HEAD_MOST) < 0 ||
        put_usual(exchange, text) < 0 || put_credentials(exchange, text) < 0 ||
        put_framing(exchange, text) < 0)
        return -1;
    return green__http_text_put(text, "\r\n");
}

/* ---- Sending ---------------------------------------------------------------------- */

static int send_head(struct green_http_client_exchange *exchange)
{
    struct green__http_text text = {0};
    struct green_http *out = &exchange->out;
    bool is_short = exchange->has_body && !exchange->expects &&
                    exchange->body_size <= SHORT;
    int result, error;

    result = make_head(exchange, &text);
    if (result == 0) {
        struct iovec parts[] = {
            {text.bytes, text.size},
            {(void *)(uintptr_t)exchange->body, exchange->body_size}};

        out->head_sent = true;
        result = green__http_send(out, parts,
                                  is_short && exchange->body_size > 0 ? 2 : 1);
        if (is_short)
            out->written = exchange->body_size;
    }
    error = errno;
    free(text.bytes);
    errno = error;
    return result;
}

int green__http_client_start(struct green_http_client_exchange *exchange,
                             bool fresh)
{
    struct green_http *out = &exchange->out;
    int error;

    exchange->link = green__http_pool_take(exchange->client, &exchange->url,
                                           fresh, exchange->reason);
    if (!exchange->link)
        return -1;
    exchange->link->base.ended = false;
    out->connection = exchange->in.connection = &exchange->link->base;
    out->failed = false;
    out->written = 0;
    if (send_head(exchange) == 0)
        return 0;
    error = errno;
    if (!*exchange->reason)
        green__http_client_fail(exchange, error, "cannot send the request: %s",
                                strerror(error));
    errno = error;
    return -1;
}

/* Sends a body in memory, piece by piece, as long as it is wanted. */
static int send_body(struct green_http_client_exchange *exchange)
{
    struct green_http *out = &exchange->out;
    int may;

    while (out->written < exchange->body_size) {
        size_t rest = exchange->body_size - (size_t)out->written;
        struct iovec part = {(char *)(uintptr_t)exchange->body + out->written,
                             rest < PIECE ? rest : PIECE};

        may = green__http_client_may_send(exchange);
        if (may <= 0)
            return may;
        if (green__http_send(out, &part, 1) < 0)
            return -1;
        out->written += part.iov_len;
    }
    return 0;
}

int green__http_client_finish(struct green_http_client_exchange *exchange)
{
    struct green_http *out = &exchange->out;
    int result = exchange->has_body ? send_body(exchange) : 0;

    if (result == 0 && exchange->expects)
        result = green__http_client_may_send(exchange);
    if (result < 0 || exchange->is_halted)
        return result < 0 ? result : 0;
    if (green__http_end_body(out) < 0)
        return -1;
    exchange->out_over = true;
    return 0;
}
