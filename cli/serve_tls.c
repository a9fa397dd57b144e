/*
 * TLS for greenhub serve, by libgreenhub-tls, which is loaded where it is asked for: the
 * command neither needs it nor OpenSSL, and does not load them for anything else.
 */
#include <greenhub.h>
#include <greenhub/tls.h>

#include <stdio.h>
#include <string.h>

#include "cli.h"
#include "library.h"
#include "serve_tls.h"

static struct {
    struct green_tls_config *(*config_create)(
        const struct green_tls_options *options);
    struct green_stream_wrap (*wrap)(struct green_tls_config *config);
    const char *(*reason)(void);
} tls;

static int load(void)
{
    const struct cli_symbol symbols[] = {
        {"green_tls_config_create", &tls.config_create},
        {"green_tls_wrap", &tls.wrap},
        {"green_tls_reason", &tls.reason},
        {NULL, NULL},
    };

    return cli_load_companion("--tls", "tls", symbols);
}

int serve_tls_use(const char *certificate, const char *key,
                  const char *const *protocols, struct green_stream_wrap *wrap)
{
    struct green_tls_options options = {
        .certificate = certificate, .key = key, .protocols = protocols};
    struct green_tls_config *config;
    int status = load();

    if (status != CLI_OK)
        return status;
    config = tls.config_create(&options);
    if (!config)
        return cli_complain(CLI_FAILED, "--tls: %s", tls.reason());
    *wrap = tls.wrap(config);
    return CLI_OK;
}
