/* The making of connections: by a proxy or without, with TLS or without. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static int fail(char *reason, int error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static int fail(char *reason, int error, const char *format, ...)
{
    va_list list;

    va_start(list, format);
    vsnprintf(reason, GREEN__HTTP_REASON, format, list);
    va_end(list);
    errno = error;
    return -1;
}

/* ---- Through a proxy -------------------------------------------------------------- */

static int ask_for_tunnel(struct green__http_link *link)
{
    const struct green__http_origin *origin = link->origin;
    const char *authorization = origin->authorization;
    char *text;
    int n, result;

    n = asprintf(
        &text, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", origin->tunnel,
        origin->tunnel, authorization ? "Proxy-Authorization: " : "",
        authorization ? authorization : "", authorization ? "\r\n" : "");
    if (n < 0) {
        errno = ENOMEM;
        return -1;
    }
    result = green_stream_write_all(&link->plain, text, (size_t)n);
    free(text);
    return result;
}

static int open_tunnel(struct green__http_link *link, char *reason)
{
    struct green__http_connection *base = &link->base;
    struct green_http *in = malloc(sizeof *in);
    int result = -1, status = 0;
    bool is_quiet;

    if (!in)
        return -1;
    if (ask_for_tunnel(link) == 0)
        result = green__http_client_receive(link, in, GREEN_FOREVER);
    if (result == 0)
        status = in->status;
    free(in);
    is_quiet = base->at == base->end;
    base->at = base->end;
    green__http_input_settle(base);
    if (result < 0)
        return fail(reason, result == -2 ? ECONNRESET : errno,
                    "the proxy has not answered CONNECT");
    if (status < 200 || status > 299 || !is_quiet)
        return fail(reason, EPROTO, "the proxy has answered CONNECT with %d",
                    status);
    return 0;
}

/* ---- Layers -------------------------------------------------------------------------- */

static int add_tls(struct green__http_link *link, char *reason)
{
    const struct green_stream_wrap *tls = &link->client->tls;
    const char *host = link->origin->host;
    struct green_stream *stream = tls->wrap(link->plain.fd, host, tls->arg);

    if (!stream)
        return fail(reason, errno, "no TLS connection to %s: %s", host,
                    strerror(errno));
    link->base.stream = stream;
    return 0;
}

static int connect_all(struct green__http_link *link, char *reason)
{
    const struct green__http_origin *origin = link->origin;
    int fd = green_dial(origin->address);

    if (fd < 0)
        return fail(reason, errno, "%s", green_net_error());
    green_stream_init(&link->plain, fd);
    link->base.stream = &link->plain;
    link->base.config = &link->client->config;
    if (green__http_deadline_begin(&link->base.deadline, fd,
                                   link->base.config->shortest) < 0)
        return -1;
    if (origin->tunnel && open_tunnel(link, reason) < 0)
        return -1;
    return origin->host ? add_tls(link, reason) : 0;
}

void green__http_disconnect(struct green__http_link *link)
{
    struct green__http_connection *base = &link->base;

    if (!base->stream)
        return;
    if (base->deadline.hub)
        green__http_deadline_end(&base->deadline);
    base->at = base->end;
    green__http_input_settle(base);
    green_stream_close(base->stream);
    base->stream = NULL;
}

int green__http_connect(struct green__http_link *link, char *reason)
{
    struct green_timeout timeout;
    int result, error;

    if (green_timeout_start(&timeout, link->client->options.connect_timeout) <
        0)
        return -1;
    result = connect_all(link, reason);
    error = errno;
    green_timeout_cancel(&timeout);
    if (result == 0)
        return 0;
    if (green_timeout_fired(&timeout))
        error = fail(reason, ETIMEDOUT, "no connection to %s in time",
                     link->origin->address) == -1
                    ? ETIMEDOUT
                    : 0;
    green__http_disconnect(link);
    errno = error;
    return -1;
}
