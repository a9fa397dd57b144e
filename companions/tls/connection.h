/*
 * One connection. OpenSSL reads and writes memory alone (wire.h); what it wants to be sent
 * or received is sent and received between its calls. So no greenthread is ever parked, nor
 * lets others run, inside OpenSSL, whose queue of errors is the OS thread's and not the
 * greenthread's; and each of its calls is done when it returns, so that one greenthread may
 * read while another writes.
 */
#ifndef TLS_CONNECTION_H
#define TLS_CONNECTION_H

#include <openssl/ssl.h>

#include <greenhub.h>
#include <greenhub/tls.h>

#include "config.h"
#include "wire.h"

/* A call of OpenSSL has failed: why. */
struct green__tls_failure {
    unsigned long code;
    long verified;
    const char *refusal;
};

struct green__tls {
    struct green_stream stream; /* its fd is -1 once it is closed */
    SSL *ssl;
    struct green_tls_config *config;
    struct green__tls_wire wire;
    size_t answers; /* bytes in wire.out that reads have left there */
    struct green_lock reading, writing; /* of who reads, who writes */
    struct green_lock sending;          /* of who empties wire.out */
    unsigned users; /* its owner, and the calls that are going on */
    int broken;     /* what each further write fails with; 0: nothing */
    bool finished;  /* our close_notify was written */
    bool failed;    /* OpenSSL has, for ever; why: */
    struct green__tls_failure failure;
    char *protocol;      /* by ALPN; NULL if none */
    char *host;          /* a client's server, or NULL */
    const char *refusal; /* why a certificate that was verified is refused */
};

/* NULL with errno and words. */
struct green__tls *green__tls_client(int fd, struct green_tls_config *config,
                                     const char *host);
struct green__tls *green__tls_server(int fd, struct green_tls_config *config);

/* Calls that go on when it is closed still have it. */
void green__tls_release(struct green__tls *tls);

/* 0, or -1 with errno and words: also ETIMEDOUT after the configuration's time. */
int green__tls_handshake(struct green__tls *tls);

/* As read(2) and writev(2). */
ssize_t green__tls_read(struct green__tls *tls, void *buffer, size_t size);
ssize_t green__tls_writev(struct green__tls *tls, const struct iovec *parts,
                          int count);

/* Whether a read would return at once with bytes that have been received. */
size_t green__tls_pending(struct green__tls *tls);

/* Says that nothing more will be written. As shutdown(2). */
int green__tls_finish(struct green__tls *tls);

/* Says so if it can be said at once, and closes the descriptor. As close(2). */
int green__tls_close(struct green__tls *tls);

/* ---- Between its files --------------------------------------------------- */

/* One call of OpenSSL, that may have to be repeated with more input. */
struct green__tls_step {
    int (*call)(SSL *ssl, struct green__tls_step *step);
    void *buffer;
    size_t size;
    size_t done;
    bool deep; /* it needs much stack */
};

/* Repeats the call, receiving in between, until it succeeds. 1; 0 at the end, by the peer's
 * close_notify; or -1 with errno and words. */
int green__tls_run(struct green__tls *tls, struct green__tls_step *step);

/* Sends what OpenSSL has written. 0, or -1 with errno and words. */
int green__tls_flush(struct green__tls *tls);

/* Sends as much of it as can be sent at once. */
void green__tls_flush_now(struct green__tls *tls);

/* OpenSSL has failed: records why, before others run. */
void green__tls_note_failure(struct green__tls *tls);

/* Sends the alert, if that can be done at once. Nothing can be written any more. */
void green__tls_send_alert(struct green__tls *tls);

/* Sets errno and words by that. Returns -1. */
int green__tls_fail_again(const struct green__tls *tls);

#endif
