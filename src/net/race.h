/* The connection that is there first: "happy eyeballs", RFC 8305. */
#ifndef GREEN_RACE_H
#define GREEN_RACE_H

#include "net/connect.h"
#include "net/resolver.h"

/*
 * Connects to one of the addresses: the families take turns, the next attempt
 * begins when one has failed, or 250 ms after the last has begun. Ends the
 * attempts that have lost.
 * Returns a descriptor, or -1 with the error of the attempt that failed last.
 * May switch.
 */
int green__race(int type, struct green__addresses *addresses,
                const struct green__connect *how);

/*
 * The same for a host, asked for both families. Attempts begin when IPv6 is
 * answered, or 50 ms after IPv4 is. The system's resolver (NULL) answers one
 * question for both; if it takes longer than 50 ms, each family is asked for
 * alone, too. Sets question->why if there is no address.
 */
int green__race_to_host(const struct green_resolver *resolver,
                        struct green__question *question,
                        const struct green__connect *how);

#endif
