/* A whole response, in memory. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

#define MOST_BODY ((uint64_t)16 << 20)
#define MOST_TIME (300 * GREEN_SEC)

static const struct green_http_fetch_options none;

/* ---- The request ------------------------------------------------------------------ */

static bool options_are_valid(const struct green_http_fetch_options *options)
{
    const char *const *fields = options->fields;

    for (size_t i = 0; i < 4; i++)
        if (options->reserved[i] != 0)
            return false;
    for (; fields && *fields; fields += 2)
        if (!fields[1])
            return false;
    return options->timeout >= 0 && (options->body || !options->body_size);
}

static int prepare(struct green_http_client_exchange *exchange,
                   const struct green_http_fetch_options *options)
{
    const char *const *fields = options->fields;

    for (; fields && *fields; fields += 2)
        if (green_http_client_add(exchange, fields[0], fields[1]) < 0)
            return -1;
    if (options->timeout)
        exchange->limit = options->timeout;
    else if (!exchange->limit)
        exchange->limit = MOST_TIME;
    if (options->max_body)
        exchange->max_body = options->max_body;
    else if (exchange->max_body == UINT64_MAX)
        exchange->max_body = MOST_BODY;
    if (!options->body)
        return 0;
    return green_http_client_body(exchange, options->body, options->body_size);
}

/* ---- The response ----------------------------------------------------------------- */

/* How much to have room for next. */
static size_t next_room(const struct green_http_client_exchange *exchange,
                        size_t room)
{
    int64_t length = green_http_client_length(exchange);

    if (room == 0 && length >= 0 && (uint64_t)length <= exchange->max_body &&
        !exchange->in.is_head)
        return (size_t)length + 2; /* one more, to see the end */
    return room ? 2 * room : 4096;
}

static int read_whole(struct green_http_client_exchange *exchange,
                      struct green__http_text *text)
{
    ssize_t n;

    do {
        if (text->room - text->size < 2) {
            size_t room = next_room(exchange, text->room);
            char *larger = realloc(text->bytes, room);

            if (!larger)
                return -1;
            text->bytes = larger;
            text->room = room;
        }
        n = green_http_client_read(exchange, text->bytes + text->size,
                                   text->room - text->size - 1);
        if (n < 0)
            return -1;
        text->size += (size_t)n;
    } while (n > 0);
    text->bytes[text->size] = '\0';
    return 0;
}

static struct green_http_fetched *
run(struct green_http_client_exchange *exchange,
    const struct green_http_fetch_options *options)
{
    struct green_http_fetched *fetched = calloc(1, sizeof *fetched);
    struct green__http_text text = {0};
    int error;

    if (fetched && prepare(exchange, options) == 0 &&
        green_http_client_response(exchange) > 0 &&
        read_whole(exchange, &text) == 0) {
        *fetched = (struct green_http_fetched){
            .status = exchange->in.status,
            .url = exchange->url.text,
            .body = text.bytes,
            .size = text.size,
            .exchange = exchange,
        };
        return fetched;
    }
    error = errno;
    free(text.bytes);
    free(fetched);
    errno = error;
    return NULL;
}

/* ---- Both ----------------------------------------------------------------------------- */

static void give_reason(const struct green_http_fetch_options *options,
                        const char *reason, int error)
{
    if (options->reason && options->reason_size > 0)
        snprintf(options->reason, options->reason_size, "%s",
                 *reason ? reason : strerror(error));
    errno = error;
}

static struct green_http_fetched *
fetch(struct green_http_client *client, struct green_http_client *owned,
      const char *url, const struct green_http_fetch_options *options)
{
    const char *usual = options->body ? "POST" : "GET";
    struct green_http_client_exchange *exchange;
    struct green_http_fetched *fetched;

    exchange = green_http_client_open(
        client, options->method ? options->method : usual, url);
    if (!exchange) {
        give_reason(options, "", errno);
        green_http_client_destroy(owned);
        return NULL;
    }
    exchange->owned = owned;
    fetched = run(exchange, options);
    if (!fetched) {
        give_reason(options, exchange->reason, errno);
        green_http_client_close(exchange);
    }
    return fetched;
}

struct green_http_fetched *
green_http_fetch(struct green_http_client *client, const char *url,
                 const struct green_http_fetch_options *options)
{
    struct green_http_client *owned = NULL;

    if (!options)
        options = &none;
    if (!options_are_valid(options)) {
        give_reason(options, "", EINVAL);
        return NULL;
    }
    if (!client)
        client = owned = green_http_client_create(NULL);
    if (!client) {
        give_reason(options, "", errno);
        return NULL;
    }
    return fetch(client, owned, url, options);
}

void green_http_fetched_free(struct green_http_fetched *fetched)
{
    if (!fetched)
        return;
    green_http_client_close(fetched->exchange);
    free((char *)(uintptr_t)fetched->body);
    free(fetched);
}
