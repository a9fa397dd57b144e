/*
 * A build made to give bugs a chance: with the option `chaos`, ready descriptors
 * come in random order, greenthreads yield where they need not, and stacks are
 * small. GREENHUB_CHAOS_SEED repeats a run. Without it all of this is nothing.
 */
#ifndef GREEN_CHAOS_H
#define GREEN_CHAOS_H

#include <stdbool.h>
#include <stddef.h>

#if GREEN__CHAOS

/* True one time in `odds`. */
bool green__chaos(unsigned odds);
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
