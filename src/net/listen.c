#include <greenhub/net.h>

#include <errno.h>
#include <limits.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/socket.h>

#include "base/reserved.h"
#include "base/self.h"
#include "base/system.h"
#include "net/address.h"
#include "net/listeners.h"
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

/* ---- TCP and UDP ----------------------------------------------------- */

/* `v6_only`: 0 or 1; ignored for IPv4. */
static int share_port(int fd, int type, int family, int v6_only,
                      const struct green_listen_options *options)
{
    /* With SO_REUSEADDR, two UDP sockets can have the same port, and the later
     * one takes the datagrams of the other. */
    if (type == SOCK_STREAM && !options->no_reuse_address &&
        set_flag(fd, SOL_SOCKET, SO_REUSEADDR, 1) < 0)
        return -1;
    if (options->reuse_port && green__listener_share_port(fd) < 0)
        return -1;
    return family == AF_INET6 ? set_flag(fd, IPPROTO_IPV6, IPV6_V6ONLY, v6_only)
                              : 0;
}

/* Accepted sockets inherit these, even those that wait in the backlog. */
static int prepare_stream(int fd, const struct green_listen_options *options)
{
    if (set_flag(fd, IPPROTO_TCP, TCP_NODELAY, 1) < 0)
        return -1;
    if (options->keepalive && green_set_keepalive(fd, options->keepalive) < 0)
        return -1;
    return options->fast_open ? set_flag(fd, IPPROTO_TCP, TCP_FASTOPEN,
                                         (int)options->fast_open)
                              : 0;
}

static int bind_inet(int type, const struct sockaddr *address, socklen_t length,
                     int v6_only, const struct green_listen_options *options)
{
    int fd = green_socket(address->sa_family, type | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return -1;
    if (share_port(fd, type, address->sa_family, v6_only, options) < 0)
        return abandon(fd);
    if (type == SOCK_STREAM && prepare_stream(fd, options) < 0)
        return abandon(fd);
    if (bind(fd, address, length) < 0)
        return abandon(fd);
    return type == SOCK_STREAM ? listen_on(fd, options) : fd;
}

/* Listens at all addresses: one IPv6 socket serves IPv4 too, unless the machine
 * has no IPv6. */
static int listen_any(const struct green__address *address,
                      const struct green_listen_options *options)
{
    const int type = green__address_type(address);
    const bool v6_only = green__address_is_v6(address);
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6,
                              .sin6_port = htons(address->port),
                              .sin6_addr = IN6ADDR_ANY_INIT};
    struct sockaddr_in v4 = {.sin_family = AF_INET,
                             .sin_port = htons(address->port),
                             .sin_addr = {.s_addr = htonl(INADDR_ANY)}};
    int fd =
        bind_inet(type, (struct sockaddr *)&v6, sizeof v6, v6_only, options);

    if (fd >= 0 || v6_only || (errno != EAFNOSUPPORT && errno != EADDRNOTAVAIL))
        return fd;
    return bind_inet(type, (struct sockaddr *)&v4, sizeof v4, 0, options);
}

static int listen_inet(struct green__address *address,
                       const struct green_listen_options *options)
{
    const int type = green__address_type(address);
    struct green__addresses found = {0};
    int fd = -1;

    if (green__address_is_any(address))
        return listen_any(address, options);
    if (green__address_resolve(address, true, &found) == 0)
        for (size_t i = 0; i < found.count && fd < 0; i++)
            fd = bind_inet(type, &found.list[i].at.any, found.list[i].length, 1,
                           options);
    green__addresses_clear(&found);
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

/* Why the options are invalid, in words; NULL if they are valid. */
static const char *refused(const struct green_listen_options *options)
{
    if (options->backlog < 0)
        return "the backlog is below 0";
    if (options->fast_open > INT_MAX)
        return "the number of fast open requests is too large";
    if (!GREEN__RESERVED_IS_ZERO(options))
        return "a reserved word is not zero";
    return NULL;
}

/* Options that would have no effect: the caller must not rely on them. */
static const char *refused_for(const struct green__address *address,
                               const struct green_listen_options *options)
{
    bool is_tcp =
        address->scheme == GREEN__TCP || address->scheme == GREEN__TCP6;

    return !is_tcp && (options->fast_open || options->keepalive)
               ? "fast open and keepalive are TCP's"
               : NULL;
}

static int fail_invalid(const char *text, const char *why)
{
    errno = EINVAL;
    return green__net_fail(text, why);
}

int green_listen(const char *text, const struct green_listen_options *options)
{
    static const struct green_listen_options defaults;
    struct green__address address;
    const char *why;
    int fd;

    if (!options)
        options = &defaults;
    why = refused(options);
    if (why)
        return fail_invalid(text, why);
    if (green__address_parse(text, &address) < 0)
        return green__net_fail(text, NULL);
    why = refused_for(&address, options);
    if (why)
        return fail_invalid(text, why);
    fd = address.scheme == GREEN__UNIX ? listen_unix(&address.local, options)
                                       : listen_inet(&address, options);
    return fd < 0 ? green__net_fail(text, address.why) : fd;
}
