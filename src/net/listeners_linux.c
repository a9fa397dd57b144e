/*
 * Listeners of OS threads on Linux: new sockets at the same port, so that the kernel
 * spreads the connections among them; for a unix socket, duplicates of the
 * descriptor. See listeners.h.
 */
#include "net/listeners.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/portable.h"
#include "base/self.h"
#include "base/system.h"
#include "net/address.h"

static int copy_flag(int from, int to, int level, int name)
{
    int value;
    socklen_t length = sizeof value;

    if (getsockopt(from, level, name, &value, &length) < 0)
        return -1;
    return green__system.setsockopt(to, level, name, &value, length);
}

static int bind_like(int fd, int listener, const struct green__endpoint *at)
{
    if (copy_flag(listener, fd, SOL_SOCKET, SO_REUSEADDR) < 0 ||
        copy_flag(listener, fd, SOL_SOCKET, SO_REUSEPORT) < 0 ||
        copy_flag(listener, fd, IPPROTO_TCP, TCP_NODELAY) < 0)
        return -1;
    if (at->at.any.sa_family == AF_INET6 &&
        copy_flag(listener, fd, IPPROTO_IPV6, IPV6_V6ONLY) < 0)
        return -1;
    if (bind(fd, &at->at.any, at->length) < 0)
        return -1;
    return listen(fd, SOMAXCONN);
}

int green__listener_again(int listener)
{
    struct green__endpoint at = {.length = sizeof at.at};
    int fd, error;

    if (getsockname(listener, &at.at.any, &at.length) < 0)
        return -1;
    if (at.at.any.sa_family == AF_UNIX)
        return green__system.fcntl(listener, F_DUPFD_CLOEXEC, 0);
    fd = green__system.socket(at.at.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC,
                              0);
    if (fd < 0 || bind_like(fd, listener, &at) == 0)
        return fd;
    error = errno;
    green__system.close(fd);
    return green__refuse(error);
}
