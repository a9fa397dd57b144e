/*
 * A build that provokes bugs: with the option `chaos`, the hub delivers ready
 * descriptors in random order, greenthreads yield where they need not, and
 * stacks are small. GREENHUB_CHAOS_SEED repeats a run. Without the option,
 * green__chaos() is always false.
 */
#ifndef GREEN_CHAOS_H
#define GREEN_CHAOS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

#if GREEN__CHAOS

/* True one time in `odds`. */
GREEN__PRIVATE bool green__chaos(unsigned odds);
#define GREEN__DEFAULT_STACK ((size_t)64 << 10)

#else

static inline bool green__chaos(unsigned odds)
{
    (void)odds;
    return false;
}
#define GREEN__DEFAULT_STACK ((size_t)256 << 10)

#endif

#endif
