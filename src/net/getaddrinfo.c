/*
 * getaddrinfo, on the resolver's own OS threads. Numbers need no look-up and are
 * answered at once.
 */
#include <greenhub/net.h>

#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "sync/worker_pool.h"

/* On the heap: who asked may go while the system's resolver goes on. */
struct question {
    struct addrinfo hints;
    struct addrinfo *found;
    const char *service; /* NULL, or behind the node */
    char node[];
};

static long ask(void *arg)
{
    struct question *it = arg;
    struct addrinfo *found = NULL;
    int code =
        green__system.getaddrinfo(it->node, it->service, &it->hints, &found);

    it->found = code == 0 ? found : NULL;
    return code;
}

static void let_go(void *arg)
{
    struct question *it = arg;

    if (it->found)
        freeaddrinfo(it->found);
    green__system.release(it);
}

static struct question *make_question(const char *node, const char *service,
                                      const struct addrinfo *hints)
{
    size_t node_size = strlen(node) + 1;
    size_t service_size = service ? strlen(service) + 1 : 0;
    struct question *it =
        green__system.allocate(1, sizeof *it + node_size + service_size);

    if (!it)
        return NULL;
    it->hints = *hints;
    memcpy(it->node, node, node_size);
    if (service)
        it->service = memcpy(it->node + node_size, service, service_size);
    return it;
}

static int look_up(const char *node, const char *service,
                   const struct addrinfo *hints, struct addrinfo **found)
{
    struct question *it = make_question(node, service, hints);
    const struct green__work work = {
        .fn = ask, .arg = it, .may_leave = true, .left = let_go};
    long code;

    if (!it)
        return EAI_MEMORY;
    if (green__worker_pool_run(GREEN__RESOLVER, &work, &code) < 0)
        return EAI_SYSTEM;
    *found = it->found;
    green__system.release(it);
    return (int)code;
}

/* 0 or a code; EAI_NONAME, unless there is nothing to look up, says: look it up. */
static int answer_numbers(const char *node, const char *service,
                          struct addrinfo hints, struct addrinfo **found)
{
    if (node)
        hints.ai_flags |= AI_NUMERICHOST;
    return green__system.getaddrinfo(node, service, &hints, found);
}

int green_getaddrinfo(const char *node, const char *service,
                      const struct addrinfo *hints, struct addrinfo **found)
{
    const struct addrinfo any = {.ai_flags = AI_V4MAPPED | AI_ADDRCONFIG};
    int code;

    if (!found) {
        errno = EINVAL;
        return EAI_SYSTEM;
    }
    if (green__call_begins() < 0)
        return EAI_SYSTEM;
    if (!hints)
        hints = &any;
    code = answer_numbers(node, service, *hints, found);
    if (code == EAI_NONAME && node && !(hints->ai_flags & AI_NUMERICHOST))
        return look_up(node, service, hints, found);
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return code;
}
