/*
 * Look-ups run on the resolver's own few OS threads (sync/worker_pool.h). A
 * look-up lies on the heap: if the greenthread is killed or timed out while the
 * system's resolver runs, the worker frees it.
 */
#include "net/resolver.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/self.h"
#include "base/system.h"
#include "hub/hub.h"
#include "sync/worker_pool.h"

struct look_up {
    char host[GREEN__HOST_SIZE];
    char service[8];
    struct addrinfo hints;
    struct addrinfo *found;
    int code; /* of getaddrinfo */
};

static int error_of(int code)
{
    switch (code) {
    case 0:
        return 0;
    case EAI_AGAIN:
        return EAGAIN;
    case EAI_MEMORY:
        return ENOMEM;
    case EAI_SYSTEM:
        return errno;
    case EAI_BADFLAGS:
    case EAI_FAMILY:
    case EAI_SOCKTYPE:
    case EAI_SERVICE:
        return EINVAL;
    default: /* no such name or address, or a permanent failure */
        return ENOENT;
    }
}

/* Returns 0 or an errno. */
static long look_up(void *arg)
{
    struct look_up *it = arg;
    struct addrinfo *found = NULL;
    int error;

    it->code =
        green__system.getaddrinfo(it->host, it->service, &it->hints, &found);
    error = error_of(it->code);
    it->found = error == 0 ? found : NULL;
    return error;
}

static void free_look_up(void *arg)
{
    struct look_up *it = arg;

    if (it->found)
        freeaddrinfo(it->found);
    green__system.release(it);
}

static struct look_up *make_look_up(const struct green__address *address,
                                    bool passive)
{
    struct look_up *it = green__system.allocate(1, sizeof *it);

    if (!it)
        return NULL;
    memcpy(it->host, address->host, sizeof it->host);
    snprintf(it->service, sizeof it->service, "%u", address->port);
    it->hints.ai_family = green__address_is_v6(address) ? AF_INET6 : AF_UNSPEC;
    it->hints.ai_socktype = green__address_type(address);
    it->hints.ai_flags = AI_NUMERICHOST | (passive ? AI_PASSIVE : 0);
    return it;
}

/* The resolver's message; NULL where errno's is better (EAI_SYSTEM). */
static const char *message_of(int code)
{
    return code == 0 || code == EAI_SYSTEM ? NULL : gai_strerror(code);
}

int green__resolve(struct green__address *address, bool passive,
                   struct addrinfo **found)
{
    struct look_up *it = make_look_up(address, passive);
    const struct green__work work = {
        .fn = look_up, .arg = it, .may_leave = true, .left = free_look_up};
    long error;

    if (!it)
        return green__refuse(ENOMEM);
    error = look_up(it); /* numeric hosts only: no name server is asked */
    if (error) {
        if (!green__hub_get()) {
            error = errno;
            address->why = green_hub_error();
            free_look_up(it);
            return green__refuse((int)error);
        }
        it->hints.ai_flags &= ~AI_NUMERICHOST;
        if (green__worker_pool_run(GREEN__RESOLVER, &work, &error) < 0)
            return -1;
    }
    *found = it->found;
    address->why = message_of(it->code);
    green__system.release(it);
    return error ? green__refuse((int)error) : 0;
}
