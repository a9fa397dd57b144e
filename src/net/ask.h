/* Look-ups by a program's resolver. */
#ifndef GREEN_ASK_H
#define GREEN_ASK_H

#include "net/addresses.h"

/*
 * Asks for one family, AF_INET or AF_INET6, and appends its addresses, without a
 * port. `canonical`: NULL, or 256 bytes for the canonical name.
 * Returns 0, or -1 with the errno of the resolver, or ENOMEM. May switch.
 */
int green__ask_family(const struct green_resolver *resolver, const char *host,
                      int family, struct green__addresses *found,
                      char *canonical);

/* The same; with AF_UNSPEC for both families at once. IPv6 comes first. */
int green__ask(const struct green_resolver *resolver, const char *host,
               int family, struct green__addresses *found, char *canonical);

/* Which error describes two look-ups of one name, both of which failed. */
int green__worse_error(int one, int other);

#endif
