#include "patch/host.h"

#include <errno.h>
#include <netdb.h>
#include <stdint.h>
#include <string.h>

#include <greenhub/resolve.h>

#include "net/resolver.h"

bool green__has_resolver_for(int family)
{
    return (family == AF_INET || family == AF_INET6) && green__resolver();
}

/* ---- What the C library returns ------------------------------------------- */

static int internal_error(const struct green__host_place *place, int error)
{
    *place->h_error = NETDB_INTERNAL;
    errno = error;
    return error;
}

/* For a code of getaddrinfo. */
static int not_found(const struct green__host_place *place, int code)
{
    *place->found = NULL;
    switch (code) {
    case EAI_NONAME:
        *place->h_error = HOST_NOT_FOUND;
        return 0;
    case EAI_NODATA:
        *place->h_error = NO_DATA;
        return 0;
    case EAI_AGAIN:
        *place->h_error = TRY_AGAIN;
        return EAGAIN;
    case EAI_MEMORY:
        return internal_error(place, ENOMEM);
    default:
        return internal_error(place, errno);
    }
}

/* ---- The answer in the caller's buffer ------------------------------------ */

/*
 *     buffer  (aligned)  NULL                no other names
 *                        pointer, ..., NULL  to the addresses
 *                        address, ...
 *                        name
 *
 * The caller writes the addresses. False if the buffer is too small.
 */
static bool lay_out(const struct green__host_place *place, const char *name,
                    int family, size_t count)
{
    size_t gap = -(uintptr_t)place->buffer % sizeof(char *);
    size_t length = family == AF_INET6 ? 16 : 4, name_size = strlen(name) + 1;
    size_t pointers = (count + 2) * sizeof(char *);
    char **list = (char **)(void *)(place->buffer + gap);
    char *bytes = place->buffer + gap + pointers;

    if (place->size < gap + pointers + count * length + name_size)
        return false;
    list[0] = list[count + 1] = NULL;
    for (size_t i = 0; i < count; i++)
        list[1 + i] = bytes + i * length;
    *place->entry = (struct hostent){
        .h_name = memcpy(bytes + count * length, name, name_size),
        .h_aliases = list,
        .h_addrtype = family,
        .h_length = (int)length,
        .h_addr_list = list + 1,
    };
    return true;
}

static int found(const struct green__host_place *place)
{
    *place->found = place->entry;
    *place->h_error = NETDB_SUCCESS;
    return 0;
}

static int too_small(const struct green__host_place *place)
{
    *place->found = NULL;
    return internal_error(place, ERANGE);
}

static const void *address_of(const struct addrinfo *it)
{
    return it->ai_family == AF_INET6
               ? (const void *)&((struct sockaddr_in6 *)(void *)it->ai_addr)
                     ->sin6_addr
               : &((struct sockaddr_in *)(void *)it->ai_addr)->sin_addr;
}

static int use_list(const struct green__host_place *place,
                    const struct addrinfo *list)
{
    size_t count = 1; /* a list is never empty */

    for (const struct addrinfo *at = list->ai_next; at; at = at->ai_next)
        count++;
    if (!lay_out(place, list->ai_canonname, list->ai_family, count))
        return too_small(place);
    count = 0;
    for (const struct addrinfo *at = list; at; at = at->ai_next)
        memcpy(place->entry->h_addr_list[count++], address_of(at),
               (size_t)place->entry->h_length);
    return found(place);
}

int green__host_by_name(const char *name, int family,
                        const struct green__host_place *place)
{
    const struct addrinfo hints = {.ai_family = family,
                                   .ai_socktype = SOCK_STREAM,
                                   .ai_flags = AI_CANONNAME};
    struct addrinfo *list;
    int code = green_getaddrinfo(name, NULL, &hints, &list), result;

    if (code != 0)
        return not_found(place, code);
    result = use_list(place, list);
    freeaddrinfo(list);
    return result;
}

/* ---- The name of an address ----------------------------------------------- */

static struct green_socket_address socket_address(const void *address,
                                                  int family)
{
    struct green_socket_address it = {.length = sizeof it.at.v4};

    it.at.any.sa_family = (sa_family_t)family;
    if (family == AF_INET) {
        memcpy(&it.at.v4.sin_addr, address, sizeof it.at.v4.sin_addr);
        return it;
    }
    it.length = sizeof it.at.v6;
    memcpy(&it.at.v6.sin6_addr, address, sizeof it.at.v6.sin6_addr);
    return it;
}

int green__host_by_address(const void *address, socklen_t length, int family,
                           const struct green__host_place *place)
{
    struct green_socket_address at;
    char name[NI_MAXHOST];
    int code;

    *place->found = NULL;
    if (length != (family == AF_INET6 ? 16 : 4))
        return internal_error(place, EINVAL);
    at = socket_address(address, family);
    code = green_getnameinfo(&at.at.any, at.length, name, sizeof name, NULL, 0,
                             NI_NAMEREQD);
    if (code != 0)
        return not_found(place, code);
    if (!lay_out(place, name, family, 1))
        return too_small(place);
    memcpy(place->entry->h_addr_list[0], address, length);
    return found(place);
}
