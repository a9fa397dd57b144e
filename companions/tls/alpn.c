/* Protocols (ALPN), and the name that a client asks for (SNI). */
#include "context.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config.h"
#include "reason.h"

/* ---- Protocols --------------------------------------------------------------- */

/* The server's best of those that the client offers. */
static int select_protocol(SSL *ssl, const unsigned char **chosen,
                           unsigned char *size, const unsigned char *offered,
                           unsigned offered_size, void *arg)
{
    const struct green__tls_facts *facts = arg;

    (void)ssl;
    if (SSL_select_next_proto((unsigned char **)chosen, size, facts->protocols,
                              facts->protocols_size, offered,
                              offered_size) == OPENSSL_NPN_NEGOTIATED)
        return SSL_TLSEXT_ERR_OK;
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* The size of the list as it is sent, or 0 if it can't be. */
static size_t measure(const char *const *protocols)
{
    size_t size = 0;

    for (; *protocols; protocols++) {
        size_t length = strlen(*protocols);

        if (length == 0 || length > 255)
            return 0;
        size += 1 + length;
    }
    return size <= 1024 ? size : 0;
}

int green__tls_alpn_use(SSL_CTX *context,
                        const struct green_tls_options *options)
{
    struct green__tls_facts *facts = green__tls_facts(context);
    unsigned char *next;
    size_t size;

    if (!options->protocols)
        return 0;
    size = measure(options->protocols);
    if (size == 0)
        return green__tls_fail(EINVAL, "protocols: names of 1 to 255 bytes, "
                                       "1,024 bytes together");
    next = facts->protocols = malloc(size);
    if (!next)
        return green__tls_fail(ENOMEM, "out of memory");
    facts->protocols_size = (unsigned)size;
    for (const char *const *one = options->protocols; *one; one++) {
        *next++ = (unsigned char)strlen(*one);
        memcpy(next, *one, strlen(*one));
        next += strlen(*one);
    }
    if (SSL_CTX_set_alpn_protos(context, facts->protocols,
                                facts->protocols_size) != 0)
        return green__tls_fail(ENOMEM, "out of memory");
    SSL_CTX_set_alpn_select_cb(context, select_protocol, facts);
    return 0;
}

/* ---- The name -------------------------------------------------------------------- */

#define MAX_NAME 255

/* The name of a ClientHello: "" if it has none. False if it is malformed. */
static bool read_name(SSL *ssl, char name[MAX_NAME + 1])
{
    const unsigned char *list;
    size_t size, length;

    name[0] = '\0';
    if (!SSL_client_hello_get0_ext(ssl, TLSEXT_TYPE_server_name, &list, &size))
        return true;
    /* Two bytes of the list's size, one for a host's name, two of its length. */
    if (size < 5 || list[2] != TLSEXT_NAMETYPE_host_name)
        return false;
    length = (size_t)list[3] << 8 | list[4];
    if (length == 0 || length > MAX_NAME || length > size - 5 ||
        memchr(list + 5, '\0', length))
        return false;
    memcpy(name, list + 5, length);
    name[length] = '\0';
    return true;
}

static void change_context(SSL *ssl, struct green_tls_config *config)
{
    SSL_CTX *context = green__tls_config_context(config);

    SSL_set_SSL_CTX(ssl, context);
    /* That keeps these of the old context. */
    SSL_set_verify(ssl, SSL_CTX_get_verify_mode(context), NULL);
    SSL_CTX_free(context);
}

/*
 * As soon as the ClientHello has been read. (By OpenSSL's own callback for names it has
 * already looked whether to resume a session, in TLS 1.3: it would resume by the rules of
 * the wrong context.)
 */
static int choose(SSL *ssl, int *alert, void *arg)
{
    const struct green__tls_facts *facts = arg;
    struct green_tls_config *chosen;
    char name[MAX_NAME + 1];

    if (!read_name(ssl, name)) {
        *alert = SSL_AD_DECODE_ERROR;
        return SSL_CLIENT_HELLO_ERROR;
    }
    chosen = facts->choose(name[0] ? name : NULL, facts->arg);
    if (chosen)
        change_context(ssl, chosen);
    return SSL_CLIENT_HELLO_SUCCESS;
}

void green__tls_choose_use(SSL_CTX *context,
                           const struct green_tls_options *options)
{
    struct green__tls_facts *facts = green__tls_facts(context);

    facts->choose = options->choose;
    facts->arg = options->arg;
    if (options->choose)
        SSL_CTX_set_client_hello_cb(context, choose, facts);
}
