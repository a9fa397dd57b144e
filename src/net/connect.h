/* A socket that is connected to one address. */
#ifndef GREEN_CONNECT_H
#define GREEN_CONNECT_H

#include "net/address.h"
#include "net/addresses.h"

struct green_keepalive;

/* All zero: from where the system chooses, without options. */
struct green__connect {
    const struct green__addresses *from; /* for each family */
    const struct green__endpoint *from_unix;
    const struct green_keepalive *keepalive; /* TCP; NULL: off */
    bool fast_open;                          /* TCP */
};

/* Returns a descriptor, or -1 with the errors of socket, bind and connect. */
int green__connect_to(int type, const struct sockaddr *address,
                      socklen_t length, const struct green__connect *how);

#endif
