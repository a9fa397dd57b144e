/*
 * One connection. OpenSSL reads and writes memory alone (wire.h), and what it wants sent
 * or received is sent and received between its calls: no greenthread is ever parked inside
 * OpenSSL, whose queue of errors is the OS thread's, not the greenthread's.
 */
#ifndef TLS_CONNECTION_H
#define TLS_CONNECTION_H

#include <openssl/ssl.h>

#include <greenhub.h>
#include <greenhub/tls.h>

#include "config.h"

struct green__tls {
    SSL *ssl;
    struct green_tls_config *config;
    char *host;          /* a client's server, or NULL */
    const char *refusal; /* why a certificate that was verified is refused */
};

#endif
