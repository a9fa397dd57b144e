/* Built only with the option `chaos`. */
#include "base/chaos.h"

#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static _Thread_local uint64_t state;

static void seed(void)
{
    const char *text = getenv("GREENHUB_CHAOS_SEED");
    struct timespec now;

    clock_gettime(CLOCK_REALTIME, &now);
    state = text ? strtoull(text, NULL, 10)
                 : (uint64_t)now.tv_nsec ^ (uint64_t)now.tv_sec << 20;
    state = state * 2 + 1;
}

bool green__chaos(unsigned odds)
{
    if (!state)
        seed();
    /* Marsaglia's xorshift64: random enough for shuffling. */
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (state >> 33) % odds == 0;
}
