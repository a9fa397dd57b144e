/*
 * The exception state that C++ keeps for each OS thread: the caught exceptions
 * whose handlers have not ended, and the number of uncaught ones. It belongs to
 * a greenthread, so a switch saves it, if it is not empty, on the stack of the
 * greenthread switched away from. The C++ ABI calls the struct
 * __cxa_eh_globals; it is the same in libstdc++ and libc++abi.
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

/* A process may have several C++ runtimes, each with its own state. */
#define GREEN__RUNTIMES 4

/* The addresses of this OS thread's states. */
struct green__runtimes {
    unsigned count;
    struct green__exceptions *of[GREEN__RUNTIMES];
    /* objects that the process had loaded at the last look */
    unsigned long long loads;
    green_time looked;
};

/* The function of a runtime that has the state. */
typedef struct green__exceptions *green__exceptions_find(void);

/* Adds the runtime, if it is not NULL and was not added yet. */
void green__runtimes_add(struct green__runtimes *runtimes,
                         green__exceptions_find *find);
void green__runtimes_add_linked(struct green__runtimes *runtimes);

/* Finds the C++ runtimes of the process; cheap if no object was loaded since
 * the last call. */
GREEN__COLD void green__runtimes_look(struct green__runtimes *runtimes);

/* Whether any exception is being handled or is propagating. */
static inline bool
green__exceptions_in_use(const struct green__runtimes *runtimes)
{
    for (unsigned i = 0; i < runtimes->count; i++)
        if (runtimes->of[i]->caught || runtimes->of[i]->uncaught)
            return true;
    return false;
}

/* green__exceptions_take saves and clears the state, and returns for how many
 * runtimes; green__exceptions_put restores that many when the greenthread runs
 * again. */
GREEN__COLD unsigned
green__exceptions_take(const struct green__runtimes *runtimes,
                       struct green__exceptions kept[GREEN__RUNTIMES]);
GREEN__COLD void
green__exceptions_put(const struct green__runtimes *runtimes,
                      const struct green__exceptions kept[GREEN__RUNTIMES],
                      unsigned count);

#endif
