#include <greenhub/socket.h>

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <greenhub/io.h>

#include "base/reserved.h"
#include "base/self.h"

/* Linux's MAX_TCP_KEEPIDLE, _KEEPINTVL and _KEEPCNT. */
#define MAX_SECONDS 32767
#define MAX_PROBES 127

static bool is_valid(green_time time)
{
    return time >= 0 && time <= MAX_SECONDS * GREEN_SEC;
}

static int set(int fd, int level, int name, int value)
{
    return green_setsockopt(fd, level, name, &value, sizeof value);
}

/* 0: what the system has for new sockets, since the socket may have others. */
static int set_time(int fd, int name, green_time time)
{
    return time == 0 ? 0
                     : set(fd, IPPROTO_TCP, name,
                           (int)((time + GREEN_SEC - 1) / GREEN_SEC));
}

int green_set_keepalive(int fd, const struct green_keepalive *keepalive)
{
    if (!keepalive)
        return set(fd, SOL_SOCKET, SO_KEEPALIVE, 0);
    if (!is_valid(keepalive->idle) || !is_valid(keepalive->interval) ||
        keepalive->probes > MAX_PROBES || !GREEN__RESERVED_IS_ZERO(keepalive))
        return green__refuse(EINVAL);
    if (set_time(fd, TCP_KEEPIDLE, keepalive->idle) < 0 ||
        set_time(fd, TCP_KEEPINTVL, keepalive->interval) < 0)
        return -1;
    if (keepalive->probes > 0 &&
        set(fd, IPPROTO_TCP, TCP_KEEPCNT, (int)keepalive->probes) < 0)
        return -1;
    return set(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}
