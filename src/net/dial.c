#include <greenhub/net.h>

#include <errno.h>

#include <greenhub/thread.h>

#include "base/reserved.h"
#include "hub/hub.h"
#include "net/address.h"
#include "net/connect.h"
#include "net/race.h"
#include "net/resolver.h"
#include "net/words.h"

static int dial_number(int type, struct green__addresses *found,
                       const struct green__connect *how)
{
    return green__connect_to(type, &found->list[0].at.any,
                             found->list[0].length, how);
}

/* By a program's resolver: attempts begin before it has answered everything. */
static int dial_host(struct green__question *question,
                     struct green__addresses *found,
                     const struct green__connect *how)
{
    const struct green_resolver *resolver = green__resolver();
    int number = green__resolve_number(question, found);

    if (number < 0)
        return -1;
    if (number == 0)
        return dial_number(question->type, found, how);
    if (resolver && question->family == AF_UNSPEC && green__hub_get())
        return green__race_to_host(resolver, question, how);
    if (green__resolve(question, found) < 0)
        return -1;
    return found->count == 1 ? dial_number(question->type, found, how)
                             : green__race(question->type, found, how);
}

static int dial_inet(struct green__address *address,
                     const struct green__connect *how)
{
    struct green__question question = green__question_of(address, false);
    struct green__addresses found = {0};
    int fd;

    if (address->port == 0 || green__address_is_any(address))
        return green__refuse(EINVAL); /* an address to listen at */
    fd = dial_host(&question, &found, how);
    address->why = question.why;
    green__addresses_clear(&found);
    return fd;
}

static int dial_how(struct green__address *address,
                    const struct green__connect *how)
{
    return address->scheme == GREEN__UNIX
               ? green__connect_to(SOCK_STREAM, &address->local.at.any,
                                   address->local.length, how)
               : dial_inet(address, how);
}

/* The same with an address to connect from, as it is written. */
static int dial_from(struct green__address *address, const char *text)
{
    struct green__address local;
    struct green__addresses found = {0};
    int fd;

    if (green__address_parse(text, &local) < 0)
        return -1;
    if (!green__address_goes_with(&local, address))
        return green__refuse(EINVAL);
    if (local.scheme == GREEN__UNIX)
        return dial_how(address,
                        &(struct green__connect){.from_unix = &local.local});
    if (green__address_resolve(&local, true, &found) < 0) {
        address->why = local.why;
        return -1;
    }
    fd = dial_how(address, &(struct green__connect){.from = &found});
    green__addresses_clear(&found);
    return fd;
}

static int dial(const char *text, const char *local)
{
    struct green__address address;
    int fd;

    if (green__address_parse(text, &address) < 0)
        return green__net_fail(text, NULL);
    if (green__hub_get() == NULL)
        return green__net_fail(text, green_hub_error());
    fd = local ? dial_from(&address, local)
               : dial_how(&address, &(struct green__connect){0});
    return fd < 0 ? green__net_fail(text, address.why) : fd;
}

int green_dial(const char *text)
{
    return dial(text, NULL);
}

int green_dial_with(const char *text, const struct green_dial_options *options)
{
    struct green_timeout timeout;
    int fd;

    if (!options)
        return dial(text, NULL);
    if (options->timeout < 0 || !GREEN__RESERVED_IS_ZERO(options)) {
        errno = EINVAL;
        return green__net_fail(text, options->timeout < 0
                                         ? "the timeout is below 0"
                                         : "a reserved word is not zero");
    }
    if (options->timeout == 0)
        return dial(text, options->local);
    if (green_timeout_start(&timeout, options->timeout) < 0)
        return green__net_fail(text, NULL);
    fd = dial(text, options->local);
    green_timeout_cancel(&timeout);
    return fd;
}
