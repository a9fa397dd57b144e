/*
 * Names: the addresses of a host, the name of an address, and the resolver that
 * looks them up. The system's resolver, on a few OS threads of the library's
 * own, is the default. A program may use another one for the whole process:
 * green_use_resolver, or green_use_dns of greenhub/dns.h.
 *
 * Numeric hosts ("192.0.2.1", "fe80::1%eth0") are answered at once, by no
 * resolver.
 */
#ifndef GREENHUB_RESOLVE_H
#define GREENHUB_RESOLVE_H

#include <greenhub/base.h>

#include <netinet/in.h>
#include <sys/socket.h>

GREEN_BEGIN_DECLS

struct addrinfo; /* <netdb.h> */

/* An address of a host, with a port. */
struct green_socket_address {
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } at;
    socklen_t length;
};

/* ---- Look-ups -------------------------------------------------------- */

/* Zero-initialise it; 0 selects the default. */
struct green_resolve_options {
    int family;           /* AF_INET or AF_INET6; default: both */
    uint16_t port;        /* of the addresses */
    green_time timeout;   /* default: none */
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Looks up the addresses of a host, best first (RFC 6724), and stores as many
 * as fit in `addresses`, which may be NULL if room is 0. options may be NULL.
 * Returns the number of addresses, at least 1, which may be larger than room;
 * or -1: ENOENT (no such host, or it has no such address), EAGAIN (it could not
 * be looked up now), EINVAL (host is NULL, empty or over 255 bytes, or options
 * are invalid), EAFNOSUPPORT (unknown family), ETIMEDOUT, ECANCELED, EDEADLK in
 * a hub's callback, ENOMEM, and the errors of green_get_hub; green_net_error()
 * gives the error in words. May switch. From any thread.
 */
GREEN_API int green_resolve(const char *host,
                            const struct green_resolve_options *options,
                            struct green_socket_address *addresses,
                            size_t room);

/*
 * getaddrinfo(3), with the same results; free them with freeaddrinfo(3).
 * Numeric addresses are answered at once; a resolver looks up names. hints may
 * be NULL.
 * Returns 0, or a code for gai_strerror(3). EAI_SYSTEM also covers, with errno,
 * ECANCELED, ETIMEDOUT, EDEADLK in a hub's callback, EAGAIN if no OS thread is
 * available, EINVAL if found is NULL, and the errors of green_get_hub. May
 * switch.
 */
GREEN_API int green_getaddrinfo(const char *node, const char *service,
                                const struct addrinfo *hints,
                                struct addrinfo **found);

/*
 * getnameinfo(3), with the same results. With NI_NUMERICHOST, or without a
 * host, it is answered at once; otherwise a resolver looks up the name.
 * Returns 0, or a code for gai_strerror(3): EAI_OVERFLOW if a result does not
 * fit. EAI_SYSTEM also covers, with errno, what green_getaddrinfo says. May
 * switch.
 */
GREEN_API int green_getnameinfo(const struct sockaddr *address,
                                socklen_t length, char *host,
                                socklen_t host_size, char *service,
                                socklen_t service_size, int flags);

/* ---- Resolvers ------------------------------------------------------- */

/* One look-up of a resolver: a question, and room for the answer. */
struct green_look_up {
    const char *host;                       /* a name, never a number */
    int family;                             /* AF_INET or AF_INET6 */
    struct green_socket_address *addresses; /* the answer; ports stay 0 */
    size_t room;
    char canonical[256]; /* the host's canonical name; "": unknown */
    uint64_t reserved[4];
};

/*
 * A resolver. Zero-initialise it. The library calls its functions in the
 * greenthread that asks, or in one that it spawns to ask for the other family
 * at the same time. They may switch, on any OS thread, several at once; a kill
 * or a timeout makes them fail, by the green call in which they wait. The
 * library puts the addresses of both families in order (RFC 6724).
 */
struct green_resolver {
    const char *name;
    /*
     * Returns how many addresses of the family the host has; if they do not fit
     * in the room, the library asks again with more. Or -1: ENOENT (no such
     * name), ENODATA (the name has no address of the family), EAGAIN (no answer
     * now), or another error, which callers get as it is.
     */
    int (*look_up)(struct green_look_up *look_up);
    /*
     * Writes the name of an address, with its '\0'. Returns 0, or -1: ENOENT
     * (it has none), EAGAIN, ENOSPC, or another error. May be NULL: then
     * addresses have no names.
     */
    int (*look_up_name)(const struct green_socket_address *address, char *name,
                        size_t size);
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Makes the whole process look up names by another resolver, which must stay
 * valid; NULL: by the system's. Look-ups that have begun are not affected.
 * Returns 0, or -1: EINVAL if the resolver has no look_up, or a reserved word
 * is not zero. Never switches. From any thread.
 */
GREEN_API int green_use_resolver(const struct green_resolver *resolver);

GREEN_END_DECLS

#endif
