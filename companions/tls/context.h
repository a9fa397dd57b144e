/*
 * The SSL_CTX that is made of the options, and what the callbacks of OpenSSL need of
 * them: its facts, which live as long as it does. A context does not change once it is
 * made, so that OS threads share it without a lock.
 */
#ifndef TLS_CONTEXT_H
#define TLS_CONTEXT_H

#include <time.h>

#include <openssl/ssl.h>

#include <greenhub.h>
#include <greenhub/tls.h>

struct green__tls_facts {
    unsigned char *protocols; /* as ALPN sends them: each after its length */
    unsigned protocols_size;
    unsigned char *staple;
    int staple_size;
    time_t staple_until;
    bool require_staple;
    bool system_authorities; /* are still to be loaded, for a client */
    int keylog;              /* the file's descriptor, or -1 */
    struct green_tls_config *(*choose)(const char *server_name, void *arg);
    void *arg;
};

/* NULL with errno and words. */
SSL_CTX *green__tls_context_create(const struct green_tls_options *options);

struct green__tls_facts *green__tls_facts(const SSL_CTX *context);

/* Each takes its part of the options. 0, or -1 with errno and words. */
int green__tls_load(SSL_CTX *context, const struct green_tls_options *options);
int green__tls_alpn_use(SSL_CTX *context,
                        const struct green_tls_options *options);
int green__tls_staple_use(SSL_CTX *context,
                          const struct green_tls_options *options);
int green__tls_keylog_use(SSL_CTX *context,
                          const struct green_tls_options *options);
/* Loads the system's authorities, if they are what a client trusts. The configuration's lock
 * is held. */
int green__tls_load_system(SSL_CTX *context);
/* Which configuration a server's connection continues with. */
void green__tls_choose_use(SSL_CTX *context,
                           const struct green_tls_options *options);

#endif
