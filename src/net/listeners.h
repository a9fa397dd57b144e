/* One listener for each OS thread of a server. */
#ifndef GREEN_LISTENERS_H
#define GREEN_LISTENERS_H

#include <stdbool.h>

/* Lets several sockets listen at one port. Returns 0, or -1 with errno. */
int green__listener_share_port(int fd);

/* Whether it is a listener that `threads` OS threads can share. Returns 0, or -1 with
 * errno: EINVAL if not. */
int green__listener_check(int listener, unsigned threads);

/* Makes a listener at the same place for one more OS thread. Returns it, or -1 with
 * errno. */
int green__listener_again(int listener);

#endif
