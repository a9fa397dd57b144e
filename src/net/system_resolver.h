/*
 * The system's resolver. It blocks, so it runs on OS threads of its own
 * (sync/worker_pool.h) while the calling greenthread is parked.
 */
#ifndef GREEN_SYSTEM_RESOLVER_H
#define GREEN_SYSTEM_RESOLVER_H

#include "net/resolver.h"

struct addrinfo;

/* As green__resolve, for names. */
int green__system_resolve(struct green__question *question,
                          struct green__addresses *found);

/* As getaddrinfo(3) and getnameinfo(3), on an OS thread. */
int green__system_getaddrinfo(const char *node, const char *service,
                              const struct addrinfo *hints,
                              struct addrinfo **found);
int green__system_getnameinfo(const struct sockaddr *address, socklen_t length,
                              char *host, socklen_t host_size, char *service,
                              socklen_t service_size, int flags);

#endif
