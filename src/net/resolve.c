#include <greenhub/resolve.h>

#include <errno.h>
#include <string.h>

#include <greenhub/thread.h>

#include "base/reserved.h"
#include "base/self.h"
#include "greenthread/call.h"
#include "net/address.h"
#include "net/resolver.h"
#include "net/words.h"

static const char *refused(const char *host,
                           const struct green_resolve_options *options)
{
    if (!host || !*host || strlen(host) >= GREEN__HOST_SIZE)
        return "a host has 1 to 255 bytes";
    if (options->timeout < 0)
        return "the timeout is below 0";
    if (!GREEN__RESERVED_IS_ZERO(options))
        return "a reserved word is not zero";
    return NULL;
}

static int resolve(struct green__question *question,
                   struct green_socket_address *addresses, size_t room)
{
    struct green__addresses found = {0};
    size_t count;

    if (green__call_begins() < 0)
        return -1;
    if (green__resolve(question, &found) < 0) {
        green__addresses_clear(&found);
        return -1;
    }
    count = found.count < room ? found.count : room;
    if (count > 0)
        memcpy(addresses, found.list, count * sizeof *addresses);
    count = found.count;
    green__addresses_clear(&found);
    return green__call_done((int)count);
}

static int resolve_in_time(struct green__question *question, green_time limit,
                           struct green_socket_address *addresses, size_t room)
{
    struct green_timeout timeout;
    int count;

    if (limit == 0)
        return resolve(question, addresses, room);
    if (green_timeout_start(&timeout, limit) < 0)
        return -1;
    count = resolve(question, addresses, room);
    green_timeout_cancel(&timeout);
    return count;
}

int green_resolve(const char *host, const struct green_resolve_options *options,
                  struct green_socket_address *addresses, size_t room)
{
    static const struct green_resolve_options defaults;
    struct green__question question = {.host = host, .type = SOCK_STREAM};
    int count;

    if (!options)
        options = &defaults;
    question.why = refused(host, options);
    if (!question.why && room > 0 && !addresses)
        question.why = "there is room, but no place";
    if (question.why) {
        errno = EINVAL;
        return green__net_fail(host, question.why);
    }
    if (options->family != AF_UNSPEC && options->family != AF_INET &&
        options->family != AF_INET6) {
        errno = EAFNOSUPPORT;
        return green__net_fail(host, NULL);
    }
    question.family = options->family;
    question.port = options->port;
    count = resolve_in_time(&question, options->timeout, addresses, room);
    return count < 0 ? green__net_fail(host, question.why) : count;
}
