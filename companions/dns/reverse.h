/* Questions for the name of an address. They are not kept. */
#ifndef DNS_REVERSE_H
#define DNS_REVERSE_H

#include <sys/queue.h>

#include <greenhub.h>

struct green__dns;
struct green__dns_reverse;

TAILQ_HEAD(green__dns_reverses, green__dns_reverse);

/* As struct green_resolver's look_up_name. */
int green__dns_look_up_name(struct green__dns *dns,
                            const struct green_socket_address *address,
                            char *name, size_t size);

/* In the hub's callback: asks those that have not been asked. */
void green__dns_reverse_all(struct green__dns *dns, int status);

/* Frees all: their greenthreads no longer exist. */
void green__dns_reverse_end(struct green__dns *dns);

#endif
