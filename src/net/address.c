#include "net/address.h"

#include <errno.h>
#include <net/if.h>
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <greenhub/net.h>

#include "base/self.h"

bool green__address_is_any(const struct green__address *address)
{
    return strcmp(address->host, "*") == 0;
}

bool green__address_is_v6(const struct green__address *address)
{
    return address->scheme == GREEN__TCP6 || address->scheme == GREEN__UDP6;
}

int green__address_type(const struct green__address *address)
{
    return address->scheme == GREEN__UDP || address->scheme == GREEN__UDP6
               ? SOCK_DGRAM
               : SOCK_STREAM;
}

bool green__address_goes_with(const struct green__address *a,
                              const struct green__address *b)
{
    return (a->scheme == GREEN__UNIX) == (b->scheme == GREEN__UNIX) &&
           green__address_type(a) == green__address_type(b);
}

/* Decimal digits and nothing else: no sign, no space, no service name. */
static int parse_port(const char *text, uint16_t *port)
{
    unsigned value = 0;
    size_t i;

    for (i = 0; text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9' || i == 5)
            return green__refuse(EINVAL);
        value = value * 10 + (unsigned)(text[i] - '0');
    }
    if (i == 0 || value > UINT16_MAX)
        return green__refuse(EINVAL);
    *port = (uint16_t)value;
    return 0;
}

/* "HOST:PORT" or "[HOST]:PORT". */
static int parse_inet(const char *text, struct green__address *address)
{
    const char *host = text, *end, *colon;

    if (text[0] == '[') {
        host = text + 1;
        end = strchr(host, ']');
        if (!end)
            return green__refuse(EINVAL);
        colon = end + 1;
    } else {
        /* Two colons: an IPv6 address that lacks its brackets. */
        end = colon = strchr(host, ':');
        if (!end || strchr(colon + 1, ':'))
            return green__refuse(EINVAL);
    }
    if (*colon != ':' || end == host || end - host >= GREEN__HOST_SIZE)
        return green__refuse(EINVAL);
    memcpy(address->host, host, (size_t)(end - host));
    address->host[end - host] = '\0';
    if (strpbrk(address->host, "/ \t\r\n[]"))
        return green__refuse(EINVAL);
    return parse_port(colon + 1, &address->port);
}

static int parse_unix(const char *path, struct green__address *address)
{
    struct sockaddr_un *local = &address->local.at.local;
    size_t length = strlen(path);
    bool abstract = path[0] == '@';

    /* A path that fills sun_path has no '\0' there; the next byte of the
     * endpoint serves. An abstract name begins with '\0'. */
    if (length == 0 || length > sizeof local->sun_path ||
        (abstract && length == 1))
        return green__refuse(EINVAL);
    local->sun_family = AF_UNIX;
    memcpy(local->sun_path, path, length);
    if (abstract)
        local->sun_path[0] = '\0';
    if (!abstract && length < sizeof local->sun_path)
        length++;
    address->local.length =
        (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
    return 0;
}

int green__address_parse(const char *text, struct green__address *address)
{
    static const struct {
        const char *prefix;
        enum green__scheme scheme;
        int (*parse)(const char *text, struct green__address *address);
    } schemes[] = {
        {"tcp://", GREEN__TCP, parse_inet},
        {"tcp6://", GREEN__TCP6, parse_inet},
        {"udp://", GREEN__UDP, parse_inet},
        {"udp6://", GREEN__UDP6, parse_inet},
        {"unix://", GREEN__UNIX, parse_unix},
    };
    size_t i, length;

    if (!text)
        return green__refuse(EINVAL);
    for (i = 0; i < sizeof schemes / sizeof schemes[0]; i++) {
        length = strlen(schemes[i].prefix);
        if (strncmp(text, schemes[i].prefix, length) != 0)
            continue;
        memset(address, 0, sizeof *address);
        address->scheme = schemes[i].scheme;
        return schemes[i].parse(text + length, address);
    }
    return green__refuse(EINVAL);
}

/* Converts snprintf's result: the length, or -1 with ENOSPC. */
static int written(int length, size_t size)
{
    if (length >= 0 && (size_t)length < size)
        return length;
    return green__refuse(ENOSPC);
}

static const char *transport_of(const struct green__endpoint *endpoint)
{
    return endpoint->datagram ? "udp" : "tcp";
}

static int format_v4(const char *transport, const void *address, in_port_t port,
                     char *buffer, size_t size)
{
    char host[INET_ADDRSTRLEN];

    inet_ntop(AF_INET, address, host, sizeof host);
    return written(
        snprintf(buffer, size, "%s://%s:%u", transport, host, ntohs(port)),
        size);
}

static int format_v6(const char *transport, const struct sockaddr_in6 *v6,
                     char *buffer, size_t size)
{
    char host[INET6_ADDRSTRLEN], scope[IF_NAMESIZE + 1] = "";

    if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
        return format_v4(transport, &v6->sin6_addr.s6_addr[12], v6->sin6_port,
                         buffer, size);
    inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof host);
    /* A link-local address is useless without its interface. */
    if (v6->sin6_scope_id != 0 && if_indextoname(v6->sin6_scope_id, scope + 1))
        scope[0] = '%';
    return written(snprintf(buffer, size, "%s://[%s%s]:%u", transport, host,
                            scope, ntohs(v6->sin6_port)),
                   size);
}

/* Whether an abstract name can be written as text: "unix://@" is no name. */
static bool is_string(const char *name, size_t length)
{
    return length > 1 && memchr(name + 1, '\0', length - 1) == NULL;
}

static int format_unix(const struct green__endpoint *endpoint, char *buffer,
                       size_t size)
{
    const char *path = endpoint->at.local.sun_path, *begin = "";
    size_t start = offsetof(struct sockaddr_un, sun_path);
    size_t length = endpoint->length > start ? endpoint->length - start : 0;
    bool abstract = length > 0 && path[0] == '\0';

    if (!abstract)
        length = strnlen(path, length);
    if (abstract)
        begin = "@";
    else if (length > 0 && path[0] == '@')
        begin = "./"; /* a file, not an abstract name */
    if (abstract ? !is_string(path, length)
                 : strlen(begin) + length > sizeof endpoint->at.local.sun_path)
        return green__refuse(EAFNOSUPPORT);
    return written(snprintf(buffer, size, "unix://%s%.*s", begin,
                            (int)(length - abstract), path + abstract),
                   size);
}

int green__address_format(const struct green__endpoint *endpoint, char *buffer,
                          size_t size)
{
    switch (endpoint->at.any.sa_family) {
    case AF_INET:
        return format_v4(transport_of(endpoint), &endpoint->at.v4.sin_addr,
                         endpoint->at.v4.sin_port, buffer, size);
    case AF_INET6:
        return format_v6(transport_of(endpoint), &endpoint->at.v6, buffer,
                         size);
    case AF_UNIX:
        return format_unix(endpoint, buffer, size);
    default:
        return green__refuse(EAFNOSUPPORT);
    }
}

static int address_of(int fd, char *buffer, size_t size,
                      int (*name)(int, struct sockaddr *, socklen_t *))
{
    struct green__endpoint endpoint = {.length = sizeof endpoint.at};
    int type = SOCK_STREAM;
    socklen_t length = sizeof type;

    if (!buffer)
        return green__refuse(EINVAL);
    if (name(fd, &endpoint.at.any, &endpoint.length) < 0 ||
        getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) < 0)
        return -1;
    endpoint.datagram = type == SOCK_DGRAM;
    return green__address_format(&endpoint, buffer, size);
}

/* glibc declares these two with a transparent union, so wrap them. */
static int local_name(int fd, struct sockaddr *address, socklen_t *length)
{
    return getsockname(fd, address, length);
}

static int peer_name(int fd, struct sockaddr *address, socklen_t *length)
{
    return getpeername(fd, address, length);
}

int green_local_address(int fd, char *buffer, size_t size)
{
    return address_of(fd, buffer, size, local_name);
}

int green_peer_address(int fd, char *buffer, size_t size)
{
    return address_of(fd, buffer, size, peer_name);
}
