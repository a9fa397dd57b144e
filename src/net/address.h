/* Addresses as text, and as socket addresses. */
#ifndef GREEN_ADDRESS_H
#define GREEN_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>
#include <sys/un.h>

/* A DNS name has at most 255 bytes; a scope ("%eth0") fits as well. */
#define GREEN__HOST_SIZE 256

enum green__scheme {
    GREEN__TCP,
    GREEN__TCP6,
    GREEN__UDP,
    GREEN__UDP6,
    GREEN__UNIX,
};

/* One socket address. */
struct green__endpoint {
    socklen_t length;
    bool datagram; /* of a SOCK_DGRAM socket: udp, not tcp */
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
        struct sockaddr_un local;
        struct sockaddr_storage storage;
    } at;
};

/* A parsed address. */
struct green__address {
    enum green__scheme scheme;
    char host[GREEN__HOST_SIZE];  /* tcp, udp: without brackets, or "*" */
    uint16_t port;                /* tcp, udp */
    struct green__endpoint local; /* unix */
    const char *why; /* why it cannot be resolved; NULL: see errno */
};

/* "*": all addresses of this machine. */
bool green__address_is_any(const struct green__address *address);

/* tcp6 and udp6: IPv6 only. */
bool green__address_is_v6(const struct green__address *address);

/* SOCK_STREAM or SOCK_DGRAM. */
int green__address_type(const struct green__address *address);

/* Whether a socket of the one can be bound or connected to the other. */
bool green__address_goes_with(const struct green__address *a,
                              const struct green__address *b);

/*
 * Parses "tcp://HOST:PORT" and the like; resolves no names. Returns 0, or -1
 * with EINVAL.
 */
int green__address_parse(const char *text, struct green__address *address);

/*
 * Formats a socket address so that green__address_parse understands it. An
 * IPv4-mapped IPv6 address becomes IPv4, a file "@name" becomes "./@name", a
 * unix socket without a name becomes "unix://".
 *
 * Returns the length without the '\0', or -1: ENOSPC, EAFNOSUPPORT.
 */
int green__address_format(const struct green__endpoint *endpoint, char *buffer,
                          size_t size);

#endif
