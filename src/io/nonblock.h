/*
 * The listening sockets that the library made non-blocking: accept(2) has no
 * flag for one call. On a socket that the user made non-blocking, accept must
 * return EAGAIN; on one that the library did, it must wait. The process has one
 * table of them, as it has one table of descriptors.
 */
#ifndef GREEN_NONBLOCK_H
#define GREEN_NONBLOCK_H

#include <stdbool.h>

/*
 * Makes a socket non-blocking for accept. Returns 1 if the library made it so,
 * now or earlier; 0 if the user did; -1 with errno.
 */
int green__nonblock_set(int fd);

/* Whether the library made it so. */
bool green__nonblock_is_ours(int fd);

/* Copies what is known about fd to its duplicate. */
void green__nonblock_duplicated(int fd, int duplicate);

/* The user has set or cleared O_NONBLOCK, for each duplicate of fd too. */
void green__nonblock_set_by_user(int fd);

/* The descriptor is closed. */
void green__nonblock_forget(int fd);

#endif
