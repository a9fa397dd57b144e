/* The handshake of a server. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "websocket.h"

/* Sets the status that the client gets if the handler returns -1. */
static int refuse(struct green_http *http, int status, int error)
{
    if (!http->head_sent)
        http->refused = status;
    errno = error;
    return -1;
}

/* The value of a field that must be there once; NULL: it is not. */
static const char *only(const struct green_http *http, const char *wanted)
{
    const char *name, *value, *found = NULL;

    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++) {
        if (strcasecmp(name, wanted) != 0)
            continue;
        if (found)
            return NULL;
        found = value;
    }
    return found;
}

/* ---- The origin ------------------------------------------------------------------- */

/* Whether "https://HOST:PORT" is of that host. */
static bool is_own(const char *origin, const char *host)
{
    const char *at = strstr(origin, "://");

    return at && strcasecmp(at + 3, host) == 0;
}

static bool is_accepted(struct green_http *http,
                        const struct green_websocket_options *options)
{
    const char *origin = green_http_header(http, "Origin");

    if (!origin)
        return true;
    if (options->origin)
        return options->origin(origin, http, options->arg);
    return is_own(origin, green_http_host(http));
}

/* ---- The request ------------------------------------------------------------------- */

static bool wants_websocket(const struct green_http *http)
{
    return http->version >= 11 && http->upgrade &&
           green__http_field_has(http, "Connection", "upgrade") &&
           green__http_list_has(http->upgrade, "websocket");
}

static int check(struct green_http *http,
                 const struct green_websocket_options *options)
{
    const char *version = only(http, "Sec-WebSocket-Version");
    const char *key = only(http, "Sec-WebSocket-Key");

    if (!wants_websocket(http))
        return refuse(http, 426, EPROTO);
    if (strcmp(http->method, "GET") != 0 || http->body != GREEN__HTTP_NO_BODY)
        return refuse(http, 400, EPROTO);
    if (!version || strcmp(version, "13") != 0)
        return refuse(http, version ? 426 : 400, EPROTO);
    if (!key || !green__websocket_is_key(key))
        return refuse(http, 400, EPROTO);
    if (!is_accepted(http, options))
        return refuse(http, 403, EACCES);
    return 0;
}

/* ---- What is agreed on --------------------------------------------------------------- */

/* Whether a word is in a list, such as a, b. */
static bool list_has(const char *list, const char *word)
{
    size_t length = strlen(word), size;

    for (; *list; list += strcspn(list, ",")) {
        list += strspn(list, " \t,");
        size = strcspn(list, ", \t");
        if (size == length && memcmp(list, word, length) == 0)
            return true;
    }
    return false;
}

static bool offers(const struct green_http *http, const char *protocol)
{
    const char *name, *value;

    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++)
        if (strcasecmp(name, "Sec-WebSocket-Protocol") == 0 &&
            list_has(value, protocol))
            return true;
    return false;
}

/* Returns the first that the client offers; NULL: none. */
static const char *choose(const struct green_http *http,
                          const char *const *protocols)
{
    for (; protocols && *protocols; protocols++)
        if (offers(http, *protocols))
            return *protocols;
    return NULL;
}

static void take_offers(const struct green_http *http,
                        const struct green_websocket_options *options,
                        struct green__websocket_deflate_terms *terms)
{
    const char *name, *value;

    if (!options->compress)
        return;
    for (size_t i = 0; green_http_header_at(http, i, &name, &value); i++)
        if (strcasecmp(name, "Sec-WebSocket-Extensions") == 0)
            green__websocket_take_offer(value, options, terms);
}

static int add_fields(struct green_http *http, const char *protocol,
                      const struct green__websocket_deflate_terms *terms)
{
    char answer[GREEN__WEBSOCKET_ACCEPT], extension[GREEN__WEBSOCKET_EXTENSION];
    const char *key = green_http_header(http, "Sec-WebSocket-Key");

    if (green__websocket_accept_of(key, answer) < 0 ||
        green_http_add(http, "Sec-WebSocket-Accept", answer) < 0)
        return -1;
    if (protocol &&
        green_http_add(http, "Sec-WebSocket-Protocol", protocol) < 0)
        return -1;
    if (!terms->on)
        return 0;
    green__websocket_print_terms(terms, extension);
    return green_http_add(http, "Sec-WebSocket-Extensions", extension);
}

/* ---- The switch ------------------------------------------------------------------------ */

/* What the client has sent already is in the connection's buffer. */
static void take_rest(struct green_websocket *websocket)
{
    struct green__http_connection *connection = websocket->http->connection;

    websocket->input.at = connection->at;
    websocket->input.end = connection->end;
    connection->at = connection->end;
}

static struct green_websocket *
begin(struct green_http *http, const struct green_websocket_options *options,
      const struct green__websocket_deflate_terms *terms, const char *protocol)
{
    struct green_websocket *websocket =
        green__websocket_create(http->connection->stream, http, options, terms);

    if (!websocket)
        return NULL;
    if (protocol)
        websocket->protocol = strdup(protocol);
    if ((!protocol || websocket->protocol) &&
        green_http_upgrade(http, "websocket")) {
        take_rest(websocket);
        http->websocket = websocket;
        return websocket;
    }
    green__websocket_timers_end(websocket);
    green__websocket_discard(websocket);
    return NULL;
}

struct green_websocket *
green_websocket_accept(struct green_http *http,
                       const struct green_websocket_options *options)
{
    struct green__websocket_deflate_terms terms = {0};
    struct green_websocket_options all;
    const char *protocol;

    if (!http) {
        errno = EINVAL;
        return NULL;
    }
    if (green__websocket_options_init(&all, options) < 0 ||
        check(http, &all) < 0)
        return NULL;
    protocol = choose(http, all.protocols);
    take_offers(http, &all, &terms);
    if (add_fields(http, protocol, &terms) < 0)
        return NULL;
    return begin(http, &all, &terms, protocol);
}
