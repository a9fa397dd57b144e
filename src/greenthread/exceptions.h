/*
 * What C++ keeps for each OS thread of exceptions: those that have been caught and
 * whose handlers have not ended, and how many are on their way. It belongs to a
 * greenthread, so whoever is switched away from takes it along, on its own stack, if
 * there is any. The C++ ABI calls it __cxa_eh_globals; libstdc++ and libc++abi have
 * it alike.
 */
#ifndef GREEN_EXCEPTIONS_H
#define GREEN_EXCEPTIONS_H

#include <stdbool.h>

#include "base/attributes.h"
#include "base/clock.h"

struct green__exceptions {
    void *caught;
    unsigned uncaught;
#ifdef __ARM_EABI_UNWINDER__
    void *propagating;
#endif
};

/* A process may have several C++ runtimes, each with its own. */
#define GREEN__RUNTIMES 4

/* Where this OS thread's are. */
struct green__runtimes {
    unsigned count;
    struct green__exceptions *of[GREEN__RUNTIMES];
    unsigned long long loads; /* of objects by the process, at the last look */
    green_time looked;
};

/* Looks for the C++ runtimes that the process has; cheap when nothing was loaded
 * since the last look. */
GREEN__COLD void green__runtimes_look(struct green__runtimes *runtimes);

/* Whether any exception is being handled, or is on its way. */
static inline bool
green__exceptions_in_use(const struct green__runtimes *runtimes)
{
    for (unsigned i = 0; i < runtimes->count; i++)
        if (runtimes->of[i]->caught || runtimes->of[i]->uncaught)
            return true;
    return false;
}

/* Takes them away, and puts them back when their greenthread runs again: as many
 * runtimes' as were known then, which it returns. */
GREEN__COLD unsigned
green__exceptions_take(const struct green__runtimes *runtimes,
                       struct green__exceptions kept[GREEN__RUNTIMES]);
GREEN__COLD void
green__exceptions_put(const struct green__runtimes *runtimes,
                      const struct green__exceptions kept[GREEN__RUNTIMES],
                      unsigned count);

#endif
