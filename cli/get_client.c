/*
 * The client of greenhub get, by libgreenhub-http, with libgreenhub-tls for https where that
 * is installed.
 */
#include "get.h"

#include <greenhub/tls.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "library.h"

struct get_library get_library;

static struct {
    struct green_tls_config *(*config_create)(
        const struct green_tls_options *options);
    struct green_stream *(*client)(int fd, struct green_tls_config *config,
                                   const char *host);
    const char *(*reason)(void);
    struct green_tls_config *config;
    unsigned key; /* each greenthread's reason */
} tls;

static int load_http(void)
{
    const struct cli_symbol symbols[] = {
        {"green_http_client_create", &get_library.create},
        {"green_http_client_destroy", &get_library.destroy},
        {"green_http_client_open", &get_library.open},
        {"green_http_client_add", &get_library.add},
        {"green_http_client_body", &get_library.body},
        {"green_http_client_response", &get_library.response},
        {"green_http_client_url", &get_library.url},
        {"green_http_client_header", &get_library.header},
        {"green_http_client_length", &get_library.length},
        {"green_http_client_read", &get_library.read},
        {"green_http_client_reason", &get_library.reason},
        {"green_http_client_close", &get_library.close},
        {NULL, NULL},
    };

    return cli_load_companion("get", "http", symbols);
}

/* ---- TLS ------------------------------------------------------------------------ */

static int load_tls(void)
{
    const struct cli_symbol symbols[] = {
        {"green_tls_config_create", &tls.config_create},
        {"green_tls_client", &tls.client},
        {"green_tls_reason", &tls.reason},
        {NULL, NULL},
    };

    return cli_load_companion("https", "tls", symbols);
}

static bool has_tls(void)
{
    char path[PATH_MAX];

    return cli_find_library("greenhub-tls", "companions/tls", path);
}

void get_client_keep_reason(char reason[GET_REASON])
{
    if (tls.config)
        green_key_set(tls.key, reason);
}

/* Keeps the reason before another greenthread overwrites it. */
static struct green_stream *wrap(int fd, const char *host, void *unused)
{
    struct green_stream *stream = tls.client(fd, tls.config, host);
    int error = errno;
    char *reason = green_key_get(tls.key);

    (void)unused;
    if (!stream && reason)
        snprintf(reason, GET_REASON, "%s", tls.reason());
    errno = error;
    return stream;
}

static int use_tls(const struct get_settings *settings)
{
    static const char *const protocols[] = {"http/1.1", NULL};
    struct green_tls_options options = {
        .authorities = settings->authorities,
        .protocols = protocols,
        .insecure_no_verify = settings->insecure,
        .keylog = true,
    };
    int status = load_tls();

    if (status != CLI_OK)
        return status;
    tls.config = tls.config_create(&options);
    if (!tls.config)
        return cli_complain(CLI_FAILED, "https: %s", tls.reason());
    if (green_key_create(&tls.key, NULL) < 0)
        return cli_complain(CLI_FAILED, "https: %s", strerror(errno));
    return CLI_OK;
}

/* ---- The client -------------------------------------------------------------------- */

int get_client_create(const struct get_settings *settings, bool needs_tls,
                      struct green_http_client **client)
{
    static const struct green_stream_wrap how = {.wrap = wrap};
    struct green_http_client_options options = {
        .address = settings->address,
        .proxy = settings->proxy,
        .max_per_origin = settings->jobs,
        .max_connections = settings->jobs < 128 ? 128 : settings->jobs,
        .max_body = settings->most,
        .timeout = settings->timeout,
    };
    int status = load_http();

    if (status == CLI_OK && (needs_tls || has_tls())) {
        status = use_tls(settings);
        options.tls = &how;
    }
    if (status != CLI_OK)
        return status;
    *client = get_library.create(&options);
    if (!*client)
        return cli_complain(errno == EINVAL ? CLI_USAGE : CLI_FAILED,
                            "get: %s%s",
                            errno == EINVAL || errno == EPROTONOSUPPORT
                                ? "the proxy or the address: "
                                : "",
                            strerror(errno));
    return CLI_OK;
}
