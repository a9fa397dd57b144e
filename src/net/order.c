#include "net/order.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/self.h"
#include "base/system.h"

/* An address as IPv6; IPv4 is mapped. */
struct destination {
    struct green_socket_address address;
    struct in6_addr to, from;
    bool reachable; /* `from` is the source that the system would choose */
    int index;
};

/* ---- The policy table, section 2.1 ----------------------------------- */

static const struct policy {
    uint8_t prefix[16];
    int bits, precedence, label;
} policies[] = {
    {{[15] = 1}, 128, 50, 0},  {{[10] = 0xff, 0xff}, 96, 35, 4},
    {{0}, 96, 1, 3},           {{0x20, 0x01}, 32, 5, 5},
    {{0x20, 0x02}, 16, 30, 2}, {{0x3f, 0xfe}, 16, 1, 12},
    {{0xfe, 0xc0}, 10, 1, 11}, {{0xfc}, 7, 3, 13},
    {{0}, 0, 40, 1},
};

static int common_bits(const uint8_t *a, const uint8_t *b)
{
    int bits = 0;

    while (bits < 128 && !((a[bits / 8] ^ b[bits / 8]) & (0x80 >> (bits % 8))))
        bits++;
    return bits;
}

/* The first that matches: the table has the longer prefixes first. */
static const struct policy *policy_of(const struct in6_addr *address)
{
    const struct policy *it = policies;

    while (common_bits(address->s6_addr, it->prefix) < it->bits)
        it++;
    return it;
}

/* ---- Scopes, section 3.1 and 3.2 -------------------------------------- */

enum scope { LINK_LOCAL = 2, SITE_LOCAL = 5, GLOBAL = 14 };

static int scope_of(const struct in6_addr *address)
{
    const uint8_t *byte = address->s6_addr;

    if (IN6_IS_ADDR_MULTICAST(address))
        return byte[1] & 0x0f;
    if (IN6_IS_ADDR_V4MAPPED(address))
        return byte[12] == 127 || (byte[12] == 169 && byte[13] == 254)
                   ? LINK_LOCAL
                   : GLOBAL;
    if (IN6_IS_ADDR_LOOPBACK(address) || IN6_IS_ADDR_LINKLOCAL(address))
        return LINK_LOCAL;
    return IN6_IS_ADDR_SITELOCAL(address) ? SITE_LOCAL : GLOBAL;
}

/* ---- The source, section 5: the system's choice ----------------------- */

static struct sockaddr_in6 mapped(const struct green_socket_address *address)
{
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    if (address->at.any.sa_family == AF_INET6)
        return address->at.v6;
    v6.sin6_port = address->at.v4.sin_port;
    v6.sin6_addr.s6_addr[10] = v6.sin6_addr.s6_addr[11] = 0xff;
    memcpy(v6.sin6_addr.s6_addr + 12, &address->at.v4.sin_addr, 4);
    return v6;
}

/* Connects a datagram socket, which sends nothing, and reads its own address. */
static void find_source(struct destination *it)
{
    const struct green_socket_address *to = &it->address;
    struct green_socket_address from = {.length = sizeof from.at};
    int fd = green__system.socket(to->at.any.sa_family,
                                  SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    if (green__system.connect(fd, &to->at.any, to->length) == 0 &&
        getsockname(fd, &from.at.any, &from.length) == 0) {
        it->from = mapped(&from).sin6_addr;
        it->reachable = true;
    }
    green__system.close(fd);
}

/* ---- The rules, section 6 --------------------------------------------- */

static bool scopes_match(const struct destination *it)
{
    return it->reachable && scope_of(&it->to) == scope_of(&it->from);
}

static bool labels_match(const struct destination *it)
{
    return it->reachable &&
           policy_of(&it->to)->label == policy_of(&it->from)->label;
}

static int prefix_of(const struct destination *it)
{
    return it->reachable && !IN6_IS_ADDR_V4MAPPED(&it->to)
               ? common_bits(it->to.s6_addr, it->from.s6_addr)
               : 0;
}

static bool is_v4(const struct destination *it)
{
    return IN6_IS_ADDR_V4MAPPED(&it->to);
}

static int compare(const void *left, const void *right)
{
    const struct destination *a = left, *b = right;
    int difference = b->reachable - a->reachable; /* 1 */

    if (difference == 0)
        difference = scopes_match(b) - scopes_match(a); /* 2 */
    if (difference == 0)
        difference = labels_match(b) - labels_match(a); /* 5 */
    if (difference == 0)
        difference = policy_of(&b->to)->precedence - /* 6 */
                     policy_of(&a->to)->precedence;
    if (difference == 0)
        difference = scope_of(&a->to) - scope_of(&b->to); /* 8 */
    if (difference == 0 && is_v4(a) == is_v4(b))
        difference = prefix_of(b) - prefix_of(a);         /* 9 */
    return difference ? difference : a->index - b->index; /* 10 */
}

static void sort(struct destination *all, struct green__addresses *it)
{
    for (size_t i = 0; i < it->count; i++) {
        all[i].address = it->list[i];
        all[i].to = mapped(&it->list[i]).sin6_addr;
        all[i].index = (int)i;
        find_source(&all[i]);
    }
    qsort(all, it->count, sizeof *all, compare);
    for (size_t i = 0; i < it->count; i++)
        it->list[i] = all[i].address;
}

/* Without memory the order stays as it is. */
void green__order(struct green__addresses *it)
{
    struct destination *all;
    int error = errno;

    if (it->count < 2)
        return;
    all = green__system.allocate(it->count, sizeof *all);
    if (all)
        sort(all, it);
    green__system.release(all);
    errno = error;
}

/* ---- Alternating families --------------------------------------------- */

static size_t next_of(const struct green__addresses *it, size_t at, bool is_v6)
{
    while (at < it->count &&
           (it->list[at].at.any.sa_family == AF_INET6) != is_v6)
        at++;
    return at;
}

static void alternate(struct green__addresses *it,
                      const struct green__addresses *from, bool is_v6)
{
    size_t next[2] = {next_of(from, 0, false), next_of(from, 0, true)};

    for (size_t i = 0; i < from->count; i++) {
        if (next[is_v6] == from->count)
            is_v6 = !is_v6;
        it->list[i] = from->list[next[is_v6]];
        next[is_v6] = next_of(from, next[is_v6] + 1, is_v6);
        is_v6 = !is_v6;
    }
}

void green__interleave(struct green__addresses *it, int last)
{
    struct green__addresses copy = {0};
    int error = errno;

    if (it->count > 1 && green__addresses_append(&copy, it) == 0)
        alternate(it, &copy,
                  last == AF_UNSPEC ? it->list[0].at.any.sa_family == AF_INET6
                                    : last != AF_INET6);
    green__addresses_clear(&copy);
    errno = error;
}
