/* What the tests of TLS streams share: a client and a server in one process, over a pair of
 * sockets; and what lies between them. */
#ifndef TESTS_TLS_PAIR_H
#define TESTS_TLS_PAIR_H

#include <greenhub/tls.h>

#include "tls_support.h"

/* One end: how it is made, and what came of it. */
struct tls_end {
    int fd;
    struct green_tls_config *config;
    const char *host; /* of a client; NULL: this is the server */
    struct green_stream *stream;
    int error;
    char reason[320];
    struct green_thread *thread;
};

/* A config of these options; a failure fails the case. */
struct green_tls_config *tls_config(const struct green_tls_options *options);

/* That of NAME, and of a client that trusts "ca". */
struct green_tls_config *tls_server_config(const char *name);
struct green_tls_config *tls_client_config(void);

/* Begins the handshake of an end in a greenthread, and waits for it. */
void tls_begin(struct tls_end *end);
void tls_await(struct tls_end *end);

/* Both handshakes, over a pair of TCP sockets: whatever comes of them. */
void tls_meet(struct tls_end *client, struct tls_end *server);

/* As tls_meet, with the good server and host.test; both succeed. */
void tls_pair(struct green_stream *streams[2]);

/* Closes what is open of an end: its stream, or its descriptor. */
void tls_drop(struct tls_end *end);

/* Reads exactly these bytes. */
void tls_expect(struct green_stream *stream, const void *bytes, size_t size);

/* The versions of TLS, for the loops of tests, and tls_at_most. */
extern const char *const tls_versions[2];

/* So many bytes, of which none is like its neighbour; free them. */
unsigned char *tls_pattern(size_t size);

/* For greenthreads: writes the bytes, or reads exactly them. */
struct tls_load {
    struct green_stream *stream;
    unsigned char *bytes;
    size_t size;
};
void *tls_writes(void *load);
void *tls_reads(void *load);

#endif
