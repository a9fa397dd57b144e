/*
 * What OpenSSL reads from and writes to: memory.
 *
 *     socket --recv--> in --> SSL --> the program's bytes
 *     socket <--send-- out <-- SSL <-- the program's bytes
 *
 * `in` is the buffer of the call that received: it is filled with no more than OpenSSL
 * wants to have, so that nothing is left when that call returns. `out` grows as needed
 * and is freed when it has been sent; OpenSSL never has to wait for room in it.
 */
#ifndef TLS_WIRE_H
#define TLS_WIRE_H

#include <stdbool.h>
#include <stddef.h>

#include <openssl/ssl.h>

struct green__tls_wire {
    const unsigned char *in;
    size_t in_size;
    size_t
        wanted; /* the bytes that OpenSSL wanted last, when there were none */
    unsigned char *out;
    size_t out_size, out_room;
};

/* Gives an SSL its wire. 0, or -1: there is no memory. */
int green__tls_wire_attach(struct green__tls_wire *wire, SSL *ssl);

/* Makes room for so many bytes, encrypted. 0, or -1: there is no memory. */
int green__tls_wire_reserve(struct green__tls_wire *wire, size_t size);

void green__tls_wire_free(struct green__tls_wire *wire);

#endif
