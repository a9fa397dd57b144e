/* Guards: whoever runs over the end of a stack stops there. */
#ifndef GREEN_GUARD_H
#define GREEN_GUARD_H

#include <stddef.h>

/* The most that are made in one go: with them a fresh stack's share of the system
 * call is little, and the go is still short. */
#define GREEN__GUARD_BATCH 64

/*
 * Makes memory that any access to dies of: `count` times, at most
 * GREEN__GUARD_BATCH, `size` bytes at a distance of `stride`, the first at
 * `memory`. Whole pages. Returns how many it has made, from the first on; when
 * fewer, errno is ENOMEM and there are words for green_hub_error().
 */
size_t green__guard_install(char *memory, size_t size, size_t stride,
                            size_t count);

#endif
