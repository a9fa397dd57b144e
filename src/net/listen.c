#include <greenhub/net.h>

#include <errno.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <greenhub/io.h>

#include "base/reserved.h"
#include "base/self.h"
#include "base/system.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/words.h"

#define DEFAULT_BACKLOG 4096

static int set_flag(int fd, int level, int name, int value)
{
    return green_setsockopt(fd, level, name, &value, sizeof value);
}

/* Closes fd and returns -1; keeps errno. */
static int abandon(int fd)
{
    int error = errno;

    green_close(fd);
    return green__refuse(error);
}

static int listen_on(int fd, const struct green_listen_options *options)
{
    if (listen(fd, options->backlog ? options->backlog : DEFAULT_BACKLOG) < 0)
        return abandon(fd);
    return fd;
}

/* ---- TCP ------------------------------------------------------------- */

/* `v6_only`: 0 or 1; ignored for IPv4. */
static int bind_tcp(const struct sockaddr *address, socklen_t length,
                    int v6_only, const struct green_listen_options *options)
{
    int fd = green_socket(address->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (!options->no_reuse_address &&
        set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
        return abandon(fd);
    if (options->reuse_port && set_flag(fd, SOL_SOCKET, SO_REUSEPORT, 1) < 0)
        return abandon(fd);
    if (address->sa_family == AF_INET6 &&
        set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only) < 0)
        return abandon(fd);
    /* Accepted sockets inherit it, even those that wait in the backlog. */
    if (set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
        return abandon(fd);
    if (bind(fd, address, length) < 0)
        return abandon(fd);
    return listen_on(fd, options);
}

/* Listens at all addresses: one IPv6 socket serves IPv4 too, unless the machine
 * has no IPv6. */
static int listen_any(const struct green__address *address,
                      const struct green_listen_options *options)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(address->port),
                              .sin6_addr = IN6ADDR_ANY_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(address->port),
                             .sin_addr = {.s_addr = htonl(INADDR_ANY)}};
    int fd = bind_tcp((struct sockaddr *)&v6, sizeof v6,
                      address->scheme == GREEN__TCP6, options);

    if (fd >= 0 || address->scheme == GREEN__TCP6 ||
        (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    return bind_tcp((struct sockaddr *)&v4, sizeof v4, 0, options);
}

static int listen_tcp(struct green__address *address,
                      const struct green_listen_options *options)
{
    struct addrinfo *found, *at;
    int fd = -1, error;

    if (green__address_is_any(address))
        return listen_any(address, options);
    if (green__resolve(address, true, &found) < 0)
        return -1;
    for (at = found; at && fd < 0; at = at->ai_next)
        fd = bind_tcp(at->ai_addr, at->ai_addrlen, 1, options);
    error = errno;
    freeaddrinfo(found);
    errno = error;
    return fd;
}

/* ---- Unix ------------------------------------------------------------ */

/*
 * Whether a dead server left this socket file. The test socket is non-blocking:
 * connect would wait for a live server with a full backlog.
 */
static bool is_stale(const struct green__endpoint *local)
{
    struct stat status;
    bool refused;
    int fd;

    if (local->at.local.sun_path[0] == '\0' ||
        lstat(local->at.local.sun_path, &status) < 0 ||
        !S_ISSOCK(status.st_mode))
        return false;
    fd = green__system.socket(AF_UNIX,
                              SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return false;
    refused = green__system.connect(fd, &local->at.any, local->length) < 0 &&
              errno == ECONNREFUSED;
    green__system.close(fd);
    return refused;
}

static int listen_unix(const struct green__endpoint *local,
                       const struct green_listen_options *options)
{
    int fd = green_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (bind(fd, &local->at.any, local->length) == 0)
        return listen_on(fd, options);
    if (errno != EADDRINUSE)
        return abandon(fd);
    if (!is_stale(local)) {
        errno = EADDRINUSE;
        return abandon(fd);
    }
    if (unlink(local->at.local.sun_path) < 0 && errno != ENOENT)
        return abandon(fd);
    if (bind(fd, &local->at.any, local->length) < 0)
        return abandon(fd);
    return listen_on(fd, options);
}

int green_listen(const char *text, const struct green_listen_options *options)
{
    static const struct green_listen_options defaults;
    struct green__address address;
    int fd;

    if (!options)
        options = &defaults;
    if (options->backlog < 0) {
        errno = EINVAL;
        return green__net_fail(text, "the backlog is below 0");
    }
    if (!GREEN__RESERVED_IS_ZERO(options)) {
        errno = EINVAL;
        return green__net_fail(text, "a reserved word is not zero");
    }
    if (green__address_parse(text, &address) < 0)
        return green__net_fail(text, NULL);
    fd = address.scheme == GREEN__UNIX ? listen_unix(&address.local, options)
                                       : listen_tcp(&address, options);
    return fd < 0 ? green__net_fail(text, address.why) : fd;
}
