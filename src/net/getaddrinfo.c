/* getaddrinfo. Numbers need no look-up and are answered at once. */
#include <greenhub/resolve.h>

#include <errno.h>
#include <netdb.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "net/answer.h"
#include "net/resolver.h"
#include "net/system_resolver.h"

/* 0 or a code; EAI_NONAME, unless there is nothing to look up, says: look it up. */
static int answer_numbers(const char *node, const char *service,
                          struct addrinfo hints, struct addrinfo **found)
{
    if (node)
        hints.ai_flags |= AI_NUMERICHOST;
    return green__system.getaddrinfo(node, service, &hints, found);
}

static int look_up(const char *node, const char *service,
                   const struct addrinfo *hints, struct addrinfo **found)
{
    const struct green_resolver *resolver = green__resolver();

    if (resolver && green__can_answer(node, hints))
        return green__answer(resolver, node, service, hints, found);
    return green__system_getaddrinfo(node, service, hints, found);
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
