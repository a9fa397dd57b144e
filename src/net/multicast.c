/* RFC 3678 has the socket options; POSIX has them for IPv6 alone. */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include <greenhub/socket.h>

#include <errno.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>

#include <greenhub/io.h>

#include "base/self.h"
#include "base/system.h"
#include "net/multicast.h"

/* A group as setsockopt takes it (RFC 3678). */
struct group {
    int level;
    struct group_req request;
};

static bool is_multicast(const struct addrinfo *found)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)found->ai_addr;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)found->ai_addr;

    return found->ai_family == AF_INET
               ? IN_MULTICAST(ntohl(v4->sin_addr.s_addr))
               : IN6_IS_ADDR_MULTICAST(&v6->sin6_addr);
}

/* The interface of "ff02::fb%eth0". */
static unsigned scope_of(const struct addrinfo *found)
{
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)found->ai_addr;

    return found->ai_family == AF_INET6 ? v6->sin6_scope_id : 0;
}

static int find_interface(struct group *group, const char *interface)
{
    if (!interface)
        return 0;
    group->request.gr_interface = if_nametoindex(interface);
    return group->request.gr_interface ? 0 : green__refuse(ENODEV);
}

/* getaddrinfo for its interfaces; a numeric address asks nobody. */
static int find_group(struct group *group, const char *text,
                      const char *interface)
{
    const struct addrinfo hints = {.ai_flags = AI_NUMERICHOST,
                                   .ai_socktype = SOCK_DGRAM};
    struct addrinfo *found;
    bool valid;

    if (!text || green__system.getaddrinfo(text, NULL, &hints, &found) != 0)
        return green__refuse(EINVAL);
    memset(group, 0, sizeof *group);
    valid = is_multicast(found);
    group->level = found->ai_family == AF_INET ? IPPROTO_IP : IPPROTO_IPV6;
    group->request.gr_interface = scope_of(found);
    memcpy(&group->request.gr_group, found->ai_addr, found->ai_addrlen);
    freeaddrinfo(found);
    return valid ? find_interface(group, interface) : green__refuse(EINVAL);
}

int green_multicast_join(int fd, const char *text, const char *interface)
{
    struct group group;

    if (find_group(&group, text, interface) < 0 ||
        green_setsockopt(fd, group.level, MCAST_JOIN_GROUP, &group.request,
                         sizeof group.request) < 0)
        return -1;
    green__own_groups_only(fd, group.level);
    return 0;
}

int green_multicast_leave(int fd, const char *text, const char *interface)
{
    struct group group;

    if (find_group(&group, text, interface) < 0)
        return -1;
    return green_setsockopt(fd, group.level, MCAST_LEAVE_GROUP, &group.request,
                            sizeof group.request);
}
