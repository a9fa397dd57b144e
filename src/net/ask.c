#include "net/ask.h"

#include <errno.h>
#include <string.h>

#include <greenhub/scope.h>

#include "base/self.h"

#define FIRST_ROOM 8
#define MOST_ROOM 8192 /* more than fit in an answer of 64 KiB */

/* ---- One family ------------------------------------------------------ */

/* Appends what has been found, as sockets have it: the family, the length. */
static int keep(const struct green_look_up *it, size_t count,
                struct green__addresses *found, char *canonical)
{
    const struct green__addresses more = {.list = it->addresses,
                                          .count = count};

    for (size_t i = 0; i < count; i++) {
        it->addresses[i].at.any.sa_family = (sa_family_t)it->family;
        it->addresses[i].length = it->family == AF_INET6
                                      ? sizeof it->addresses->at.v6
                                      : sizeof it->addresses->at.v4;
    }
    if (canonical)
        memcpy(canonical, it->canonical, sizeof it->canonical);
    return green__addresses_append(found, &more);
}

/* Asks until the answer fits. Returns the number of addresses, or -1. */
static int look_up(const struct green_resolver *resolver,
                   struct green_look_up *it, struct green__addresses *scratch)
{
    size_t room = FIRST_ROOM;
    int count;

    do {
        if (green__addresses_reserve(scratch, room) < 0)
            return -1;
        memset(scratch->list, 0, room * sizeof *scratch->list);
        it->addresses = scratch->list;
        it->room = room;
        count = resolver->look_up(it);
        room = (size_t)count;
    } while (count > 0 && room > it->room && room <= MOST_ROOM);
    if (count > 0 && room > it->room)
        return (int)it->room;
    return count != 0 ? count : green__refuse(ENODATA);
}

int green__ask_family(const struct green_resolver *resolver, const char *host,
                      int family, struct green__addresses *found,
                      char *canonical)
{
    struct green_look_up it = {.host = host, .family = family};
    struct green__addresses scratch = {0};
    int count = look_up(resolver, &it, &scratch);
    int result = count < 0 ? -1 : keep(&it, (size_t)count, found, canonical);

    green__addresses_clear(&scratch);
    return result;
}

/* ---- Both at once ---------------------------------------------------- */

struct other {
    const struct green_resolver *resolver;
    const char *host;
    struct green__addresses found;
    char canonical[256];
    int error;
};

/* A greenthread for the second family. It succeeds always: its failure does
 * not stop the look-up of the first. */
static int ask_other(void *arg)
{
    struct other *it = arg;

    it->error = green__ask_family(it->resolver, it->host, AF_INET, &it->found,
                                  it->canonical) < 0
                    ? errno
                    : 0;
    return 0;
}

/* The lowest is the mildest: it says the most about the name. */
static int rank(int error)
{
    static const int mild[] = {0, ENOENT, ENODATA, EAGAIN};
    int n = sizeof mild / sizeof mild[0];

    for (int i = 0; i < n; i++)
        if (error == mild[i])
            return i;
    return n + (error == ECANCELED || error == ETIMEDOUT);
}

int green__worse_error(int one, int other)
{
    return rank(other) > rank(one) ? other : one;
}

static int join(struct other *it, int error, struct green__addresses *found,
                char *canonical)
{
    if (green__addresses_append(found, &it->found) < 0)
        return -1;
    if (canonical && error && !it->error)
        memcpy(canonical, it->canonical, sizeof it->canonical);
    return found->count > 0
               ? 0
               : green__refuse(green__worse_error(error, it->error));
}

static int ask_both(struct other *it, struct green__addresses *found,
                    char *canonical)
{
    struct green_scope scope;
    int error;

    if (green_scope_begin(&scope, GREEN_FOREVER) < 0)
        return -1;
    if (green_scope_spawn(&scope, ask_other, it) < 0) {
        error = errno;
        green_scope_end(&scope);
        return green__refuse(error);
    }
    error = green__ask_family(it->resolver, it->host, AF_INET6, found,
                              canonical) < 0
                ? errno
                : 0;
    if (green_scope_end(&scope) < 0 && found->count == 0)
        return -1; /* the caller was killed or timed out */
    return join(it, error, found, canonical);
}

int green__ask(const struct green_resolver *resolver, const char *host,
               int family, struct green__addresses *found, char *canonical)
{
    struct other other = {
        .resolver = resolver, .host = host, .error = ECANCELED};
    int result;

    if (family != AF_UNSPEC)
        return green__ask_family(resolver, host, family, found, canonical);
    result = ask_both(&other, found, canonical);
    green__addresses_clear(&other.found);
    return result;
}
