/* Servers: their options, and their connections. */
#include <errno.h>

#include "http.h"

static int refuse(int error)
{
    errno = error;
    return -1;
}

static bool reserved_is_zero(const struct green_http_options *options)
{
    for (size_t i = 0;
         i < sizeof options->reserved / sizeof options->reserved[0]; i++)
        if (options->reserved[i] != 0)
            return false;
    return true;
}

/* Fills in a time limit, and lowers the shortest. Returns whether it is one. */
static bool take_time(green_time *limit, green_time usual, green_time *shortest)
{
    if (*limit == 0)
        *limit = usual;
    if (*limit < *shortest)
        *shortest = *limit;
    return *limit > 0;
}

static bool take_times(struct green__http_config *config)
{
    struct green_http_options *options = &config->options;
    green_time *shortest = &config->shortest;

    *shortest = 60 * GREEN_SEC;
    return take_time(&options->idle_timeout, 60 * GREEN_SEC, shortest) &&
           take_time(&options->header_timeout, 15 * GREEN_SEC, shortest) &&
           take_time(&options->body_timeout, 30 * GREEN_SEC, shortest) &&
           take_time(&options->write_timeout, 30 * GREEN_SEC, shortest) &&
           take_time(&options->linger_timeout, 5 * GREEN_SEC,
                     &(green_time){60 * GREEN_SEC});
}

static void take_sizes(struct green_http_options *options)
{
    if (options->max_target == 0)
        options->max_target = (size_t)8 << 10;
    if (options->max_header == 0)
        options->max_header = (size_t)16 << 10;
    if (options->max_fields == 0)
        options->max_fields = GREEN__HTTP_FIELDS;
    if (options->max_streams == 0)
        options->max_streams = 100;
    if (options->max_per_address == 0)
        options->max_per_address = 64;
    if (options->max_body == 0)
        options->max_body = (uint64_t)1 << 20;
    if (options->max_chunk_overhead == 0)
        options->max_chunk_overhead = (size_t)4 << 10;
}

int green__http_config_init(struct green__http_config *config,
                            int (*handler)(struct green_http *http, void *arg),
                            const struct green_http_options *options)
{
    *config = (struct green__http_config){.handler = handler};
    if (options)
        config->options = *options;
    if (!handler || !reserved_is_zero(&config->options) ||
        config->options.max_fields > GREEN__HTTP_FIELDS || !take_times(config))
        return refuse(EINVAL);
    take_sizes(&config->options);
    return 0;
}

int green_http_serve_stream(struct green_stream *stream,
                            int (*handler)(struct green_http *http, void *arg),
                            const struct green_http_options *options)
{
    struct green__http_config config;

    if (!stream)
        return refuse(EINVAL);
    if (green__http_config_init(&config, handler, options) < 0)
        return -1;
    green__http_connection_serve(stream, &config);
    return 0;
}

static void serve_connection(struct green_stream *stream, void *arg)
{
    green__http_connection_serve(stream, arg);
}

int green_http_serve(int listener,
                     int (*handler)(struct green_http *http, void *arg),
                     const struct green_http_options *options)
{
    struct green_serve_options serve = {0};
    struct green__http_config config;
    int result, error;

    if (green__http_config_init(&config, handler, options) < 0)
        return -1;
    if (config.options.serve)
        serve = *config.options.serve;
    serve.arg = &config;
    config.protocol = serve.wrap ? serve.wrap->protocol : NULL;
    if (serve.max_connections == 0)
        serve.max_connections = 1024;
    if (serve.stop_timeout == 0)
        serve.stop_timeout = 30 * GREEN_SEC;
    config.addresses =
        green__http_addresses_create(config.options.max_per_address);
    if (!config.addresses)
        return -1;
    result = green_serve_streams(listener, serve_connection, &serve);
    error = errno;
    green__http_addresses_free(config.addresses);
    errno = error;
    return result;
}

const char *const *green_http_protocols(void)
{
    return green__http_protocols;
}
