/*
 * POSIX has no event for "no more will come" while there is still something to be
 * read. But with SO_RCVLOWAT above what is there, a socket is readable only if more
 * has come, or if no more will. On some systems unix sockets do not heed it: they
 * have hung up when the other end is closed, which is not told of one that is only
 * shut down.
 */
#include <limits.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/system.h"
#include "io/message.h"
#include "io/open_file.h"

static bool has_hung_up(int fd)
{
    struct pollfd poll_fd = {.fd = fd};

    return green__look(&poll_fd, 1) != 0;
}

/* How many bytes can be read; -1: unknown. */
static int count_bytes(int fd)
{
    int there = 0;

    return green__system.ioctl(fd, FIONREAD, &there) < 0 ? -1 : there;
}

static bool is_readable_beyond(int fd, int there)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
    int low = 1, above = there + 1;
    socklen_t length = sizeof low;
    bool readable;

    if (getsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, &length) < 0 ||
        green__system.setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &above,
                                 sizeof above) < 0)
        return false;
    readable = green__look(&poll_fd, 1) != 0;
    green__system.setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low);
    return readable;
}

bool green__has_ended(int fd)
{
    int there = count_bytes(fd);

    if (has_hung_up(fd))
        return true;
    if (there < 0 || there == INT_MAX || green__socket_domain(fd) == AF_UNIX)
        return false;
    return is_readable_beyond(fd, there) && count_bytes(fd) == there;
}
