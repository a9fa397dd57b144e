/*
 * TLS on OpenSSL 3, in a library of its own, libgreenhub-tls. greenhub.h does
 * not include this header.
 *
 * A configuration says who this side is and whom it trusts. It serves as many
 * connections as wanted, of any OS thread, as client and as server. All zero it
 * is that of a careful client: TLS 1.2 or newer, the server's certificate
 * checked by the system's authorities and by the name of the host.
 *
 * Always so: TLS 1.2 with forward secrecy and authenticated ciphers, or TLS
 * 1.3; no renegotiation, no compression, no early data. Servers give tickets,
 * whose keys change every hour, and clients resume sessions by them.
 */
#ifndef GREENHUB_TLS_H
#define GREENHUB_TLS_H

#include <greenhub/base.h>
#include <greenhub/stream.h>

GREEN_BEGIN_DECLS

/* ---- Configurations --------------------------------------------------- */

struct green_tls_config;
struct ssl_st; /* OpenSSL's SSL */

/*
 * Zero-initialise it; 0 and NULL select the defaults. Files are in PEM unless
 * the line says otherwise. All strings are copied.
 */
struct green_tls_options {
    const char *certificate; /* this side's own chain, its own first; a server
                              * needs one */
    const char *key;         /* its private key, not encrypted; default: in the
                              * certificate's file */
    const char *authorities; /* whom to trust: a file of certificates, or a
                              * folder made by openssl rehash. Default: the
                              * system's */
    const char *staple;      /* a server's own OCSP response, in DER, which it
                              * sends until that expires */
    const char *const *protocols; /* by ALPN, best first, ended by NULL. A
                                   * server refuses a client that offers others
                                   * only. Default: none */
    bool require_client;          /* a server wants a client certificate that
                              * `authorities` have signed */
    bool require_staple;          /* a client wants a good OCSP response */
    bool insecure_no_verify;      /* a client trusts anyone */
    bool keylog; /* append the secrets of all connections to the file that the
                  * environment variable SSLKEYLOGFILE names */
    green_time handshake_timeout; /* default: 10 s */
    /*
     * For a server with several names: returns the configuration for the name
     * that the client asks for, NULL if it gives none. With NULL, the server
     * stays with its own. Runs inside OpenSSL: it must not switch.
     */
    struct green_tls_config *(*choose)(const char *server_name, void *arg);
    void *arg;            /* for choose */
    uint64_t reserved[8]; /* must be zero */
};

/*
 * Makes a configuration, and reads its files; that blocks the OS thread. NULL
 * for the options: all defaults.
 * Returns it, or NULL: EINVAL (an option or what a file holds is not valid, the
 * key is not that of the certificate, require_client without authorities, a
 * reserved word is not zero), ENOMEM, and the errors of open(2) and read(2) for
 * a file. green_tls_reason() says it in words.
 * Never switches. From any thread.
 */
GREEN_API struct green_tls_config *
green_tls_config_create(const struct green_tls_options *options);

/*
 * Reads the files again. If all are valid, handshakes that begin from now on
 * use what they hold; otherwise nothing changes. Connections are not affected.
 * Sessions are resumed afterwards only if certificate and authorities are the
 * same as before.
 * Returns 0, or -1 with the errors of green_tls_config_create, and EINVAL for
 * NULL. Never switches; blocks the OS thread while it reads. From any thread,
 * but not from signal handlers.
 */
GREEN_API int green_tls_config_reload(struct green_tls_config *config);

/*
 * Frees a configuration. Connections that were made with it live on. NULL is
 * allowed. Never switches. From any thread.
 */
GREEN_API void green_tls_config_free(struct green_tls_config *config);

/* ---- Connections ------------------------------------------------------- */

/*
 * Makes a connected descriptor a stream, by a handshake as client. `host` is the
 * name, or the address, that the server's certificate must be for; it is sent
 * to the server if it is a name. It may be NULL with insecure_no_verify alone.
 * The descriptor must not be non-blocking (O_NONBLOCK). From now on it is the
 * stream's, and green_stream_close closes both; but if this call fails, it is
 * still the caller's, who can only close it.
 * Returns the stream, or NULL; green_tls_reason() says it in words:
 *   EKEYREJECTED  the server's certificate is not trusted
 *   EPROTO        the server refused, does not speak TLS, or has nothing in
 *                 common with this side
 *   ECONNRESET    the connection ended during the handshake
 *   ETIMEDOUT     the handshake took longer than handshake_timeout
 *   EINVAL        config is NULL, or host is and must not be
 *   ENOMEM, and the errors of green_recv and green_send.
 * May switch. Mirrors ssl.wrap_socket.
 */
GREEN_API struct green_stream *
green_tls_client(int fd, struct green_tls_config *config, const char *host);

/*
 * Like green_tls_client, as server. Also fails with EKEYREJECTED if the client's
 * certificate is not trusted or missing, and with EINVAL if the configuration
 * has no certificate and cannot choose another. May switch.
 */
GREEN_API struct green_stream *
green_tls_server(int fd, struct green_tls_config *config);

/*
 * TLS streams are used as all streams are. Besides what others do:
 * - Any call may write and read the descriptor. Of several greenthreads one
 *   reads and one writes at a time; further ones wait.
 * - A read returns 0 when the peer has said that it writes no more
 *   (close_notify), and fails with ECONNRESET if the connection ends without
 *   that: what was read may not be all.
 * - A read that failed with ETIMEDOUT, ECANCELED or EAGAIN can be repeated:
 *   nothing is lost. After a write that failed, whatever the reason, only reads
 *   and green_stream_close make sense: further writes fail.
 * - EPROTO: what came was not TLS, was changed on its way, or was an alert that
 *   says so of what was sent.
 * - green_stream_shutdown(SHUT_WR) sends a close_notify, after which reads go
 *   on; green_stream_close does so if that is possible at once, and never waits
 *   for the peer.
 */

/*
 * Returns the protocol that both sides agreed on by ALPN, valid as long as the
 * stream; NULL: none, or it is no TLS stream. Never switches.
 */
GREEN_API const char *green_tls_protocol(const struct green_stream *stream);

/*
 * Returns how to make TLS streams with a configuration, for code that knows
 * streams alone: green_tls_client where a host is named, else green_tls_server.
 * The configuration must outlive its use. Cannot fail. Never switches.
 */
GREEN_API struct green_stream_wrap
green_tls_wrap(struct green_tls_config *config);

/*
 * Returns OpenSSL's object of a connection (SSL *), to look at, such as by
 * SSL_get0_peer_certificate or SSL_get_version; valid as long as the stream; or
 * NULL: EINVAL if it is no TLS stream. Reading or writing by it is not
 * possible. Never switches.
 */
GREEN_API struct ssl_st *green_tls_ssl(const struct green_stream *stream);

/* ---- What went wrong --------------------------------------------------- */

/*
 * Describes the last failure of a function of this header, or of a TLS stream,
 * on this OS thread, such as "the peer's certificate was not accepted: certificate has
 * expired"; "" if none has failed. A call that succeeds does not change the
 * string.
 * Never NULL. Valid until this OS thread's next such failure: read or copy it
 * before a call that may switch.
 * Never switches.
 */
GREEN_API const char *green_tls_reason(void);

GREEN_END_DECLS

#endif
