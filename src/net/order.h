/*
 * The order in which addresses are tried: RFC 6724, section 6.
 *
 * Rule 3 (deprecated addresses), 4 (mobile home addresses) and 7 (tunnels) need
 * what the system does not tell a program cheaply, and are left out, as other
 * libraries do. Rule 9 (the longest prefix) applies to IPv6 alone: among IPv4
 * addresses it would undo the order in which a name server rotates them.
 */
#ifndef GREEN_ORDER_H
#define GREEN_ORDER_H

#include "net/addresses.h"

/* Sorts the addresses, best first; equal ones keep their order. Keeps errno. */
void green__order(struct green__addresses *it);

/* Alternates the families from the first address on, or from the other one than
 * `last` if that is a family (RFC 8305, section 4). Keeps errno. */
void green__interleave(struct green__addresses *it, int last);

#endif
