/*
 * A configuration: the options that a program gave, the SSL_CTX that was made of
 * them, and what outlives a reload.
 *
 *     green_tls_config --> SSL_CTX --> facts (context.h)
 *       ^  replaced by a reload: lock     never changes
 *       |
 *     connections, each with a reference, and a SSL of the SSL_CTX that was
 *     current at its handshake
 */
#ifndef TLS_CONFIG_H
#define TLS_CONFIG_H

#include <pthread.h>
#include <stdatomic.h>

#include <openssl/ssl.h>

#include <greenhub.h>
#include <greenhub/tls.h>

#include "sessions.h"
#include "tickets.h"

struct green_tls_config {
    atomic_uint references;
    struct green_tls_options options; /* its strings are this struct's own */
    pthread_mutex_t lock;             /* of what follows; never held long */
    SSL_CTX *context;
    struct green__tls_tickets tickets;
    struct green__tls_sessions sessions;
};

/* Another owner; each calls green_tls_config_free. */
struct green_tls_config *
green__tls_config_share(struct green_tls_config *config);

/* The current context, with a reference for the caller. */
SSL_CTX *green__tls_config_context(struct green_tls_config *config);

#endif
