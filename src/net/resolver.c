#include "net/resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>

#include "base/portable.h"
#include "base/reserved.h"
#include "base/self.h"
#include "base/system.h"
#include "hub/hub.h"
#include "net/ask.h"
#include "net/order.h"
#include "net/system_resolver.h"

/* ---- The choice ------------------------------------------------------ */

static const struct green_resolver *chosen; /* atomic: of any OS thread */

const struct green_resolver *green__resolver(void)
{
    return __atomic_load_n(&chosen, __ATOMIC_ACQUIRE);
}

int green_use_resolver(const struct green_resolver *resolver)
{
    if (resolver && (!resolver->look_up || !GREEN__RESERVED_IS_ZERO(resolver)))
        return green__refuse(EINVAL);
    __atomic_store_n(&chosen, resolver, __ATOMIC_RELEASE);
    return 0;
}

/* ---- Codes and errors ------------------------------------------------ */

int green__error_of_code(int code)
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

int green__code_of_error(int error)
{
    switch (error) {
    case ENOENT:
        return EAI_NONAME;
    case ENODATA:
        return green__code_no_data;
    case EAGAIN:
        return EAI_AGAIN;
    case ENOMEM:
        return EAI_MEMORY;
    default:
        return EAI_SYSTEM;
    }
}

const char *green__words_of_code(int code)
{
    return code == 0 || code == EAI_SYSTEM ? NULL : gai_strerror(code);
}

/* ---- Look-ups -------------------------------------------------------- */

int green__resolve_number(struct green__question *question,
                          struct green__addresses *found)
{
    const struct addrinfo hints = {
        .ai_family = question->family,
        .ai_socktype = question->type,
        .ai_flags = AI_NUMERICHOST | (question->passive ? AI_PASSIVE : 0)};
    struct addrinfo *info = NULL;
    char service[8];
    int code, result;

    snprintf(service, sizeof service, "%u", question->port);
    code = green__system.getaddrinfo(question->host, service, &hints, &info);
    if (code == green__code_other_family) { /* a number of the other family */
        question->why = green__words_of_code(code);
        return green__refuse(ENOENT);
    }
    if (code != 0)
        return 1;
    result = green__addresses_append_info(found, info);
    freeaddrinfo(info);
    return result;
}

static int resolve_by(const struct green_resolver *resolver,
                      struct green__question *question,
                      struct green__addresses *found)
{
    int code;

    if (green__ask(resolver, question->host, question->family, found, NULL) <
        0) {
        code = green__code_of_error(errno);
        question->why = green__words_of_code(code);
        return green__refuse(errno == ENODATA ? ENOENT : errno);
    }
    green__addresses_set_port(found, question->port);
    green__order(found);
    return 0;
}

int green__resolve(struct green__question *question,
                   struct green__addresses *found)
{
    const struct green_resolver *resolver = green__resolver();
    int result = green__resolve_number(question, found);

    if (result <= 0)
        return result;
    if (!green__hub_get()) {
        question->why = green_hub_error();
        return -1;
    }
    return resolver ? resolve_by(resolver, question, found)
                    : green__system_resolve(question, found);
}

struct green__question green__question_of(const struct green__address *address,
                                          bool passive)
{
    return (struct green__question){
        .host = address->host,
        .family = green__address_is_v6(address) ? AF_INET6 : AF_UNSPEC,
        .type = green__address_type(address),
        .port = address->port,
        .passive = passive,
    };
}

int green__address_resolve(struct green__address *address, bool passive,
                           struct green__addresses *found)
{
    struct green__question question = green__question_of(address, passive);
    int result = green__resolve(&question, found);

    address->why = question.why;
    if (result < 0)
        green__addresses_clear(found);
    return result;
}
