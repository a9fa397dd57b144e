#include <greenhub/net.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

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
 * A socket that connects to a port of this machine from which nobody listens may be
 * given that very port, and TCP connects it to itself.
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
    peer.length = sizeof peer.at; /* what was asked for may be any address */
    return getpeername(fd, &peer.at.any, &peer.length) == 0 &&
           peer.length == local.length &&
           memcmp(&peer.at, &local.at, local.length) == 0;
}

/* At once and without a trace, so that the port is free for who is to listen. */
static int refuse_itself(int fd)
{
    const struct linger at_once = {.l_onoff = 1};

    green_setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    green_close(fd);
    return green__refuse(ECONNREFUSED);
}

static int dial_one(const struct sockaddr *address, socklen_t length)
{
    int one = 1, error;
    int fd = green_socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (address->sa_family != AF_UNIX)
        green_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (green_connect(fd, address, length) == 0)
        return is_connected_to_itself(fd, address, length) ? refuse_itself(fd)
                                                           : fd;
    error = errno;
    green_close(fd);
    return green__refuse(error);
}

/* The caller is to end, and not to try what is left. (A connection may time out by
 * itself, too.) */
static bool is_to_end(void)
{
    const struct green_thread *thread = green__current();

    return errno == ECANCELED || (errno == ETIMEDOUT && thread &&
                                  green__interruption(thread) == ETIMEDOUT);
}

static int dial_tcp(struct green__address *address)
{
    struct addrinfo *found, *at;
    int fd = -1, error;

    if (address->port == 0 || green__address_is_any(address)) {
        errno = EINVAL; /* somewhere to listen, nothing to connect to */
        return -1;
    }
    if (green__resolve(address, false, &found) < 0)
        return -1;
    for (at = found; at && fd < 0; at = at->ai_next) {
        fd = dial_one(at->ai_addr, at->ai_addrlen);
        if (fd < 0 && is_to_end())
            break;
    }
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

int green_dial(const char *text)
{
    struct green__address address;
    int fd;

    if (green__address_parse(text, &address) < 0)
        return green__net_fail(text, NULL);
    if (green__hub_get() == NULL)
        return green__net_fail(text, green_hub_error());
    fd = address.scheme == GREEN__UNIX
             ? dial_one(&address.local.at.any, address.local.length)
             : dial_tcp(&address);
    return fd < 0 ? green__net_fail(text, address.why) : fd;
}
