/* Responses: what is written waits in a buffer, until it is known whether that is
 * all. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- The head ----------------------------------------------------------------- */

static bool is_bodiless(const struct green_http *http)
{
    return http->is_head || http->status == 204 || http->status == 304;
}

/* Decides where the body ends. */
static enum green__http_end end_of(struct green_http *http, size_t size,
                                   bool whole)
{
    if (whole && !http->has_length && http->status != 204 &&
        http->status != 304) {
        http->has_length = true;
        http->length = http->written + size;
    }
    if (http->status == 204)
        http->has_length = false;
    if (is_bodiless(http))
        return GREEN__HTTP_BODILESS;
    if (http->has_length)
        return GREEN__HTTP_BY_LENGTH;
    return http->version >= 11 ? GREEN__HTTP_BY_CHUNK : GREEN__HTTP_BY_CLOSE;
}

int green__http_send_head(struct green_http *http, const void *bytes,
                          size_t size, bool whole)
{
    struct iovec parts[] = {{http->out, http->out_size},
                            {(void *)(uintptr_t)bytes, size}};
    int first = http->out_size == 0, count = size > 0 ? 2 : 1;

    http->end = end_of(http, size, whole);
    http->head_sent = true;
    http->out_size = 0;
    whole = whole && (http->end == GREEN__HTTP_BODILESS ||
                      http->length == http->written + size);
    if (http->end == GREEN__HTTP_BODILESS)
        count = first;
    return http->transport->send_head(http, parts + first, count - first,
                                      whole);
}

int green_http_status(struct green_http *http, int status)
{
    if (!http || status < 200 || status > 599)
        return refuse(EINVAL);
    if (http->head_sent)
        return refuse(EBUSY);
    http->status = status;
    return 0;
}

/* ---- The body ------------------------------------------------------------------ */

/* Counts what is added to the body. */
static int account(struct green_http *http, size_t size)
{
    if (http->upgraded)
        return refuse(EBUSY);
    if (http->failed)
        return refuse(EPIPE);
    if (http->has_length && size > http->length - http->written)
        return refuse(EMSGSIZE);
    return 0;
}

/* Sends what has been written, and `bytes`. */
static int send_all(struct green_http *http, const void *bytes, size_t size)
{
    struct iovec parts[] = {{http->out, http->out_size},
                            {(void *)(uintptr_t)bytes, size}};
    size_t before = http->out_size;

    if (!http->head_sent)
        return green__http_send_head(http, bytes, size, false);
    http->out_size = 0;
    if (before + size == 0 || http->end == GREEN__HTTP_BODILESS)
        return 0;
    if (before == 0)
        return http->transport->send_body(http, parts + 1, 1, size);
    return http->transport->send_body(http, parts, size > 0 ? 2 : 1,
                                      before + size);
}

int green_http_write(struct green_http *http, const void *bytes, size_t size)
{
    if (!http || (!bytes && size > 0))
        return refuse(EINVAL);
    if (account(http, size) < 0)
        return -1;
    if (size > GREEN__HTTP_BUFFER - http->out_size) {
        if (send_all(http, bytes, size) < 0)
            return -1;
    } else if (size > 0) {
        if (!http->out)
            http->out = malloc(GREEN__HTTP_BUFFER);
        if (!http->out)
            return -1;
        memcpy(http->out + http->out_size, bytes, size);
        http->out_size += size;
    }
    http->written += size;
    return 0;
}

int green_http_print(struct green_http *http, const char *format, ...)
{
    char few[512], *many = NULL;
    va_list list;
    int n, result;

    va_start(list, format);
    n = vsnprintf(few, sizeof few, format, list);
    va_end(list);
    if (n < 0)
        return -1;
    if ((size_t)n >= sizeof few) {
        many = malloc((size_t)n + 1);
        if (!many)
            return -1;
        va_start(list, format);
        n = vsnprintf(many, (size_t)n + 1, format, list);
        va_end(list);
    }
    result = n < 0 ? -1 : green_http_write(http, many ? many : few, (size_t)n);
    free(many);
    return result;
}

int green_http_flush(struct green_http *http)
{
    if (!http)
        return refuse(EINVAL);
    if (account(http, 0) < 0)
        return -1;
    if (http->head_sent && http->out_size == 0)
        return 0;
    return send_all(http, NULL, 0);
}

int green_http_reply(struct green_http *http, int status, const char *type,
                     const void *bytes, size_t size)
{
    int result;

    if (green_http_status(http, status) < 0 ||
        (type && green_http_add(http, "Content-Type", type) < 0))
        return -1;
    if (http->written > 0 || size <= 64)
        return green_http_write(http, bytes, size);
    if (account(http, size) < 0)
        return -1;
    result = green__http_send_head(http, bytes, size, true);
    http->written += size;
    return result;
}

/* ---- Its end ---------------------------------------------------------------------- */

void green__http_response_reset(struct green_http *http)
{
    http->fields.size = http->trailer_fields.size = 0;
    http->out_size = 0;
    http->written = 0;
    http->has_length = http->has_date = false;
    http->status = 200;
}

int green_http_error(struct green_http *http, int status)
{
    const struct green_http_options *options =
        &http->connection->config->options;
    const char *reason = green__http_reason(status);

    if (green_http_status(http, status) < 0)
        return -1;
    if (options->error_page && !http->in_error_page) {
        http->in_error_page = true;
        if (options->error_page(http, status, options->arg) == 0 ||
            http->head_sent)
            return http->failed ? -1 : 0;
        green__http_response_reset(http);
        http->status = status;
    }
    if (green_http_add(http, "Content-Type", "text/html; charset=utf-8") < 0)
        return -1;
    return green_http_print(http,
                            "<!doctype html><title>%d %s</title>"
                            "<h1>%d %s</h1>\n",
                            status, reason, status, reason);
}

/* The rest of a body that has been begun. */
int green__http_end_body(struct green_http *http)
{
    if (http->has_length && http->end != GREEN__HTTP_BODILESS &&
        http->written != http->length)
        return refuse(EPROTO);
    if (http->out_size > 0 && send_all(http, NULL, 0) < 0)
        return -1;
    return http->end == GREEN__HTTP_BODILESS ? 0
                                             : http->transport->send_end(http);
}

static int finish(struct green_http *http, int result)
{
    if (!http->head_sent) {
        bool is_short = http->has_length && !is_bodiless(http) &&
                        http->written != http->length;

        if (result < 0 || is_short) {
            green__http_response_reset(http);
            if (http->refused == 426 &&
                green_http_add(http, "Sec-WebSocket-Version", "13") < 0)
                return -1;
            if (green_http_error(http, http->refused ? http->refused : 500) < 0)
                return -1;
        }
        if (!http->head_sent) {
            result = green__http_send_head(http, NULL, 0, true);
            return result;
        }
    }
    return result < 0 ? -1 : green__http_end_body(http);
}

void green__http_response_finish(struct green_http *http, int result)
{
    if (http->upgraded) {
        http->connection->keep = false;
        green__websocket_finish(http, result);
        return;
    }
    if (finish(http, result) == 0)
        return;
    http->cut = true;
    http->transport->cut(http);
}
