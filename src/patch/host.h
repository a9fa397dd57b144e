/* The hosts of gethostbyname(3) and its kin, by a program's resolver. */
#ifndef GREEN_PATCH_HOST_H
#define GREEN_PATCH_HOST_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

struct hostent;

/* Where an answer goes, as in gethostbyname_r(3). */
struct green__host_place {
    struct hostent *entry;
    char *buffer;
    size_t size;
    struct hostent **found;
    int *h_error;
};

/* Whether the program has chosen a resolver (green_use_resolver), which can
 * answer for this family. */
bool green__has_resolver_for(int family);

/* As gethostbyname2_r(3) and gethostbyaddr_r(3). May switch. */
int green__host_by_name(const char *name, int family,
                        const struct green__host_place *place);
int green__host_by_address(const void *address, socklen_t length, int family,
                           const struct green__host_place *place);

#endif
