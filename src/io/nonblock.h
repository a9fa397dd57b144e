/*
 * The listening sockets that the library made non-blocking. accept(2) alone has
 * no other way not to block; and a socket that a user made non-blocking must
 * answer EAGAIN, while one that the library did must wait. The process has one
 * such table, as it has one table of descriptors.
 */
#ifndef GREEN_NONBLOCK_H
#define GREEN_NONBLOCK_H

#include <stdbool.h>

/*
 * Makes a descriptor non-blocking for accept. Returns 1 if the library made it
 * so, now or earlier; 0 if the user did; -1 with errno.
 */
int green__nonblock_set(int fd);

/* Whether the library made it so. */
bool green__nonblock_is_ours(int fd);

/* What is known about fd holds for its duplicate. */
void green__nonblock_duplicated(int fd, int duplicate);

/* The user has set or cleared it, or the descriptor is closed. */
void green__nonblock_forget(int fd);

#endif
