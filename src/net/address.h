/* Addresses as text, and as the system's socket addresses. */
#ifndef GREEN_ADDRESS_H
#define GREEN_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* A DNS name has 255 bytes at most; a scope ("%eth0") fits as well. */
#define GREEN__HOST_SIZE 256

enum green__scheme { GREEN__TCP, GREEN__TCP6, GREEN__UNIX };

/* One socket address. */
struct green__endpoint {
    socklen_t length;
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
    } at;
};

/* An address as it is written. */
struct green__address {
    enum green__scheme scheme;
    char host[GREEN__HOST_SIZE];  /* tcp, tcp6: without brackets, or "*" */
    uint16_t port;                /* tcp, tcp6 */
    struct green__endpoint local; /* unix */
    const char *why; /* it cannot be resolved, in words; NULL: errno says it */
};

/* "*": all addresses of this machine. */
bool green__address_is_any(const struct green__address *address);

/*
 * Takes "tcp://HOST:PORT" and its kin apart. Pure: it looks nothing up.
 * Returns 0, or -1 and EINVAL.
 */
int green__address_parse(const char *text, struct green__address *address);

/*
 * Writes a socket address so that green__address_parse understands it; an IPv4
 * address in IPv6's clothes is written as IPv4, a file "@name" as "./@name", a unix
 * socket without a name as "unix://".
 * Returns the length without the '\0', or -1: ENOSPC, EAFNOSUPPORT.
 */
int green__address_format(const struct green__endpoint *endpoint, char *buffer,
                          size_t size);

#endif
