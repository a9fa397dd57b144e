/*
 * The keys of session tickets. They are the configuration's, so that a reload keeps
 * them. Each is used to make tickets for an hour, and to read them for two more.
 */
#ifndef TLS_TICKETS_H
#define TLS_TICKETS_H

#include <openssl/ssl.h>

#include <greenhub.h>

#define GREEN__TLS_TICKET_KEYS 3
#define GREEN__TLS_TICKET_PERIOD (3600 * GREEN_SEC)
/* Any ticket can be read for so long. */
#define GREEN__TLS_TICKET_SECONDS 7200

struct green__tls_ticket_key {
    unsigned char name[16];
    unsigned char cipher[32];
    unsigned char mac[32];
};

/* All zero: no keys yet. */
struct green__tls_tickets {
    struct green__tls_ticket_key
        keys[GREEN__TLS_TICKET_KEYS]; /* newest first */
    int count;
    green_time made_at; /* the newest */
};

void green__tls_tickets_clear(struct green__tls_tickets *tickets);

/* Makes OpenSSL take the keys of the connection's configuration. */
int green__tls_tickets_use(SSL_CTX *context);

#endif
