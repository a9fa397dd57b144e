/*
 * Names into socket addresses. The system's resolver blocks, so it runs on
 * OS threads (sync/worker_pool.h); whoever asked is parked meanwhile.
 */
#ifndef GREEN_RESOLVER_H
#define GREEN_RESOLVER_H

#include <netdb.h>

#include "net/address.h"

/*
 * The addresses of a tcp or tcp6 host and port, at least one, to be freed with
 * freeaddrinfo. `passive`: to listen at. Numeric hosts are answered at once.
 * If it fails, address->why may say more than errno.
 * Returns 0, or -1 with errno: ENOENT (no such name), EAGAIN (the name could
 * not be looked up now), EINVAL, ENOMEM, EMFILE and the like; ECANCELED,
 * ETIMEDOUT. May switch.
 */
int green__resolve(struct green__address *address, bool passive,
                   struct addrinfo **found);

#endif
