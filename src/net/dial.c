#include <greenhub/net.h>

#include <errno.h>
#include <netinet/tcp.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "hub/hub.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/words.h"

static int dial_one(const struct sockaddr *address, socklen_t length)
{
    int one = 1, error;
    int fd = green_socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (address->sa_family != AF_UNIX)
        green_setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (green_connect(fd, address, length) == 0)
        return fd;
    error = errno;
    green_close(fd);
    return green__refuse(error);
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
        if (fd < 0 && errno == ECANCELED)
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
