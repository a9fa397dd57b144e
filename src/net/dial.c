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

/* Attempts begin before the resolver has answered everything. */
static int dial_host(struct green__question *question,
                     struct green__addresses *found,
                     const struct green__connect *how)
{
    int number = green__resolve_number(question, found);

    if (number < 0)
        return -1;
    if (number == 0)
        return dial_number(question->type, found, how);
    if (question->family == AF_UNSPEC && green__hub_get())
        return green__race_to_host(green__resolver(), question, how);
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
static int dial_from(struct green__address *address, const char *text,
                     struct green__connect how)
{
    struct green__address local;
    struct green__addresses found = {0};
    int fd;

    if (green__address_parse(text, &local) < 0)
        return -1;
    if (!green__address_goes_with(&local, address))
        return green__refuse(EINVAL);
    if (local.scheme == GREEN__UNIX) {
        how.from_unix = &local.local;
        return dial_how(address, &how);
    }
    if (green__address_resolve(&local, true, &found) < 0) {
        address->why = local.why;
        return -1;
    }
    how.from = &found;
    fd = dial_how(address, &how);
    green__addresses_clear(&found);
    return fd;
}

static bool is_tcp(const struct green__address *address)
{
    return address->scheme == GREEN__TCP || address->scheme == GREEN__TCP6;
}

static int dial(const char *text, const struct green_dial_options *options)
{
    const struct green__connect how = {.keepalive = options->keepalive,
                                       .fast_open = options->fast_open};
    struct green__address address;
    int fd;

    if (green__address_parse(text, &address) < 0)
        return green__net_fail(text, NULL);
    if (!is_tcp(&address) && (options->fast_open || options->keepalive)) {
        errno = EINVAL;
        return green__net_fail(text, "fast open and keepalive are TCP's");
    }
    if (green__hub_get() == NULL)
        return green__net_fail(text, green_hub_error());
    fd = options->local ? dial_from(&address, options->local, how)
                        : dial_how(&address, &how);
    return fd < 0 ? green__net_fail(text, address.why) : fd;
}

static const struct green_dial_options defaults;

int green_dial(const char *text)
{
    return dial(text, &defaults);
}

int green_dial_with(const char *text, const struct green_dial_options *options)
{
    struct green_timeout timeout;
    int fd;

    if (!options)
        options = &defaults;
    if (options->timeout < 0 || !GREEN__RESERVED_IS_ZERO(options)) {
        errno = EINVAL;
        return green__net_fail(text, options->timeout < 0
                                         ? "the timeout is below 0"
                                         : "a reserved word is not zero");
    }
    if (options->timeout == 0)
        return dial(text, options);
    if (green_timeout_start(&timeout, options->timeout) < 0)
        return green__net_fail(text, NULL);
    fd = dial(text, options);
    green_timeout_cancel(&timeout);
    return fd;
}
