/* Responses: their head, the connection that they came by, and what is to be done
 * if they do not come. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#include "client.h"

/* Heads with a status of 1xx before a response. */
#define MOST_INTERIM 32

/* What a read of a head returns besides 0 and -1. */
#define ENDED (-2) /* the connection, before anything came */
#define LATE (-3)  /* nothing came in time */

/* ---- Heads ---------------------------------------------------------------------- */

/* Waits for the first byte. Nothing is lost if the time is over. */
static int await_first(struct green__http_connection *base, green_time limit)
{
    struct green_timeout timeout;
    ssize_t n;
    int error;

    green__http_input_settle(base);
    if (green_timeout_start(&timeout, limit) < 0)
        return -1;
    n = green_stream_lend(base->stream, &base->lent);
    error = errno;
    green_timeout_cancel(&timeout);
    if (n > 0) {
        base->at = base->lent->data;
        base->end = base->at + n;
        return 0;
    }
    if (n == 0 || error == ECONNRESET || error == EPIPE)
        return ENDED;
    if (green_timeout_fired(&timeout))
        return LATE;
    errno = error;
    return -1;
}

/* Why there is no head. */
static int error_of(const struct green_http *in)
{
    int error = errno;

    switch (in->refused) {
    case 0:
        return error;
    case 408:
        return ETIMEDOUT;
    case 431:
        return EMSGSIZE;
    case 503:
        return ENOMEM;
    default:
        return in->connection->ended ? ECONNRESET : EPROTO;
    }
}

int green__http_client_receive(struct green__http_link *link,
                               struct green_http *in, green_time limit)
{
    struct green__http_connection *base = &link->base;
    int result = 0;

    if (base->at == base->end)
        result = await_first(base, limit);
    if (result < 0)
        return result;
    green__http_begin(in, base);
    in->is_response = true;
    if (green__http_read_head(in) > 0)
        return 0;
    errno = error_of(in);
    return -1;
}

/* Goes on to a head that is no interim one; or that of 100, if that is awaited. */
static int receive(struct green_http_client_exchange *exchange,
                   green_time limit, bool stop_at_100)
{
    struct green_http *in = &exchange->in;
    int result;

    for (int i = 0; i < MOST_INTERIM; i++) {
        result = green__http_client_receive(exchange->link, in, limit);
        if (result < 0 || in->status >= 200 ||
            (in->status == 100 && stop_at_100))
            return result;
        if (in->status == 101)
            break;
    }
    errno = EPROTO;
    return -1;
}

/* ---- What they mean --------------------------------------------------------------- */

/* The connection's buffers come and go; the head stays. */
static int keep_head(struct green_http_client_exchange *exchange)
{
    struct green_http *in = &exchange->in;
    size_t size = (size_t)(in->connection->at - in->base);

    exchange->head = malloc(size);
    if (!exchange->head)
        return -1;
    memcpy(exchange->head, in->base, size);
    in->base = exchange->head;
    return 0;
}

static int accept_head(struct green_http_client_exchange *exchange)
{
    struct green_http *in = &exchange->in;

    in->is_head = strcmp(exchange->method, "HEAD") == 0;
    if (green__http_response_check(in) < 0 || keep_head(exchange) < 0)
        return -1;
    if (in->body == GREEN__HTTP_CHUNKED)
        green__http_chunks_begin(in);
    in->limit = UINT64_MAX;
    exchange->answered = true;
    if (exchange->client->jar)
        green__http_jar_take(exchange->client->jar, &exchange->url, in);
    return 0;
}

int green__http_client_read_head(struct green_http_client_exchange *exchange)
{
    green_time limit = exchange->client->options.response_timeout;
    int result = receive(exchange, limit, false);

    if (result == LATE)
        errno = ETIMEDOUT;
    return result == 0 ? accept_head(exchange) : result;
}

/* Returns as green__http_client_may_send. A response instead of 100 means that no body
 * is wanted; one that comes while that is sent does if it is an error: others may
 * go with it, as an echo does. */
static int receive_early(struct green_http_client_exchange *exchange,
                         green_time limit, int least)
{
    int result = receive(exchange, limit, true);

    if (result == LATE || (result == 0 && exchange->in.status == 100))
        return 1;
    if (result == 0)
        result = accept_head(exchange);
    if (result < 0)
        return result;
    exchange->is_halted = exchange->in.status >= least;
    return !exchange->is_halted;
}

/* Whether something has come. Of a layer nobody knows whether it is for us. */
static bool has_come(const struct green__http_link *link)
{
    char byte;

    return link->base.at < link->base.end ||
           (!link->base.stream->ops && recv(link->base.stream->fd, &byte, 1,
                                            MSG_PEEK | MSG_DONTWAIT) >= 0);
}

int green__http_client_may_send(struct green_http_client_exchange *exchange)
{
    const struct green_http_client_options *options =
        &exchange->client->options;

    if (exchange->is_halted)
        return 0;
    if (exchange->expects) {
        exchange->expects = false;
        return receive_early(exchange, options->continue_timeout, 200);
    }
    if (exchange->answered || !has_come(exchange->link))
        return 1;
    return receive_early(exchange, options->response_timeout, 400);
}

/* ---- The connection ----------------------------------------------------------------- */

static bool is_reusable(const struct green_http_client_exchange *exchange)
{
    const struct green_http *in = &exchange->in;

    return exchange->answered && exchange->out_over && in->keep &&
           green__http_body_is_over(in) && !in->body_error &&
           !exchange->out.failed && !exchange->link->base.deadline.expired;
}

void green__http_client_release(struct green_http_client_exchange *exchange)
{
    struct green__http_link *link = exchange->link;
    bool reusable;

    if (!link)
        return;
    reusable = is_reusable(exchange);
    exchange->link = NULL;
    exchange->in.connection = exchange->out.connection = NULL;
    if (!reusable)
        link->base.at = link->base.end;
    green__http_input_settle(&link->base);
    green__http_pool_put(link, reusable);
}

/* ---- Attempts ------------------------------------------------------------------------ */

/* RFC 9110, 9.2.2. */
static bool is_idempotent(const char *method)
{
    static const char *const methods[] = {"GET",     "HEAD",  "PUT", "DELETE",
                                          "OPTIONS", "TRACE", NULL};

    for (size_t i = 0; methods[i]; i++)
        if (strcmp(method, methods[i]) == 0)
            return true;
    return false;
}

static bool may_retry(const struct green_http_client_exchange *exchange,
                      int result)
{
    return result == ENDED && exchange->link && exchange->link->used &&
           !exchange->is_streamed && is_idempotent(exchange->method);
}

/* A peer that takes no more may have said why. */
static bool has_gone(const struct green_http_client_exchange *exchange,
                     int error)
{
    return error == EPIPE || error == ECONNRESET ||
           (error == ETIMEDOUT && exchange->link->base.deadline.expired);
}

static int send_all(struct green_http_client_exchange *exchange, bool fresh)
{
    if (!exchange->link && green__http_client_start(exchange, fresh) < 0)
        return -1;
    return green__http_client_finish(exchange);
}

/* Returns 0: the head of a response has come; -1; or ENDED. */
static int attempt(struct green_http_client_exchange *exchange, bool fresh)
{
    int sent = send_all(exchange, fresh), error = errno, result;

    if (exchange->answered)
        return 0;
    if (sent == ENDED)
        return sent;
    if (sent < 0 && (!exchange->link || !has_gone(exchange, error))) {
        errno = error;
        return -1;
    }
    result = green__http_client_read_head(exchange);
    if (result == 0 || sent == 0 || error != ETIMEDOUT)
        return result;
    errno = error; /* nothing was said */
    return -1;
}

static int explain(struct green_http_client_exchange *exchange, int result,
                   int error)
{
    bool some = *exchange->reason != '\0';

    if (result == ENDED)
        return green__http_client_fail(
            exchange, ECONNRESET,
            "the connection has ended without a response");
    if (result == LATE)
        return green__http_client_fail(exchange, ETIMEDOUT,
                                       "no response in time");
    errno = error;
    if (some)
        return -1;
    if (error == EPROTO || error == EMSGSIZE)
        return green__http_client_fail(
            exchange, error, "the response's header section %s",
            error == EPROTO ? "is malformed" : "is too long");
    return green__http_client_fail(exchange, error, "no response: %s",
                                   strerror(error));
}

static int exchange_once(struct green_http_client_exchange *exchange)
{
    bool expects = exchange->expects;
    int result = attempt(exchange, false), error;

    if (may_retry(exchange, result)) {
        green__http_client_release(exchange);
        exchange->client->stats.retried++;
        *exchange->reason = '\0';
        exchange->expects = expects;
        result = attempt(exchange, true);
    }
    error = errno;
    return result == 0 ? 0 : explain(exchange, result, error);
}

static int respond(struct green_http_client_exchange *exchange)
{
    int more;

    do {
        if (exchange_once(exchange) < 0)
            return -1;
        more = green__http_client_redirect(exchange);
    } while (more > 0);
    if (more < 0 || green__http_decoder_create(exchange) < 0)
        return -1;
    if (green__http_body_is_over(&exchange->in))
        green__http_client_release(exchange);
    return exchange->in.status;
}

int green_http_client_response(struct green_http_client_exchange *exchange)
{
    struct green_timeout timeout;

    if (!exchange) {
        errno = EINVAL;
        return -1;
    }
    if (exchange->failed) {
        errno = exchange->failed;
        return -1;
    }
    if (exchange->is_final)
        return exchange->in.status;
    if (green__http_client_call(exchange, &timeout) < 0)
        return -1;
    exchange->is_final = true;
    return green__http_client_return(exchange, &timeout, respond(exchange));
}
