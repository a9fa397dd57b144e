/*
 * Finds C++ runtimes without linking to them. A weak symbol finds the runtime
 * that the program is linked with; exceptions_loaded.c finds the others, where
 * the system has a list of what is loaded.
 */
#include "greenthread/exceptions.h"

#include <stddef.h>

extern __attribute__((weak)) green__exceptions_find __cxa_get_globals;

void green__runtimes_add(struct green__runtimes *runtimes,
                         green__exceptions_find *find)
{
    struct green__exceptions *found = find ? find() : NULL;

    for (unsigned i = 0; i < runtimes->count; i++)
        if (runtimes->of[i] == found)
            return;
    if (found && runtimes->count < GREEN__RUNTIMES)
        runtimes->of[runtimes->count++] = found;
}

void green__runtimes_add_linked(struct green__runtimes *runtimes)
{
    green__runtimes_add(runtimes, __cxa_get_globals);
}

/* ---- The switch ------------------------------------------------------ */

unsigned green__exceptions_take(const struct green__runtimes *runtimes,
                                struct green__exceptions kept[GREEN__RUNTIMES])
{
    for (unsigned i = 0; i < runtimes->count; i++) {
        kept[i] = *runtimes->of[i];
        *runtimes->of[i] = (struct green__exceptions){.caught = NULL};
    }
    return runtimes->count;
}

void green__exceptions_put(const struct green__runtimes *runtimes,
                           const struct green__exceptions kept[GREEN__RUNTIMES],
                           unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        *runtimes->of[i] = kept[i];
}
