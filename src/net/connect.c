#include "net/connect.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <string.h>

#include <greenhub/io.h>
#include <greenhub/socket.h>

#include "base/self.h"

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

/* The first address of the same family. */
static int bind_inet(int fd, int family, const struct green__addresses *from)
{
    const struct green_socket_address *local = from->list;
    int one = 1;

    while (local < from->list + from->count &&
           local->at.any.sa_family != family)
        local++;
    if (local == from->list + from->count)
        return green__refuse(EAFNOSUPPORT);
    /* A port is chosen when it is known where to: there are more then. */
    green_setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
    return bind(fd, &local->at.any, local->length);
}

static int bind_local(int fd, int family, const struct green__connect *how)
{
    if (family == AF_UNIX)
        return how->from_unix
                   ? bind(fd, &how->from_unix->at.any, how->from_unix->length)
                   : 0;
    return how->from ? bind_inet(fd, family, how->from) : 0;
}

static int prepare_stream(int fd, const struct green__connect *how)
{
    int one = 1;

    green_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    /* A kernel that lacks it connects as usual. */
    if (how->fast_open)
        green_setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one,
                         sizeof one);
    return how->keepalive ? green_set_keepalive(fd, how->keepalive) : 0;
}

int green__connect_to(int type, const struct sockaddr *address,
                      socklen_t length, const struct green__connect *how)
{
    const bool is_tcp = type == SOCK_STREAM && address->sa_family != AF_UNIX;
    int fd = green_socket(address->sa_family, type | SOCK_CLOEXEC, 0), error;

    if (fd < 0)
        return -1;
    if ((!is_tcp || prepare_stream(fd, how) == 0) &&
        bind_local(fd, address->sa_family, how) == 0 &&
        green_connect(fd, address, length) == 0)
        return is_tcp && is_connected_to_itself(fd, address, length)
                   ? refuse_self_connection(fd)
                   : fd;
    error = errno;
    green_close(fd);
    return green__refuse(error);
}
