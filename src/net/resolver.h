/*
 * Resolves names to socket addresses: numbers at once, names by the resolver
 * that the program has chosen, or by the system's.
 */
#ifndef GREEN_RESOLVER_H
#define GREEN_RESOLVER_H

#include <stdbool.h>

#include "base/attributes.h"
#include "net/address.h"
#include "net/addresses.h"

struct green__question {
    const char *host; /* shorter than GREEN__HOST_SIZE */
    int family;       /* AF_UNSPEC: both */
    int type;         /* SOCK_STREAM or SOCK_DGRAM */
    uint16_t port;
    bool passive;    /* to listen at */
    const char *why; /* after a failure: words, or NULL if errno's are better */
};

/*
 * Stores at least one address in *found, which the caller clears, best first.
 * Returns 0, or -1 with errno: ENOENT (no such name), EAGAIN (the name could
 * not be looked up now), EINVAL, ENOMEM, EMFILE and the like; ECANCELED,
 * ETIMEDOUT. May switch.
 */
int green__resolve(struct green__question *question,
                   struct green__addresses *found);

/* What an address asks for: its host, its port. */
struct green__question green__question_of(const struct green__address *address,
                                          bool passive);

/* The same for the host and the port of an address; sets address->why. */
int green__address_resolve(struct green__address *address, bool passive,
                           struct green__addresses *found);

/* The same for numbers alone: 1 and no error if the host is no number. */
int green__resolve_number(struct green__question *question,
                          struct green__addresses *found);

/* The program's resolver; NULL: the system's. */
GREEN__PRIVATE const struct green_resolver *green__resolver(void);

/* errno for a code of getaddrinfo, and the code for an errno of a resolver. */
int green__error_of_code(int code);
int green__code_of_error(int error);

/* The words for such a code; NULL where errno's are better. */
const char *green__words_of_code(int code);

/* The codes of getaddrinfo for a name that exists without such addresses; for a
 * number of another family than was asked for, which no call returns where the system
 * has no such code. */
extern const int green__code_no_data, green__code_other_family;

#endif
