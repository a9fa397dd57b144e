#include <greenhub/net.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "base/reserved.h"
#include "greenthread/scheduler.h"
#include "hub/hub.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/words.h"

static int port_of(const struct green__endpoint *endpoint)
{
    switch (endpoint->at.any.sa_family) {
    case AF_INET:
        return endpoint->at.v4.sin_port;
    case AF_INET6:
        return endpoint->at.v6.sin6_port;
    default:
        return -1;
    }
}

/*
 * TCP may connect a socket to itself: if a port of this machine has no
 * listener, the kernel may give the connecting socket that very port.
 */
static bool is_connected_to_itself(int fd, const struct sockaddr *address,
                                   socklen_t length)
{
    struct green__endpoint local = {.length = sizeof local.at};
    struct green__endpoint peer = {.length = length};

    memcpy(&peer.at, address, length);
    if (getsockname(fd, &local.at.any, &local.length) < 0 ||
        port_of(&local) != port_of(&peer) || port_of(&local) < 0)
        return false;
    peer.length = sizeof peer.at; /* the address asked for may be a wildcard */
    return getpeername(fd, &peer.at.any, &peer.length) == 0 &&
           peer.length == local.length &&
           memcmp(&peer.at, &local.at, local.length) == 0;
}

/* Resets the connection, so that the port is free for a listener at once. */
static int refuse_self_connection(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    green_setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    green_close(fd);
    return green__refuse(ECONNREFUSED);
}

/* Where it is to connect from, of the same family; `from` may be NULL. */
static int bind_local(int fd, int family, const struct addrinfo *from)
{
    int one = 1;

    if (!from)
        return 0;
    while (from && from->ai_family != family)
        from = from->ai_next;
    if (!from)
        return green__refuse(EAFNOSUPPORT);
    /* A port is chosen when it is known where to: there are more then. */
    if (family != AF_UNIX)
        green_setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one,
                         sizeof one);
    return bind(fd, from->ai_addr, from->ai_addrlen);
}

static int dial_one(int type, const struct sockaddr *address, socklen_t length,
                    const struct addrinfo *from)
{
    const bool is_tcp = type == SOCK_STREAM && address->sa_family != AF_UNIX;
    int one = 1, error;
    int fd = green_socket(address->sa_family, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (is_tcp)
        green_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (bind_local(fd, address->sa_family, from) == 0 &&
        green_connect(fd, address, length) == 0)
        return is_tcp && is_connected_to_itself(fd, address, length)
                   ? refuse_self_connection(fd)
                   : fd;
    error = errno;
    green_close(fd);
    return green__refuse(error);
}

/* Whether the caller was killed or timed out, and must not try the other
 * addresses. (A connection may also time out by itself.) */
static bool must_stop(void)
{
    int error = errno; /* the first call makes what greenthreads need */
    const struct green_thread *thread = green__current();

    errno = error;
    return errno == ECANCELED || (errno == ETIMEDOUT && thread &&
                                  green__interruption(thread) == ETIMEDOUT);
}

static int dial_inet(struct green__address *address,
                     const struct addrinfo *from)
{
    const int type = green__address_type(address);
    struct addrinfo *found, *at;
    int fd = -1, error;

    if (address->port == 0 || green__address_is_any(address)) {
        errno = EINVAL; /* an address to listen at, not to connect to */
        return -1;
    }
    if (green__resolve(address, false, &found) < 0)
        return -1;
    for (at = found; at && fd < 0; at = at->ai_next) {
        fd = dial_one(type, at->ai_addr, at->ai_addrlen, from);
        if (fd < 0 && must_stop())
            break;
    }
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

static int dial_from(struct green__address *address,
                     const struct addrinfo *from)
{
    return address->scheme == GREEN__UNIX
               ? dial_one(SOCK_STREAM, &address->local.at.any,
                          address->local.length, from)
               : dial_inet(address, from);
}

/* The same with an address to connect from, as it is written. */
static int dial_from_text(struct green__address *address, const char *text)
{
    struct green__address local;
    struct addrinfo one = {.ai_family = AF_UNIX}, *found;
    int fd, error;

    if (green__address_parse(text, &local) < 0)
        return -1;
    if (!green__address_goes_with(&local, address))
        return green__refuse(EINVAL);
    if (local.scheme == GREEN__UNIX) {
        one.ai_addr = &local.local.at.any;
        one.ai_addrlen = local.local.length;
        return dial_from(address, &one);
    }
    if (green__resolve(&local, true, &found) < 0) {
        address->why = local.why;
        return -1;
    }
    fd = dial_from(address, found);
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

static int dial(const char *text, const char *local)
{
    struct green__address address;
    int fd;

    if (green__address_parse(text, &address) < 0)
        return green__net_fail(text, NULL);
    if (green__hub_get() == NULL)
        return green__net_fail(text, green_hub_error());
    fd = local ? dial_from_text(&address, local) : dial_from(&address, NULL);
    return fd < 0 ? green__net_fail(text, address.why) : fd;
}

int green_dial(const char *text)
{
    return dial(text, NULL);
}

int green_dial_with(const char *text, const struct green_dial_options *options)
{
    struct green_timeout timeout;
    int fd;

    if (!options)
        return dial(text, NULL);
    if (options->timeout < 0 || !GREEN__RESERVED_IS_ZERO(options)) {
        errno = EINVAL;
        return green__net_fail(text, options->timeout < 0
                                         ? "the timeout is below 0"
                                         : "a reserved word is not zero");
    }
    if (options->timeout == 0)
        return dial(text, options->local);
    if (green_timeout_start(&timeout, options->timeout) < 0)
        return green__net_fail(text, NULL);
    fd = dial(text, options->local);
    green_timeout_cancel(&timeout);
    return fd;
}
