#include "net/multicast.h"

#include <netinet/in.h>

#include <greenhub/socket.h>
#include <greenhub/io.h>

/* Since Linux 4.20; the C library may not know it. */
#ifndef IPV6_MULTICAST_ALL
#define IPV6_MULTICAST_ALL 29
#endif

/* A kernel without the option delivers it. */
void green__own_groups_only(int fd, int level)
{
    int off = 0;

    green_setsockopt(
        fd, level, level == IPPROTO_IP ? IP_MULTICAST_ALL : IPV6_MULTICAST_ALL,
        &off, sizeof off);
}
