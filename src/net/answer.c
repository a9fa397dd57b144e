#include "net/answer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/portable.h"
#include "base/system.h"
#include "net/address.h"
#include "net/ask.h"
#include "net/order.h"
#include "net/resolver.h"

#define KNOWN_FLAGS                                                            \
    (AI_PASSIVE | AI_CANONNAME | AI_NUMERICSERV | AI_V4MAPPED | AI_ALL |       \
     AI_ADDRCONFIG)

struct answer {
    const struct green_resolver *resolver;
    const char *node, *service;
    struct addrinfo hints;
    struct green__addresses found;
    char canonical[256];
};

bool green__can_answer(const char *node, const struct addrinfo *hints)
{
    return strlen(node) < GREEN__HOST_SIZE && !(hints->ai_flags & ~KNOWN_FLAGS);
}

/* ---- Which families -------------------------------------------------- */

static bool is_loopback(const struct sockaddr *address)
{
    const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
    const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;

    if (address->sa_family == AF_INET)
        return ntohl(v4->sin_addr.s_addr) >> 24 == 127;
    return IN6_IS_ADDR_LOOPBACK(&v6->sin6_addr);
}

/* AI_ADDRCONFIG: families of which this machine has an address. */
static void find_families(bool *v4, bool *v6)
{
    struct ifaddrs *all;

    *v4 = *v6 = false;
    if (getifaddrs(&all) < 0) {
        *v4 = *v6 = true;
        return;
    }
    for (const struct ifaddrs *at = all; at; at = at->ifa_next) {
        if (!at->ifa_addr || !(at->ifa_flags & IFF_UP))
            continue;
        *v4 |= at->ifa_addr->sa_family == AF_INET && !is_loopback(at->ifa_addr);
        *v6 |=
            at->ifa_addr->sa_family == AF_INET6 && !is_loopback(at->ifa_addr);
    }
    freeifaddrs(all);
}

/* The family to ask for. Without any address but loopback's there is nothing
 * to choose by, as in the C library. */
static int configured_family(const struct addrinfo *hints)
{
    bool v4, v6;

    if (!(hints->ai_flags & AI_ADDRCONFIG) || hints->ai_family != AF_UNSPEC)
        return hints->ai_family;
    find_families(&v4, &v6);
    if (v4 == v6)
        return AF_UNSPEC;
    return v4 ? AF_INET : AF_INET6;
}

/* ---- The look-up ----------------------------------------------------- */

static bool wants_mapped(const struct answer *it)
{
    return it->hints.ai_family == AF_INET6 &&
           (it->hints.ai_flags & AI_V4MAPPED);
}

/* Returns 0 or a code. */
static int look_up(struct answer *it)
{
    int family = configured_family(&it->hints);

    if (wants_mapped(it) && (it->hints.ai_flags & AI_ALL))
        family = AF_UNSPEC;
    if (green__ask(it->resolver, it->node, family, &it->found, it->canonical) ==
        0)
        return 0;
    if (wants_mapped(it) && (errno == ENODATA || errno == ENOENT) &&
        green__ask(it->resolver, it->node, AF_INET, &it->found,
                   it->canonical) == 0)
        return 0;
    return green__code_of_error(errno);
}

/* ---- The list --------------------------------------------------------- */

static void write_number(const struct answer *it,
                         const struct green_socket_address *address, char *text,
                         size_t size)
{
    char host[INET6_ADDRSTRLEN] = "", scope[IF_NAMESIZE + 8] = "";

    if (address->at.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &address->at.v4.sin_addr, host, sizeof host);
        snprintf(text, size, "%s%s",
                 it->hints.ai_family == AF_INET6 ? "::ffff:" : "", host);
        return;
    }
    inet_ntop(AF_INET6, &address->at.v6.sin6_addr, host, sizeof host);
    if (address->at.v6.sin6_scope_id != 0)
        snprintf(scope, sizeof scope, "%%%u", address->at.v6.sin6_scope_id);
    snprintf(text, size, "%s%s", host, scope);
}

/* One address, for each type of socket. Returns 0 or a code. */
static int list_one(const struct answer *it, size_t i, struct addrinfo **end)
{
    const int dropped = AI_CANONNAME | AI_ADDRCONFIG | AI_V4MAPPED | AI_ALL;
    struct addrinfo hints = it->hints;
    char text[INET6_ADDRSTRLEN + IF_NAMESIZE + 16];

    hints.ai_flags = (hints.ai_flags & ~dropped) | AI_NUMERICHOST;
    write_number(it, &it->found.list[i], text, sizeof text);
    return green__system.getaddrinfo(text, it->service, &hints, end);
}

static int list_all(const struct answer *it, struct addrinfo **found)
{
    struct addrinfo **end = found;
    int code = 0;

    *found = NULL;
    for (size_t i = 0; i < it->found.count && code == 0; i++) {
        code = list_one(it, i, end);
        while (code == 0 && *end)
            end = &(*end)->ai_next;
    }
    return code;
}

/* Returns 0 or a code. The C library frees the name, by free(3). */
static int add_canonical(const struct answer *it, struct addrinfo *found)
{
    if (!(it->hints.ai_flags & AI_CANONNAME))
        return 0;
    found->ai_canonname = strdup(it->canonical[0] ? it->canonical : it->node);
    return found->ai_canonname ? 0 : EAI_MEMORY;
}

/* Services and types are checked before anything is looked up. */
static int check(const struct answer *it)
{
    struct addrinfo hints = it->hints, *found;
    int code;

    hints.ai_family = AF_UNSPEC;
    hints.ai_flags &= ~(AI_CANONNAME | AI_ADDRCONFIG);
    hints.ai_flags |= AI_NUMERICHOST;
    code = green__system.getaddrinfo("127.0.0.1", it->service, &hints, &found);
    if (code == 0)
        freeaddrinfo(found);
    return code;
}

static int answer(struct answer *it, struct addrinfo **found)
{
    int code = check(it);

    if (code == 0)
        code = look_up(it);
    if (code != 0)
        return code;
    green__order(&it->found);
    code = list_all(it, found);
    if (code == 0)
        code = *found ? add_canonical(it, *found) : green__code_no_data;
    if (code != 0 && *found)
        freeaddrinfo(*found);
    return code;
}

int green__answer(const struct green_resolver *resolver, const char *node,
                  const char *service, const struct addrinfo *hints,
                  struct addrinfo **found)
{
    struct answer it = {.resolver = resolver,
                        .node = node,
                        .service = service,
                        .hints = *hints};
    int code = answer(&it, found);

    green__addresses_clear(&it.found);
    return code;
}
