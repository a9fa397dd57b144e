/* Guard pages: an access beyond the end of a stack faults there. */
#ifndef GREEN_GUARD_H
#define GREEN_GUARD_H

#include <stddef.h>

/* The most guards that one call makes: enough that the system call costs little
 * per fresh stack, and few enough that the call is short. */
#define GREEN__GUARD_BATCH 64

/*
 * Makes `count` ranges inaccessible, at most GREEN__GUARD_BATCH: each of `size`
 * bytes, at a distance of `stride`, the first at `memory`. All are whole pages.
 * Returns how many it made, from the first on; if fewer than `count`, sets
 * errno to ENOMEM and the message of green_hub_error().
 */
size_t green__guard_install(char *memory, size_t size, size_t stride,
                            size_t count);

#endif
