#include "connection.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "context.h"
#include "reason.h"

/* ---- Its life ------------------------------------------------------------ */

static int prepare(struct green__tls *tls)
{
    SSL_CTX *context = green__tls_config_context(tls->config);

    ERR_clear_error();
    tls->ssl = SSL_new(context);
    SSL_CTX_free(context);
    if (!tls->ssl || SSL_set_app_data(tls->ssl, tls) <= 0 ||
        green__tls_wire_attach(&tls->wire, tls->ssl) < 0)
        return green__tls_fail(ENOMEM, "out of memory");
    return 0;
}

static struct green__tls *create(int fd, struct green_tls_config *config)
{
    struct green__tls *tls;

    if (!config || fd < 0) {
        green__tls_fail(config ? EBADF : EINVAL,
                        config ? "not a descriptor" : "no configuration");
        return NULL;
    }
    tls = calloc(1, sizeof *tls);
    if (!tls) {
        green__tls_fail(ENOMEM, "out of memory");
        return NULL;
    }
    tls->stream.fd = fd;
    tls->users = 1;
    tls->config = green__tls_config_share(config);
    if (prepare(tls) == 0)
        return tls;
    green__tls_release(tls);
    errno = ENOMEM;
    return NULL;
}

void green__tls_release(struct green__tls *tls)
{
    if (--tls->users > 0)
        return;
    SSL_free(tls->ssl);
    green__tls_wire_free(&tls->wire);
    green_tls_config_free(tls->config);
    free(tls->protocol);
    free(tls->host);
    free(tls);
}

/* ---- The client's side ------------------------------------------------------ */

static bool is_number(const char *host)
{
    unsigned char address[sizeof(struct in6_addr)];

    return inet_pton(AF_INET, host, address) > 0 ||
           inet_pton(AF_INET6, host, address) > 0;
}

/* Without the dot that ends a full name: certificates have none. */
static char *copy_host(const char *host)
{
    size_t length = strlen(host);

    return strndup(host, length - (length > 1 && host[length - 1] == '.'));
}

/* Whose certificate it must be. Addresses are not sent as a name. */
static int expect(struct green__tls *tls)
{
    X509_VERIFY_PARAM *rules = SSL_get0_param(tls->ssl);
    bool done;

    X509_VERIFY_PARAM_set_hostflags(rules,
                                    X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    if (is_number(tls->host))
        done = X509_VERIFY_PARAM_set1_ip_asc(rules, tls->host);
    else
        done = SSL_set1_host(tls->ssl, tls->host) &&
               SSL_set_tlsext_host_name(tls->ssl, tls->host);
    return done ? 0 : green__tls_fail_openssl(EINVAL, "the name of the host");
}

static int trust(struct green__tls *tls)
{
    int result;

    pthread_mutex_lock(&tls->config->lock);
    result = green__tls_load_system(SSL_get_SSL_CTX(tls->ssl));
    pthread_mutex_unlock(&tls->config->lock);
    return result;
}

static int become_client(struct green__tls *tls, const char *host)
{
    bool verify = !tls->config->options.insecure_no_verify;

    if (!host && verify)
        return green__tls_fail(EINVAL, "without a host's name the server's "
                                       "certificate cannot be checked");
    if (trust(tls) < 0)
        return -1;
    SSL_set_connect_state(tls->ssl);
    SSL_set_verify(tls->ssl, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (verify)
        SSL_set_tlsext_status_type(tls->ssl, TLSEXT_STATUSTYPE_ocsp);
    if (!host)
        return 0;
    tls->host = copy_host(host);
    if (!tls->host)
        return green__tls_fail(ENOMEM, "out of memory");
    if (expect(tls) < 0)
        return -1;
    green__tls_sessions_offer(tls);
    return 0;
}

struct green__tls *green__tls_client(int fd, struct green_tls_config *config,
                                     const char *host)
{
    struct green__tls *tls = create(fd, config);
    int error;

    if (!tls || become_client(tls, host) == 0)
        return tls;
    error = errno;
    green__tls_release(tls);
    errno = error;
    return NULL;
}

/* ---- The server's side ------------------------------------------------------- */

struct green__tls *green__tls_server(int fd, struct green_tls_config *config)
{
    struct green__tls *tls = create(fd, config);

    if (!tls)
        return NULL;
    if (config->options.certificate || config->options.choose) {
        SSL_set_accept_state(tls->ssl);
        return tls;
    }
    green__tls_release(tls);
    green__tls_fail(EINVAL, "a server needs a certificate");
    return NULL;
}
