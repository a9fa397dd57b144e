/*
 * Closing a socket with SO_LINGER waits until its peer has what was sent, up to
 * the limit set. An OS thread of the worker pool does that, and the greenthread waits.
 */
#ifndef GREEN_LINGER_H
#define GREEN_LINGER_H

#include <stdbool.h>

/* Whether close(2) may wait. Leaves errno alone. */
bool green__lingers(int fd);

/*
 * Closes it. 0, or -1: with ECANCELED or ETIMEDOUT it is closed, or about to be,
 * and what was sent is delivered, or not, without anybody waiting for it.
 */
int green__linger_close(int fd);

#endif
