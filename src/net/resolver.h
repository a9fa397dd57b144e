/*
 * Resolves names to socket addresses. The system's resolver blocks, so it runs
 * on OS threads (sync/worker_pool.h) while the calling greenthread is parked.
 */
#ifndef GREEN_RESOLVER_H
#define GREEN_RESOLVER_H

#include <netdb.h>

#include "net/address.h"

/*
 * Stores at least one address of a tcp or udp host and port in *found; free it
 * with freeaddrinfo. `passive`: to listen at. Numeric hosts are resolved at
 * once. If it fails, address->why may say more than errno.
 * Returns 0, or -1 with errno: ENOENT (no such name), EAGAIN (the name could
 * not be looked up now), EINVAL, ENOMEM, EMFILE and the like; ECANCELED,
 * ETIMEDOUT. May switch.
 */
int green__resolve(struct green__address *address, bool passive,
                   struct addrinfo **found);

#endif
