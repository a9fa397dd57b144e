/* Questions for the addresses of a name. */
#ifndef DNS_QUESTION_H
#define DNS_QUESTION_H

#include "cache.h"

/* The entry of a name, answered or asked, with a reference for the caller; NULL
 * with errno. */
struct green__dns_entry *green__dns_ask(struct green__dns *dns,
                                        const char *name, int family);

/* In the hub's callback: asks what is in the queue; if the status of the channel
 * is an error, everything fails with it. */
void green__dns_ask_all(struct green__dns *dns, int status);

#endif
