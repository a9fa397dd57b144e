/*
 * Certificates for the tests of TLS, made when a program needs them: a folder of files
 * that is removed at the program's end.
 */
#ifndef TESTS_TLS_SUPPORT_H
#define TESTS_TLS_SUPPORT_H

#include <openssl/ssl.h>

#include "support.h"

/* What differs from a good certificate, which "host.test" and 127.0.0.1 own, signed by
 * the authority, valid for a day. */
struct tls_wish {
    const char *name; /* of the files, NAME.crt and NAME.key */
    const char *host; /* whose it is; "host.test" if NULL */
    const char
        *issuer; /* the name of its issuer; "ca" if NULL, itself if its own */
    int from, until; /* in seconds from now; a day's if both are 0 */
    bool must_staple;
};

/* Makes the folder, and in it the authority "ca" and the good certificate "good". */
void tls_files(void);

/* Adds a certificate; its chain, its own first, is NAME.crt. */
void tls_certificate(const struct tls_wish *wish);

/* Writes NAME.ocsp: what "ca" says of NAME, V_OCSP_CERTSTATUS_... */
void tls_response(const char *name, int status, int from, int until);

/* From now on, configurations that are made have this version at most. */
void tls_at_most(const char *version);

/* The path of a file in the folder, valid until the eighth next call. */
const char *tls_path(const char *file);

#endif
