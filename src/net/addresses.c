#include "net/addresses.h"

#include <errno.h>
#include <netdb.h>
#include <string.h>

#include "base/self.h"
#include "base/system.h"

int green__addresses_reserve(struct green__addresses *it, size_t room)
{
    void *list;

    if (room <= it->room)
        return 0;
    list = green__system.reallocate(it->list, room * sizeof *it->list);
    if (!list)
        return green__refuse(ENOMEM);
    it->list = list;
    it->room = room;
    return 0;
}

int green__addresses_append(struct green__addresses *it,
                            const struct green__addresses *more)
{
    if (more->count == 0)
        return 0;
    if (green__addresses_reserve(it, it->count + more->count) < 0)
        return -1;
    memcpy(it->list + it->count, more->list, more->count * sizeof *it->list);
    it->count += more->count;
    return 0;
}

static size_t count_of(const struct addrinfo *at)
{
    size_t count = 0;

    for (; at; at = at->ai_next)
        count++;
    return count;
}

int green__addresses_append_info(struct green__addresses *it,
                                 const struct addrinfo *found)
{
    struct green_socket_address *next;

    if (green__addresses_reserve(it, it->count + count_of(found)) < 0)
        return -1;
    for (const struct addrinfo *at = found; at; at = at->ai_next) {
        next = &it->list[it->count];
        if (at->ai_addrlen > sizeof next->at)
            continue;
        memcpy(&next->at, at->ai_addr, at->ai_addrlen);
        next->length = at->ai_addrlen;
        it->count++;
    }
    return 0;
}

void green__addresses_set_port(struct green__addresses *it, uint16_t port)
{
    for (size_t i = 0; i < it->count; i++)
        it->list[i].at.v4.sin_port = htons(port); /* sin6_port is there, too */
}

void green__addresses_clear(struct green__addresses *it)
{
    int error = errno;

    green__system.release(it->list);
    *it = (struct green__addresses){0};
    errno = error;
}
