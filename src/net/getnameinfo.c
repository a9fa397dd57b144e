/* getnameinfo. Numbers and services need no look-up and are answered at once. */
#include <greenhub/resolve.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/portable.h"
#include "base/self.h"
#include "base/system.h"
#include "greenthread/call.h"
#include "net/resolver.h"
#include "net/system_resolver.h"

struct name {
    const struct sockaddr *address;
    socklen_t length;
    char *host, *service;
    socklen_t host_size, service_size;
    int flags;
};

/* The C library's own, for all but names of hosts. */
static int answer_at_once(const struct name *it, int flags)
{
    return green__system.getnameinfo(it->address, it->length, it->host,
                                     it->host_size, it->service,
                                     it->service_size, flags);
}

static bool is_ip(const struct name *it)
{
    return (it->address->sa_family == AF_INET &&
            it->length >= sizeof(struct sockaddr_in)) ||
           (it->address->sa_family == AF_INET6 &&
            it->length >= sizeof(struct sockaddr_in6));
}

/* NI_NOFQDN: hosts of this machine's own domain are called by their names in
 * it. */
static void cut_own_domain(char *host)
{
    char own[256] = "";
    char *own_dot, *dot = strchr(host, '.');

    if (gethostname(own, sizeof own - 1) < 0)
        return;
    own_dot = strchr(own, '.');
    if (dot && own_dot && strcasecmp(dot, own_dot) == 0)
        *dot = '\0';
}

/* Returns 0 or a code. */
static int use_name(const struct name *it, char *found)
{
    struct name service = *it;

    if (it->flags & NI_NOFQDN)
        cut_own_domain(found);
    if (strlen(found) >= it->host_size)
        return EAI_OVERFLOW;
    memcpy(it->host, found, strlen(found) + 1);
    service.host = NULL;
    service.host_size = 0;
    return it->service && it->service_size > 0
               ? answer_at_once(&service, it->flags)
               : 0;
}

/* Returns 0 or a code. */
static int look_up_by(const struct green_resolver *resolver,
                      const struct name *it)
{
    struct green_socket_address address = {0};
    char found[NI_MAXHOST];

    address.length = it->address->sa_family == AF_INET6 ? sizeof address.at.v6
                                                        : sizeof address.at.v4;
    memcpy(&address.at, it->address, address.length);
    if (!resolver->look_up_name)
        errno = ENOENT;
    else if (resolver->look_up_name(&address, found, sizeof found) == 0)
        return use_name(it, found);
    if (errno != ENOENT && errno != ENODATA)
        return green__code_of_error(errno);
    return it->flags & NI_NAMEREQD
               ? EAI_NONAME
               : answer_at_once(it, it->flags | NI_NUMERICHOST);
}

static int look_up(const struct name *it)
{
    const struct green_resolver *resolver = green__resolver();

    if (resolver && is_ip(it) && !(it->flags & NI_IDN))
        return look_up_by(resolver, it);
    return green__system_getnameinfo(it->address, it->length, it->host,
                                     it->host_size, it->service,
                                     it->service_size, it->flags);
}

int green_getnameinfo(const struct sockaddr *address, socklen_t length,
                      char *host, socklen_t host_size, char *service,
                      socklen_t service_size, int flags)
{
    const struct name it = {address,   length,       host, service,
                            host_size, service_size, flags};
    int code;

    if (!address) {
        errno = EINVAL;
        return EAI_SYSTEM;
    }
    if (green__call_begins() < 0)
        return EAI_SYSTEM;
    if (host && host_size > 0 && !(flags & NI_NUMERICHOST))
        return look_up(&it);
    code = answer_at_once(&it, flags);
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return code;
}
