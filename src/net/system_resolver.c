/*
 * What an OS thread works on lies on the heap: if the greenthread is killed or
 * timed out while the system's resolver runs, the OS thread frees it.
 */
#include "net/system_resolver.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>

#include "base/portable.h"
#include "base/self.h"
#include "base/system.h"
#include "sync/worker_pool.h"

/* ---- getaddrinfo ----------------------------------------------------- */

struct query {
    struct addrinfo hints;
    struct addrinfo *found;
    const char *service; /* NULL, or behind the node */
    char node[];
};

static long ask(void *arg)
{
    struct query *it = arg;
    struct addrinfo *found = NULL;
    int code =
        green__system.getaddrinfo(it->node, it->service, &it->hints, &found);

    it->found = code == 0 ? found : NULL;
    return code;
}

static void let_go(void *arg)
{
    struct query *it = arg;

    if (it->found)
        freeaddrinfo(it->found);
    green__system.release(it);
}

static struct query *make_query(const char *node, const char *service,
                                const struct addrinfo *hints)
{
    size_t node_size = strlen(node) + 1;
    size_t service_size = service ? strlen(service) + 1 : 0;
    struct query *it =
        green__system.allocate(1, sizeof *it + node_size + service_size);

    if (!it)
        return NULL;
    it->hints = *hints;
    memcpy(it->node, node, node_size);
    if (service)
        it->service = memcpy(it->node + node_size, service, service_size);
    return it;
}

int green__system_getaddrinfo(const char *node, const char *service,
                              const struct addrinfo *hints,
                              struct addrinfo **found)
{
    struct query *it = make_query(node, service, hints);
    const struct green__work work = {
        .fn = ask, .arg = it, .may_leave = true, .left = let_go};
    long code;
    int error;

    if (!it)
        return EAI_MEMORY;
    if (green__worker_pool_run(GREEN__RESOLVER, &work, &code) < 0)
        return EAI_SYSTEM;
    error = errno;
    *found = it->found;
    green__system.release(it);
    errno = error;
    return (int)code;
}

int green__system_resolve(struct green__question *question,
                          struct green__addresses *found)
{
    const struct addrinfo hints = {.ai_family = question->family,
                                   .ai_socktype = question->type,
                                   .ai_flags =
                                       question->passive ? AI_PASSIVE : 0};
    struct addrinfo *info = NULL;
    char service[8];
    int code, result;

    snprintf(service, sizeof service, "%u", question->port);
    code = green__system_getaddrinfo(question->host, service, &hints, &info);
    if (code != 0) {
        result = green__error_of_code(code);
        question->why = green__words_of_code(code);
        return green__refuse(result);
    }
    result = green__addresses_append_info(found, info);
    freeaddrinfo(info);
    return result;
}

/* ---- getnameinfo ----------------------------------------------------- */

struct name_query {
    struct sockaddr_storage address;
    socklen_t length, host_size, service_size;
    int flags;
    char host[NI_MAXHOST], service[NI_MAXSERV];
};

static long ask_name(void *arg)
{
    struct name_query *it = arg;

    return green__system.getnameinfo((struct sockaddr *)&it->address,
                                     it->length, it->host, it->host_size,
                                     it->service, it->service_size, it->flags);
}

static socklen_t smaller(socklen_t a, size_t b)
{
    return a < b ? a : (socklen_t)b;
}

int green__system_getnameinfo(const struct sockaddr *address, socklen_t length,
                              char *host, socklen_t host_size, char *service,
                              socklen_t service_size, int flags)
{
    struct name_query *it = green__system.allocate(1, sizeof *it);
    const struct green__work work = {.fn = ask_name,
                                     .arg = it,
                                     .may_leave = true,
                                     .left = green__system.release};
    long code;
    int error;

    if (!it)
        return EAI_MEMORY;
    it->length = smaller(length, sizeof it->address);
    memcpy(&it->address, address, it->length);
    it->host_size = smaller(host_size, sizeof it->host);
    it->service_size = service ? smaller(service_size, sizeof it->service) : 0;
    it->flags = flags;
    if (green__worker_pool_run(GREEN__RESOLVER, &work, &code) < 0)
        return EAI_SYSTEM;
    error = errno;
    if (code == 0) {
        if (host)
            memcpy(host, it->host, it->host_size);
        if (service && it->service_size > 0)
            memcpy(service, it->service, it->service_size);
    }
    green__system.release(it);
    errno = error;
    return (int)code;
}
