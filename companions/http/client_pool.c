/*
 * The connections of a client.
 *
 * An origin's count is that of its connections, with those being made; the
 * client's, in its stats, is the sum. Who may not make one waits in a line, and
 * gets, first come, first served, a connection that is given back, or leave to
 * make one: then it is counted already. So a newcomer overtakes nobody who could
 * go on.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "client.h"

/* ---- Origins ------------------------------------------------------------------ */

static int fill_origin(struct green__http_origin *origin,
                       const struct green_http_client *client,
                       const struct green__http_url *url,
                       const struct green__http_url *proxy)
{
    const struct green__http_url *to = proxy ? proxy : url;
    const char *left = strchr(to->host, ':') ? "[" : "";
    int n = 1;

    if (client->address)
        origin->address = strdup(client->address);
    else if (asprintf(&origin->address, "tcp://%s%s%s:%u", left, to->host,
                      *left ? "]" : "", to->port) < 0)
        origin->address = NULL;
    if (url->tls) {
        origin->host = strdup(url->host);
        n = !origin->host ? -1
            : proxy       ? asprintf(&origin->tunnel, "%s%s%s:%u",
                               strchr(url->host, ':') ? "[" : "", url->host,
                               strchr(url->host, ':') ? "]" : "", url->port)
                          : 1;
        if (n < 0)
            origin->tunnel = NULL;
    }
    if (proxy && proxy->user)
        origin->authorization = green__http_basic(proxy->user);
    if (origin->address && n > 0 &&
        (!proxy || !proxy->user || origin->authorization))
        return 0;
    errno = ENOMEM;
    return -1;
}

static void free_origin(struct green__http_origin *origin)
{
    free(origin->key);
    free(origin->address);
    free(origin->tunnel);
    free(origin->authorization);
    free(origin->host);
    free(origin);
}

/* Connections by which any URL of http may be asked for have the proxy's key. */
static char *key_of(const struct green__http_url *url,
                    const struct green__http_url *proxy)
{
    char *key;

    if (asprintf(&key, "%s%s://%s:%u", proxy ? "proxy " : "",
                 url->tls ? "https" : "http",
                 proxy && !url->tls ? proxy->host : url->host,
                 proxy && !url->tls ? proxy->port : url->port) < 0)
        return NULL;
    return key;
}

static struct green__http_origin *find_origin(struct green_http_client *client,
                                              const struct green__http_url *url)
{
    const struct green__http_url *proxy =
        client->address ? NULL : green__http_proxy_for(client->proxies, url);
    struct green__http_origin *origin;
    char *key = key_of(url, proxy);

    if (!key) {
        errno = ENOMEM;
        return NULL;
    }
    for (origin = client->origins; origin; origin = origin->next) {
        if (strcmp(origin->key, key) == 0) {
            free(key);
            return origin;
        }
    }
    origin = calloc(1, sizeof *origin);
    if (!origin) {
        free(key);
        return NULL;
    }
    origin->key = key;
    if (fill_origin(origin, client, url, proxy) < 0) {
        free_origin(origin);
        return NULL;
    }
    origin->next = client->origins;
    client->origins = origin;
    return origin;
}

static void forget_if_unused(struct green_http_client *client,
                             struct green__http_origin *origin)
{
    struct green__http_origin **place = &client->origins;

    if (origin->count > 0 || origin->waiting > 0)
        return;
    while (*place != origin)
        place = &(*place)->next;
    *place = origin->next;
    free_origin(origin);
}

/* ---- Closing ---------------------------------------------------------------------- */

/* A list of connections that the client has forgotten. Closing one may switch. */
static void close_list(void *arg)
{
    struct green__http_link *link = arg;

    while (link) {
        struct green__http_link *next = link->next;

        green__http_disconnect(link);
        free(link);
        link = next;
    }
}

static void uncount(struct green_http_client *client,
                    struct green__http_origin *origin)
{
    origin->count--;
    client->stats.connections--;
}

/* Takes the connection at *place out of an idle list, for *list. */
static void retire(struct green__http_link **place,
                   struct green__http_link **list)
{
    struct green__http_link *link = *place;

    *place = link->next;
    link->client->stats.idle--;
    uncount(link->client, link->origin);
    link->next = *list;
    *list = link;
}

/* Retires what has been idle since `until` or longer, and finds when the next
 * one has to be. */
static green_time retire_idle(struct green_http_client *client,
                              green_time until, struct green__http_link **list)
{
    green_time oldest = GREEN_FOREVER;
    struct green__http_origin *origin, *next;

    for (origin = client->origins; origin; origin = next) {
        struct green__http_link **place = &origin->idle;

        next = origin->next;
        while (*place) {
            if ((*place)->idle_since <= until) {
                retire(place, list);
                continue;
            }
            if ((*place)->idle_since < oldest)
                oldest = (*place)->idle_since;
            place = &(*place)->next;
        }
        forget_if_unused(client, origin);
    }
    return oldest;
}

static void on_timer(struct green_timer *timer)
{
    struct green_http_client *client = timer->arg;
    green_time limit = client->options.idle_timeout, oldest;
    struct green__http_link *list = NULL;

    oldest = retire_idle(client, green_now() - limit, &list);
    if (oldest != GREEN_FOREVER)
        green_hub_schedule(client->hub, timer, oldest + limit);
    if (list && green_spawn_n(close_list, list) < 0)
        close_list(list); /* plain ones do not switch */
}

static void watch_idle(struct green_http_client *client)
{
    if (client->stats.idle != 1)
        return; /* it is set */
    client->timer.callback = on_timer;
    client->timer.arg = client;
    green_hub_schedule(client->hub, &client->timer,
                       green_after(client->options.idle_timeout));
}

void green__http_pool_end(struct green_http_client *client)
{
    struct green__http_link *list = NULL;

    green_hub_cancel(client->hub, &client->timer);
    retire_idle(client, GREEN_FOREVER, &list);
    close_list(list);
}

/* ---- The limits ---------------------------------------------------------------------- */

/* Retires the connection of any origin that has been idle for longest. */
static bool evict(struct green_http_client *client,
                  struct green__http_link **list)
{
    struct green__http_link **found = NULL;

    for (struct green__http_origin *origin = client->origins; origin;
         origin = origin->next)
        for (struct green__http_link **place = &origin->idle; *place;
             place = &(*place)->next)
            if (!found || (*place)->idle_since < (*found)->idle_since)
                found = place;
    if (found)
        retire(found, list);
    return found != NULL;
}

/* Counts a connection, if the limits allow it. */
static bool reserve(struct green_http_client *client,
                    struct green__http_origin *origin,
                    struct green__http_link **list)
{
    if (origin->count >= client->options.max_per_origin)
        return false;
    if (client->stats.connections >= client->options.max_connections &&
        !evict(client, list))
        return false;
    origin->count++;
    client->stats.connections++;
    return true;
}

static void leave_line(struct green_http_client *client,
                       struct green__http_applicant **place)
{
    struct green__http_applicant *applicant = *place;

    *place = applicant->next;
    if (!*place)
        client->last = place;
    applicant->origin->waiting--;
    client->stats.waiting--;
}

static void grant(struct green_http_client *client,
                  struct green__http_applicant **place,
                  struct green__http_link *link)
{
    struct green__http_applicant *applicant = *place;

    applicant->link = link;
    leave_line(client, place);
    green_semaphore_release(&applicant->granted);
}

/* Lets those go on who now may. */
static void serve_line(struct green_http_client *client,
                       struct green__http_link **list)
{
    struct green__http_applicant **place = &client->first;

    while (*place) {
        if (reserve(client, (*place)->origin, list))
            grant(client, place, NULL);
        else
            place = &(*place)->next;
    }
}

static bool wait_in_line(struct green_http_client *client,
                         struct green__http_origin *origin,
                         struct green__http_link **link)
{
    struct green__http_applicant applicant = {.origin = origin};
    struct green__http_applicant **place;
    int error;

    *client->last = &applicant;
    client->last = &applicant.next;
    origin->waiting++;
    client->stats.waiting++;
    if (green_semaphore_acquire(&applicant.granted) == 0) {
        *link = applicant.link;
        return true;
    }
    error = errno;
    for (place = &client->first; *place; place = &(*place)->next) {
        if (*place == &applicant) {
            leave_line(client, place);
            break;
        }
    }
    forget_if_unused(client, origin);
    errno = error;
    return false;
}

/* ---- Taking ---------------------------------------------------------------------------- */

/* Whether the peer has neither ended the connection nor sent what nobody has asked
 * for. */
static bool is_quiet(const struct green__http_link *link)
{
    char byte;

    return link->base.at == link->base.end &&
           green_stream_pending(link->base.stream) == 0 &&
           recv(link->base.stream->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
           errno == EAGAIN;
}

static struct green__http_link *take_idle(struct green_http_client *client,
                                          struct green__http_origin *origin,
                                          struct green__http_link **list)
{
    struct green__http_link *link;

    while ((link = origin->idle)) {
        if (!is_quiet(link)) {
            retire(&origin->idle, list);
            continue;
        }
        origin->idle = link->next;
        client->stats.idle--;
        return link;
    }
    return NULL;
}

static struct green__http_link *connect_new(struct green_http_client *client,
                                            struct green__http_origin *origin,
                                            char *reason)
{
    struct green__http_link *link = calloc(1, sizeof *link), *list = NULL;
    int error;

    if (link) {
        link->client = client;
        link->origin = origin;
        if (green__http_connect(link, reason) == 0) {
            client->stats.connected++;
            return link;
        }
    }
    error = errno;
    free(link);
    uncount(client, origin);
    serve_line(client, &list);
    forget_if_unused(client, origin);
    close_list(list);
    errno = error;
    return NULL;
}

struct green__http_link *
green__http_pool_take(struct green_http_client *client,
                      const struct green__http_url *url, bool fresh,
                      char *reason)
{
    struct green__http_origin *origin = find_origin(client, url);
    struct green__http_link *link = NULL, *list = NULL;
    bool may;

    if (!origin)
        return NULL;
    if (!fresh)
        link = take_idle(client, origin, &list);
    may = link || reserve(client, origin, &list);
    serve_line(client, &list); /* some may have been found dead */
    /* Closing them may switch: what has been taken is counted. */
    close_list(list);
    if (!may && !wait_in_line(client, origin, &link))
        return NULL;
    if (!link)
        return connect_new(client, origin, reason);
    client->stats.reused++;
    return link;
}

/* ---- Giving back ------------------------------------------------------------------------- */

/* Gives it to the first who waits for one of its origin. */
static bool hand_over(struct green_http_client *client,
                      struct green__http_link *link)
{
    struct green__http_applicant **place = &client->first;

    while (*place && (*place)->origin != link->origin)
        place = &(*place)->next;
    if (!*place)
        return false;
    grant(client, place, link);
    return true;
}

static void keep(struct green_http_client *client,
                 struct green__http_link *link)
{
    link->idle_since = green_now();
    link->next = link->origin->idle;
    link->origin->idle = link;
    client->stats.idle++;
    watch_idle(client);
}

void green__http_pool_put(struct green__http_link *link, bool reusable)
{
    struct green_http_client *client = link->client;
    struct green__http_origin *origin = link->origin;
    struct green__http_link *list = NULL;
    int error = errno;

    link->used = true;
    /* Who gets it at once must not get a dead one; who takes it later looks. */
    if (!reusable || link->base.at < link->base.end ||
        (origin->waiting > 0 && !is_quiet(link))) {
        uncount(client, origin);
        link->next = NULL;
        list = link;
    } else if (!hand_over(client, link)) {
        keep(client, link);
    }
    serve_line(client, &list);
    forget_if_unused(client, origin);
    close_list(list);
    errno = error;
}
