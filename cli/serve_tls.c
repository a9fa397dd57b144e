/*
 * TLS for greenhub serve, by libgreenhub-tls, which is loaded where it is asked for: the
 * command neither needs it nor OpenSSL, and does not load them for anything else.
 */
#include <greenhub.h>
#include <greenhub/tls.h>

#include <dlfcn.h>
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

/* ISO C does not convert a pointer to an object to one to a function. */
static bool find(void *library, const char *name, void *function)
{
    void *found = dlsym(library, name);

    memcpy(function, &found, sizeof found);
    return found != NULL;
}

static int load(void)
{
    char path[PATH_MAX];
    void *library;

    if (!cli_find_library("greenhub-tls", "companions/tls", path))
        return cli_complain(CLI_FAILED,
                            "--tls needs libgreenhub-tls, which is not "
                            "installed beside this command");
    library = dlopen(path, RTLD_NOW);
    if (!library)
        return cli_complain(CLI_FAILED, "--tls: %s", dlerror());
    if (!find(library, "green_tls_config_create", &tls.config_create) ||
        !find(library, "green_tls_wrap", &tls.wrap) ||
        !find(library, "green_tls_reason", &tls.reason))
        return cli_complain(CLI_FAILED, "--tls: %s is of another version",
                            path);
    return CLI_OK;
}

int serve_tls_use(const char *certificate, const char *key,
                  struct green_stream_wrap *wrap)
{
    struct green_tls_options options = {.certificate = certificate, .key = key};
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
