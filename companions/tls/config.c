#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "context.h"
#include "reason.h"

/* ---- The copy of the options --------------------------------------------- */

static void free_protocols(char **protocols)
{
    for (size_t i = 0; protocols && protocols[i]; i++)
        free(protocols[i]);
    free(protocols);
}

static void free_options(struct green_tls_options *options)
{
    free((char *)options->certificate);
    free((char *)options->key);
    free((char *)options->authorities);
    free((char *)options->staple);
    free_protocols((char **)options->protocols);
}

static char **copy_protocols(const char *const *protocols)
{
    size_t count = 0;
    char **copy;

    while (protocols[count])
        count++;
    copy = calloc(count + 1, sizeof *copy);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = strdup(protocols[i]);
        if (!copy[i]) {
            free_protocols(copy);
            return NULL;
        }
    }
    return copy;
}

/* Replaces each string by a copy, or by NULL from the first failure on. */
static int own_options(struct green_tls_options *options)
{
    const char **strings[] = {&options->certificate, &options->key,
                              &options->authorities, &options->staple};
    bool failed = false;

    for (size_t i = 0; i < sizeof strings / sizeof *strings; i++) {
        if (!*strings[i])
            continue;
        *strings[i] = failed ? NULL : strdup(*strings[i]);
        failed |= !*strings[i];
    }
    if (options->protocols) {
        options->protocols =
            failed ? NULL
                   : (const char *const *)copy_protocols(options->protocols);
        failed |= !options->protocols;
    }
    return failed ? green__tls_fail(ENOMEM, "out of memory") : 0;
}

static int check_options(const struct green_tls_options *options)
{
    for (size_t i = 0; i < sizeof options->reserved / sizeof(uint64_t); i++)
        if (options->reserved[i])
            return green__tls_fail(EINVAL, "a reserved word is not zero");
    if (options->key && !options->certificate)
        return green__tls_fail(EINVAL, "a key without a certificate");
    if (options->staple && !options->certificate)
        return green__tls_fail(EINVAL, "a staple without a certificate");
    if (options->require_client && !options->authorities)
        return green__tls_fail(EINVAL,
                               "require_client needs authorities: those "
                               "of the system sign for anyone");
    if (options->require_client && !options->certificate)
        return green__tls_fail(EINVAL, "require_client without a certificate");
    if (options->handshake_timeout < 0)
        return green__tls_fail(EINVAL, "the handshake_timeout is negative");
    return 0;
}

/* ---- Its life -------------------------------------------------------------- */

static struct green_tls_config *
allocate(const struct green_tls_options *options)
{
    struct green_tls_config *config = calloc(1, sizeof *config);

    if (!config) {
        green__tls_fail(ENOMEM, "out of memory");
        return NULL;
    }
    atomic_init(&config->references, 1);
    pthread_mutex_init(&config->lock, NULL);
    config->options = *options;
    if (!config->options.handshake_timeout)
        config->options.handshake_timeout = 10 * GREEN_SEC;
    if (own_options(&config->options) == 0)
        return config;
    green_tls_config_free(config);
    return NULL;
}

struct green_tls_config *
green_tls_config_create(const struct green_tls_options *options)
{
    static const struct green_tls_options defaults;
    struct green_tls_config *config;
    int error;

    if (!options)
        options = &defaults;
    if (check_options(options) < 0)
        return NULL;
    config = allocate(options);
    if (!config)
        return NULL;
    config->context = green__tls_context_create(&config->options);
    if (config->context)
        return config;
    error = errno;
    green_tls_config_free(config);
    errno = error;
    return NULL;
}

struct green_tls_config *
green__tls_config_share(struct green_tls_config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

void green_tls_config_free(struct green_tls_config *config)
{
    if (!config || atomic_fetch_sub(&config->references, 1) != 1)
        return;
    green__tls_sessions_clear(&config->sessions);
    green__tls_tickets_clear(&config->tickets);
    SSL_CTX_free(config->context);
    pthread_mutex_destroy(&config->lock);
    free_options(&config->options);
    free(config);
}

/* ---- The context ------------------------------------------------------------ */

SSL_CTX *green__tls_config_context(struct green_tls_config *config)
{
    SSL_CTX *context;

    pthread_mutex_lock(&config->lock);
    context = config->context;
    SSL_CTX_up_ref(context);
    pthread_mutex_unlock(&config->lock);
    return context;
}

int green_tls_config_reload(struct green_tls_config *config)
{
    SSL_CTX *context, *old;

    if (!config)
        return green__tls_fail(EINVAL, "no configuration");
    context = green__tls_context_create(&config->options);
    if (!context)
        return -1;
    pthread_mutex_lock(&config->lock);
    old = config->context;
    config->context = context;
    /* What the old one has verified, the new one may not trust. */
    green__tls_sessions_clear(&config->sessions);
    pthread_mutex_unlock(&config->lock);
    SSL_CTX_free(old);
    return 0;
}
