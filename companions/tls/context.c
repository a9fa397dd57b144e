#include "context.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include <openssl/err.h>

#include "reason.h"
#include "sessions.h"
#include "tickets.h"

/* ---- The facts --------------------------------------------------------- */

static pthread_once_t once = PTHREAD_ONCE_INIT;
static int facts_index = -1;

static void free_facts(void *parent, void *data, CRYPTO_EX_DATA *all, int index,
                       long number, void *pointer)
{
    struct green__tls_facts *facts = data;

    (void)parent, (void)all, (void)index, (void)number, (void)pointer;
    if (!facts)
        return;
    free(facts->protocols);
    OPENSSL_free(facts->staple);
    if (facts->keylog >= 0)
        close(facts->keylog);
    free(facts);
}

static void make_index(void)
{
    facts_index = SSL_CTX_get_ex_new_index(0, NULL, NULL, NULL, free_facts);
}

struct green__tls_facts *green__tls_facts(const SSL_CTX *context)
{
    return SSL_CTX_get_ex_data(context, facts_index);
}

static int add_facts(SSL_CTX *context, const struct green_tls_options *options)
{
    struct green__tls_facts *facts = calloc(1, sizeof *facts);

    pthread_once(&once, make_index);
    if (!facts || SSL_CTX_set_ex_data(context, facts_index, facts) <= 0) {
        free(facts);
        return green__tls_fail(ENOMEM, "out of memory");
    }
    facts->keylog = -1;
    facts->require_staple = options->require_staple;
    return 0;
}

/* ---- What is the same for everyone ------------------------------------------ */

/* With forward secrecy, authenticated. Those of TLS 1.3 all are. */
#define CIPHERS "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:!aNULL:!aDSS"

static int set_rules(SSL_CTX *context)
{
    SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION |
                                     SSL_OP_NO_COMPRESSION |
                                     SSL_OP_PRIORITIZE_CHACHA |
                                     SSL_OP_CIPHER_SERVER_PREFERENCE);
    /* A read takes what has come, rather than a record's head and its body one
     * after the other. */
    SSL_CTX_set_read_ahead(context, 1);
    if (SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) <= 0 ||
        SSL_CTX_set_cipher_list(context, CIPHERS) <= 0 ||
        SSL_CTX_set_dh_auto(context, 1) <= 0 ||
        green__tls_tickets_use(context) < 0)
        return green__tls_fail_openssl(ENOMEM, "cannot prepare TLS");
    green__tls_sessions_use(context);
    return 0;
}

static int fill(SSL_CTX *context, const struct green_tls_options *options)
{
    if (add_facts(context, options) < 0 || set_rules(context) < 0 ||
        green__tls_load(context, options) < 0 ||
        green__tls_alpn_use(context, options) < 0 ||
        green__tls_staple_use(context, options) < 0 ||
        green__tls_keylog_use(context, options) < 0)
        return -1;
    green__tls_choose_use(context, options);
    return 0;
}

SSL_CTX *green__tls_context_create(const struct green_tls_options *options)
{
    SSL_CTX *context;
    int error;

    ERR_clear_error();
    context = SSL_CTX_new(TLS_method());
    if (!context) {
        green__tls_fail_openssl(ENOMEM, "cannot prepare TLS");
        return NULL;
    }
    if (fill(context, options) == 0)
        return context;
    error = errno;
    SSL_CTX_free(context);
    errno = error;
    return NULL;
}
