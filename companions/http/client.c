/* Clients: their options, their making and their end. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

/* ---- Options ------------------------------------------------------------------ */

static bool all_zero(const uint64_t *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (words[i] != 0)
            return false;
    return true;
}

static bool take_limit(green_time *limit, green_time usual)
{
    if (*limit == 0)
        *limit = usual;
    return *limit > 0;
}

static bool take_limits(struct green_http_client_options *options)
{
    return take_limit(&options->idle_timeout, 30 * GREEN_SEC) &&
           take_limit(&options->connect_timeout, 10 * GREEN_SEC) &&
           take_limit(&options->response_timeout, 60 * GREEN_SEC) &&
           take_limit(&options->header_timeout, 15 * GREEN_SEC) &&
           take_limit(&options->body_timeout, 30 * GREEN_SEC) &&
           take_limit(&options->write_timeout, 30 * GREEN_SEC) &&
           take_limit(&options->continue_timeout, GREEN_SEC) &&
           options->timeout >= 0;
}

static void take_sizes(struct green_http_client_options *options)
{
    if (options->max_per_origin == 0)
        options->max_per_origin = 8;
    if (options->max_connections == 0)
        options->max_connections = 128;
    if (options->max_redirects == 0)
        options->max_redirects = 10;
    if (options->max_header == 0)
        options->max_header = (size_t)64 << 10;
    if (options->max_chunk_overhead == 0)
        options->max_chunk_overhead = (size_t)16 << 10;
    if (options->max_ratio == 0)
        options->max_ratio = 200;
}

static green_time least(green_time left, green_time right)
{
    return left < right ? left : right;
}

/* What the reader and the writer, which are the server's, want to know. */
static void make_config(struct green_http_client *client)
{
    const struct green_http_client_options *options = &client->options;

    client->config = (struct green__http_config){
        .options =
            {
                .header_timeout = options->header_timeout,
                .body_timeout = options->body_timeout,
                .write_timeout = options->write_timeout,
                .max_header = options->max_header,
                .max_fields = GREEN__HTTP_FIELDS,
                .max_chunk_overhead = options->max_chunk_overhead,
            },
        .shortest = least(options->header_timeout,
                          least(options->body_timeout, options->write_timeout)),
    };
}

/* ---- Making ---------------------------------------------------------------------- */

static int copy_text(char **copy, const char *text)
{
    if (!text)
        return 0;
    *copy = strdup(text);
    return *copy ? 0 : -1;
}

static int copy_strings(struct green_http_client *client)
{
    const struct green_http_client_options *options = &client->options;
    const char *agent = options->user_agent;

    if (!agent &&
        asprintf(&client->user_agent, "greenhub/%s", green_version()) < 0) {
        client->user_agent = NULL;
        return refuse(ENOMEM);
    }
    if (agent && !green__http_is_value(agent))
        return refuse(EINVAL);
    if (copy_text(&client->user_agent, agent) < 0 ||
        copy_text(&client->address, options->address) < 0)
        return -1;
    client->proxies = green__http_proxies_create(options->proxy);
    return client->proxies ? 0 : -1;
}

static void free_client(struct green_http_client *client)
{
    int error = errno;

    green__http_proxies_free(client->proxies);
    green__http_jar_free(client->jar);
    free(client->user_agent);
    free(client->address);
    free(client);
    errno = error;
}

static int init(struct green_http_client *client,
                const struct green_http_client_options *options)
{
    if (options)
        client->options = *options;
    options = &client->options;
    if (!all_zero(options->reserved, 8) || !take_limits(&client->options) ||
        (options->tls &&
         (!options->tls->wrap || !all_zero(options->tls->reserved, 4))) ||
        (options->address && !strstr(options->address, "://")))
        return refuse(EINVAL);
    take_sizes(&client->options);
    make_config(client);
    if (options->tls)
        client->tls = *options->tls;
    client->last = &client->first;
    client->hub = green_get_hub();
    if (!client->hub || copy_strings(client) < 0)
        return -1;
    client->jar = options->cookies ? green__http_jar_create() : NULL;
    return options->cookies && !client->jar ? -1 : 0;
}

struct green_http_client *
green_http_client_create(const struct green_http_client_options *options)
{
    struct green_http_client *client = calloc(1, sizeof *client);

    if (!client)
        return NULL;
    if (init(client, options) == 0)
        return client;
    free_client(client);
    return NULL;
}

int green_http_client_destroy(struct green_http_client *client)
{
    if (!client)
        return 0;
    if (client->exchanges > 0)
        return refuse(EBUSY);
    green__http_pool_end(client);
    free_client(client);
    return 0;
}

int green_http_client_stats(const struct green_http_client *client,
                            struct green_http_client_stats *stats)
{
    if (!client || !stats)
        return refuse(EINVAL);
    *stats = client->stats;
    return 0;
}
