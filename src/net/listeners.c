/* SO_REUSEPORT is in most systems, and not in POSIX. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "net/listeners.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/self.h"
#include "base/system.h"
#include "io/open_file.h"

#ifndef SO_REUSEPORT
#define SO_REUSEPORT (-1) /* ENOPROTOOPT */
#endif

int green__listener_share_port(int fd)
{
    const int one = 1;

    return green__system.setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one,
                                    sizeof one);
}

int green__listener_check(int listener, unsigned threads)
{
    int value = 0, domain;
    socklen_t length = sizeof value;

    if (getsockopt(listener, SOL_SOCKET, SO_ACCEPTCONN, &value, &length) < 0)
        return -1;
    if (value == 0)
        return green__refuse(EINVAL);
    domain = green__socket_domain(listener);
    if (domain < 0 || domain == AF_UNIX)
        return domain < 0 ? -1 : 0;
    if (getsockopt(listener, SOL_SOCKET, SO_REUSEPORT, &value, &length) < 0)
        return -1;
    return value == 0 && threads > 1 ? green__refuse(EINVAL) : 0;
}
