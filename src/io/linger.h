/*
 * close(2) of a socket with SO_LINGER waits until the peer has received what
 * was sent, up to the limit set. A thread of the worker pool makes the call,
 * and the greenthread waits.
 */
#ifndef GREEN_LINGER_H
#define GREEN_LINGER_H

#include <stdbool.h>

/* Whether close(2) may wait. Leaves errno alone. */
bool green__lingers(int fd);

/*
 * Closes it. Returns 0, or -1. After -1 with ECANCELED or ETIMEDOUT it is
 * closed, or will be soon; the kernel may still deliver what was sent, but no
 * caller waits for that.
 */
int green__linger_close(int fd);

#endif
