/* What a name server's reply says. */
#ifndef DNS_REPLY_H
#define DNS_REPLY_H

#include "cache.h"

/* Stores addresses and canonical name of a positive reply. Returns the TTL; or 0
 * with entry->error set if the reply has no address, or is malformed. */
green_time green__dns_reply_read(struct green__dns_entry *entry,
                                 const unsigned char *reply, int size);

/* How long a negative reply holds (RFC 2308): 0 if it does not say. */
green_time green__dns_reply_negative_ttl(const unsigned char *reply, int size);

#endif
