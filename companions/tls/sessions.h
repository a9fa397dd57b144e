/*
 * The sessions that a client may resume: the last of each of a few hosts. Those of TLS
 * 1.3 are used once.
 */
#ifndef TLS_SESSIONS_H
#define TLS_SESSIONS_H

#include <openssl/ssl.h>

#define GREEN__TLS_SESSIONS 32

struct green__tls_session {
    char *host;
    SSL_SESSION *session;
};

/* All zero: none. */
struct green__tls_sessions {
    struct green__tls_session kept[GREEN__TLS_SESSIONS]; /* newest first */
    int count;
};

struct green__tls;

void green__tls_sessions_clear(struct green__tls_sessions *sessions);

/* Offers the host's session to the server, if one is known. */
void green__tls_sessions_offer(struct green__tls *tls);

/* Makes OpenSSL give a client's sessions to its configuration. */
void green__tls_sessions_use(SSL_CTX *context);

#endif
