/* A socket that is connected to one address. */
#ifndef GREEN_CONNECT_H
#define GREEN_CONNECT_H

#include "net/address.h"
#include "net/addresses.h"

/* Where to connect from; all zero: as the system chooses. */
struct green__connect {
    const struct green__addresses *from; /* for each family */
    const struct green__endpoint *from_unix;
};

/* Returns a descriptor, or -1 with the errors of socket, bind and connect. */
int green__connect_to(int type, const struct sockaddr *address,
                      socklen_t length, const struct green__connect *how);

#endif
