/* Lists of the addresses of hosts. All zero: an empty list. */
#ifndef GREEN_ADDRESSES_H
#define GREEN_ADDRESSES_H

#include <stddef.h>
#include <stdint.h>

#include <greenhub/resolve.h>

struct addrinfo;

struct green__addresses {
    struct green_socket_address *list;
    size_t count, room;
};

/* Makes room for `room` addresses. Returns 0, or -1 with ENOMEM. */
int green__addresses_reserve(struct green__addresses *it, size_t room);

/* Append. Return 0, or -1 with ENOMEM; what is no IP address is left out. */
int green__addresses_append(struct green__addresses *it,
                            const struct green__addresses *more);
int green__addresses_append_info(struct green__addresses *it,
                                 const struct addrinfo *found);

void green__addresses_set_port(struct green__addresses *it, uint16_t port);

/* Frees the memory of the list, which is empty then. Keeps errno. */
void green__addresses_clear(struct green__addresses *it);

#endif
