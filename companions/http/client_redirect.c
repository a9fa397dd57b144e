/* Redirects: RFC 9110, 15.4. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "client.h"

/* ---- What belongs to a request no more ------------------------------------------ */

static bool is_one_of(const char *line, const char *const *names)
{
    for (; *names; names++)
        if (strncasecmp(line, *names, strlen(*names)) == 0 &&
            line[strlen(*names)] == ':')
            return true;
    return false;
}

static void remove_fields(struct green__http_text *fields,
                          const char *const *names)
{
    size_t at = 0, kept = 0;

    while (at < fields->size) {
        char *line = fields->bytes + at;
        size_t length =
            (size_t)((char *)memchr(line, '\n', fields->size - at) - line) + 1;

        if (!is_one_of(line, names)) {
            memmove(fields->bytes + kept, line, length);
            kept += length;
        }
        at += length;
    }
    fields->size = kept;
}

static void drop_body(struct green_http_client_exchange *exchange)
{
    static const char *const names[] = {"Content-Encoding",
                                        "Content-Language",
                                        "Content-Location",
                                        "Content-Type",
                                        "Content-Range",
                                        "Digest",
                                        "Content-Digest",
                                        "Repr-Digest",
                                        "Expect",
                                        "Last-Modified",
                                        NULL};

    remove_fields(&exchange->out.fields, names);
    exchange->out.trailer_fields.size = 0;
    exchange->has_body = exchange->is_streamed = false;
    exchange->body = NULL;
    exchange->body_size = 0;
}

static void drop_credentials(struct green_http_client_exchange *exchange)
{
    static const char *const names[] = {
        "Authorization",       "Cookie", "Cookie2", "Host",
        "Proxy-Authorization", NULL};

    remove_fields(&exchange->out.fields, names);
}

static bool has_credentials(const struct green_http_client_exchange *exchange)
{
    const struct green__http_text *fields = &exchange->out.fields;

    return exchange->url.user ||
           green__http_text_has(fields, "Authorization") ||
           green__http_text_has(fields, "Cookie");
}

/* ---- Whether to follow ----------------------------------------------------------------- */

static bool is_redirect(int status)
{
    return status == 301 || status == 302 || status == 303 || status == 307 ||
           status == 308;
}

/* Whether the next request is without the body. */
static bool becomes_get(const struct green_http_client_exchange *exchange)
{
    int status = exchange->in.status;

    if (status == 303)
        return strcmp(exchange->method, "HEAD") != 0;
    return (status == 301 || status == 302) &&
           strcmp(exchange->method, "POST") == 0;
}

static bool is_same_origin(const struct green__http_url *left,
                           const struct green__http_url *right)
{
    return left->tls == right->tls && left->port == right->port &&
           strcmp(left->host, right->host) == 0;
}

/* What was said in secret is not to be said in public. */
static bool may_follow(const struct green_http_client_exchange *exchange,
                       const struct green__http_url *next)
{
    bool keeps_body =
        !becomes_get(exchange) && (exchange->has_body || exchange->is_streamed);

    if (keeps_body && exchange->is_streamed)
        return false;
    if (exchange->url.tls && !next->tls &&
        (keeps_body || has_credentials(exchange)))
        return false;
    return !next->tls || exchange->client->tls.wrap;
}

/* ---- The next request --------------------------------------------------------------------- */

static int become_get(struct green_http_client_exchange *exchange)
{
    char *method = strdup("GET");

    if (!method)
        return -1;
    free(exchange->method);
    exchange->method = method;
    drop_body(exchange);
    return 0;
}

static void drop_response(struct green_http_client_exchange *exchange)
{
    struct green_http *in = &exchange->in;

    if (exchange->link && exchange->out_over && !green__http_body_is_long(in))
        green__http_body_skip(in);
    green__http_client_release(exchange);
    free(in->trailers.bytes);
    in->trailers = (struct green__http_text){0};
    free(exchange->head);
    exchange->head = NULL;
    exchange->answered = exchange->out_over = exchange->is_halted = false;
    exchange->out.head_sent = false;
    exchange->out.out_size = 0;
}

static void go_to(struct green_http_client_exchange *exchange,
                  struct green__http_url *next)
{
    bool stays = is_same_origin(&exchange->url, next);

    free(next->user); /* of a Location: not the program's words */
    next->user = stays ? exchange->url.user : NULL;
    if (stays)
        exchange->url.user = NULL;
    else
        drop_credentials(exchange);
    green__http_url_free(&exchange->url);
    exchange->url = *next;
}

static int follow(struct green_http_client_exchange *exchange,
                  struct green__http_url *next)
{
    unsigned most = exchange->client->options.max_redirects;

    if (exchange->redirects++ >= most) {
        green__http_url_free(next);
        return green__http_client_fail(exchange, ELOOP,
                                       "more than %u redirects", most);
    }
    if (becomes_get(exchange) && become_get(exchange) < 0) {
        green__http_url_free(next);
        return -1;
    }
    drop_response(exchange);
    go_to(exchange, next);
    exchange->client->stats.redirected++;
    return 1;
}

int green__http_client_redirect(struct green_http_client_exchange *exchange)
{
    const char *location = green_http_header(&exchange->in, "Location");
    struct green__http_url next;

    if (exchange->client->options.no_redirects || !location ||
        !is_redirect(exchange->in.status))
        return 0;
    if (green__http_url_resolve(&next, &exchange->url, location) < 0)
        return errno == ENOMEM ? -1 : 0; /* the program may understand it */
    if (may_follow(exchange, &next))
        return follow(exchange, &next);
    green__http_url_free(&next);
    return 0;
}
