/*
 * The words of green_tls_reason, one string for each OS thread. Each function here
 * sets errno, empties OpenSSL's error queue, and returns -1.
 */
#ifndef TLS_REASON_H
#define TLS_REASON_H

__attribute__((format(printf, 2, 3))) int
green__tls_fail(int error, const char *format, ...);

/* "WHAT: the oldest error in OpenSSL's queue". A system call's error becomes
 * errno, others `error`. */
int green__tls_fail_openssl(int error, const char *what);

/* "WHAT: the words of errno", which stays. */
int green__tls_fail_system(const char *what);

#endif
