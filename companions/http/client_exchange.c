/* Exchanges: their begin and end, and what a program sees of them. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

/* For what is left of a response when its exchange is closed. */
#define DRAIN_TIME (50 * GREEN_MSEC)

static int refuse(int error)
{
    errno = error;
    return -1;
}

int green__http_client_fail(struct green_http_client_exchange *exchange,
                            int error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(exchange->reason, sizeof exchange->reason, format, list);
    va_end(list);
    return refuse(error);
}

/* ---- Calls that may wait ---------------------------------------------------------- */

int green__http_client_call(struct green_http_client_exchange *exchange,
                            struct green_timeout *timeout)
{
    green_time left = GREEN_FOREVER;

    if (exchange->deadline == 0)
        exchange->deadline =
            green_after(exchange->limit ? exchange->limit : GREEN_FOREVER);
    if (exchange->deadline != GREEN_FOREVER)
        left = exchange->deadline - green_now();
    return green_timeout_start(timeout, left > 0 ? left : 0);
}

int green__http_client_return(struct green_http_client_exchange *exchange,
                              struct green_timeout *timeout, int result)
{
    int error = errno;

    green_timeout_cancel(timeout);
    if (result >= 0)
        return result;
    if (green_timeout_fired(timeout)) {
        error = ETIMEDOUT;
        green__http_client_fail(exchange, error, "not done in time");
    }
    /* After a write, what has answered may still be asked for the response. */
    if (exchange->is_final || (error != EPIPE && error != EMSGSIZE))
        exchange->failed = error;
    if (exchange->failed)
        green__http_client_release(exchange);
    return refuse(error);
}

/* ---- Begin --------------------------------------------------------------------------- */

static int init(struct green_http_client_exchange *exchange,
                struct green_http_client *client, const char *method,
                const char *url)
{
    if (!method || !url || !green__http_is_token(method, strlen(method)) ||
        strcmp(method, "CONNECT") == 0)
        return refuse(EINVAL);
    if (green__http_url_parse(&exchange->url, url) < 0)
        return -1;
    if (exchange->url.tls && !client->tls.wrap)
        return refuse(EPROTONOSUPPORT);
    exchange->method = strdup(method);
    return exchange->method ? 0 : -1;
}

struct green_http_client_exchange *
green_http_client_open(struct green_http_client *client, const char *method,
                       const char *url)
{
    struct green_http_client_exchange *exchange;
    int error;

    if (!client) {
        errno = EINVAL;
        return NULL;
    }
    exchange = calloc(1, sizeof *exchange);
    if (!exchange)
        return NULL;
    if (init(exchange, client, method, url) < 0) {
        error = errno;
        green__http_url_free(&exchange->url);
        free(exchange);
        errno = error;
        return NULL;
    }
    exchange->client = client;
    exchange->out.transport = &green__http1_transport;
    exchange->limit = client->options.timeout;
    exchange->max_body =
        client->options.max_body ? client->options.max_body : UINT64_MAX;
    client->exchanges++;
    return exchange;
}

int green_http_client_add(struct green_http_client_exchange *exchange,
                          const char *name, const char *value)
{
    if (!exchange || !name || !value)
        return refuse(EINVAL);
    if (strcasecmp(name, "Host") == 0 && !green__http_is_authority(value))
        return refuse(EINVAL);
    /* It would reach the server by a tunnel; a proxy's URL has the password. */
    if (strcasecmp(name, "Proxy-Authorization") == 0)
        return refuse(EINVAL);
    if (strcasecmp(name, "Expect") == 0) {
        if (strcasecmp(value, "100-continue") != 0)
            return refuse(EINVAL);
        exchange->expects = true;
    }
    return green_http_add(&exchange->out, name, value);
}

int green_http_client_body(struct green_http_client_exchange *exchange,
                           const void *bytes, size_t size)
{
    if (!exchange || (!bytes && size > 0))
        return refuse(EINVAL);
    if (exchange->out.head_sent || exchange->is_streamed)
        return refuse(EBUSY);
    exchange->body = bytes;
    exchange->body_size = size;
    exchange->has_body = true;
    return 0;
}

/* ---- A body that is written --------------------------------------------------------- */

static int write_some(struct green_http_client_exchange *exchange,
                      const void *bytes, size_t size, bool flush)
{
    int result = 1;

    if (!exchange->out.head_sent &&
        green__http_client_start(exchange, false) < 0)
        return -1;
    if (exchange->expects || exchange->is_halted || flush ||
        size > GREEN__HTTP_BUFFER - exchange->out.out_size)
        result = green__http_client_may_send(exchange);
    if (result == 0 || result == -2)
        return refuse(EPIPE);
    if (result < 0)
        return -1;
    result = green_http_write(&exchange->out, bytes, size);
    if (result == 0 && flush)
        result = green_http_flush(&exchange->out);
    return result < 0 && errno == ECONNRESET ? refuse(EPIPE) : result;
}

static int write_call(struct green_http_client_exchange *exchange,
                      const void *bytes, size_t size, bool flush)
{
    struct green_timeout timeout;

    if (!exchange || (!bytes && size > 0) || exchange->has_body)
        return refuse(EINVAL);
    if (exchange->failed)
        return refuse(exchange->failed);
    if (exchange->is_final)
        return refuse(EBUSY);
    exchange->is_streamed = true;
    if (green__http_client_call(exchange, &timeout) < 0)
        return -1;
    return green__http_client_return(exchange, &timeout,
                                     write_some(exchange, bytes, size, flush));
}

int green_http_client_write(struct green_http_client_exchange *exchange,
                            const void *bytes, size_t size)
{
    return write_call(exchange, bytes, size, false);
}

int green_http_client_flush(struct green_http_client_exchange *exchange)
{
    return write_call(exchange, NULL, 0, true);
}

int green_http_client_add_trailer(struct green_http_client_exchange *exchange,
                                  const char *name, const char *value)
{
    return green_http_add_trailer(exchange ? &exchange->out : NULL, name,
                                  value);
}

/* ---- The response ----------------------------------------------------------------------- */

int green_http_client_status(const struct green_http_client_exchange *exchange)
{
    return exchange->answered ? exchange->in.status : 0;
}

const char *
green_http_client_url(const struct green_http_client_exchange *exchange)
{
    return exchange->url.text;
}

const char *
green_http_client_header(const struct green_http_client_exchange *exchange,
                         const char *name)
{
    return exchange->answered ? green_http_header(&exchange->in, name) : NULL;
}

bool green_http_client_header_at(
    const struct green_http_client_exchange *exchange, size_t index,
    const char **name, const char **value)
{
    return exchange->answered &&
           green_http_header_at(&exchange->in, index, name, value);
}

int64_t
green_http_client_length(const struct green_http_client_exchange *exchange)
{
    const struct green_http *in = &exchange->in;

    if (!exchange->answered || exchange->decoder)
        return -1;
    if (in->is_head || in->status == 304)
        return in->shown_length;
    return green_http_length(in);
}

const char *
green_http_client_trailer(const struct green_http_client_exchange *exchange,
                          const char *name)
{
    return exchange->answered ? green_http_trailer(&exchange->in, name) : NULL;
}

const char *
green_http_client_reason(const struct green_http_client_exchange *exchange)
{
    return exchange->reason;
}

/* ---- Its body ------------------------------------------------------------------------------ */

static const char *body_reason(int error)
{
    switch (error) {
    case EMSGSIZE:
        return "the response's body is too long";
    case EPROTO:
        return "the response's body is malformed";
    case ETIMEDOUT:
        return "the response's body has not come in time";
    case ECONNRESET:
        return "the connection has ended within the response's body";
    default:
        return strerror(error);
    }
}

static ssize_t read_body(struct green_http_client_exchange *exchange,
                         void *bytes, size_t size)
{
    ssize_t n = exchange->decoder
                    ? green__http_decoder_read(exchange, bytes, size)
                    : green_http_read(&exchange->in, bytes, size);

    if (n <= 0)
        return n;
    exchange->decoded += (uint64_t)n;
    return exchange->decoded > exchange->max_body ? refuse(EMSGSIZE) : n;
}

static ssize_t read_call(struct green_http_client_exchange *exchange,
                         void *bytes, size_t size)
{
    struct green_timeout timeout;
    ssize_t n;
    int error;

    if (green__http_client_call(exchange, &timeout) < 0)
        return -1;
    n = read_body(exchange, bytes, size);
    error = errno;
    green_timeout_cancel(&timeout);
    if (n < 0) {
        if (green_timeout_fired(&timeout))
            error = ETIMEDOUT;
        exchange->failed = error;
        green__http_client_fail(exchange, error, "%s", body_reason(error));
    }
    if (n < 0 || (n == 0 && size > 0) ||
        green__http_body_is_over(&exchange->in))
        green__http_client_release(exchange);
    errno = error;
    return n;
}

ssize_t green_http_client_read(struct green_http_client_exchange *exchange,
                               void *bytes, size_t size)
{
    if (!exchange || (!bytes && size > 0) || !exchange->answered)
        return refuse(EINVAL);
    if (exchange->failed)
        return refuse(exchange->failed);
    if (!exchange->link && !exchange->decoder)
        return 0; /* it is over */
    return read_call(exchange, bytes, size);
}

/* ---- End ------------------------------------------------------------------------------------- */

/* Saves the connection, where that takes little. */
static void drain(struct green_http_client_exchange *exchange)
{
    struct green_timeout timeout;

    if (!exchange->link || !exchange->answered || exchange->failed ||
        !exchange->in.keep || !exchange->out_over ||
        green__http_body_is_long(&exchange->in) ||
        green_timeout_start(&timeout, DRAIN_TIME) < 0)
        return;
    green__http_body_skip(&exchange->in);
    green_timeout_cancel(&timeout);
}

void green_http_client_close(struct green_http_client_exchange *exchange)
{
    int error = errno;

    if (!exchange)
        return;
    drain(exchange);
    green__http_client_release(exchange);
    exchange->client->exchanges--;
    green_http_client_destroy(exchange->owned);
    green__http_decoder_free(exchange->decoder);
    green__http_url_free(&exchange->url);
    free(exchange->method);
    free(exchange->head);
    free(exchange->in.trailers.bytes);
    free(exchange->out.fields.bytes);
    free(exchange->out.trailer_fields.bytes);
    free(exchange->out.out);
    free(exchange);
    errno = error;
}
