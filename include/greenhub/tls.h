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

GREEN_BEGIN_DECLS

/* ---- Configurations --------------------------------------------------- */

struct green_tls_config;

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
