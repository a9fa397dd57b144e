#include <greenhub/net.h>

#include <errno.h>

#include <greenhub/thread.h>

#include "base/reserved.h"
#include "greenthread/scheduler.h"
#include "hub/hub.h"
#include "net/address.h"
#include "net/connect.h"
#include "net/resolver.h"
#include "net/words.h"

/* Whether the caller was killed or timed out, and must not try the other
 * addresses. (A connection may also time out by itself.) */
static bool must_stop(void)
{
    int error = errno; /* the first call makes what greenthreads need */
    const struct green_thread *thread = green__current();

    errno = error;
    return errno == ECANCELED || (errno == ETIMEDOUT && thread &&
                                  green__interruption(thread) == ETIMEDOUT);
}

static int dial_inet(struct green__address *address,
                     const struct green__connect *how)
{
    const int type = green__address_type(address);
    struct green__addresses found = {0};
    int fd = -1;

    if (address->port == 0 || green__address_is_any(address))
        return green__refuse(EINVAL); /* an address to listen at */
    if (green__address_resolve(address, false, &found) < 0)
        return -1;
    for (size_t i = 0; i < found.count && fd < 0; i++) {
        fd = green__connect_to(type, &found.list[i].at.any,
                               found.list[i].length, how);
        if (fd < 0 && must_stop())
            break;
    }
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
