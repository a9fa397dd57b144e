/*
 * The one question that every hook asks: green or native?
 *
 * A call is green if its group is on, its OS thread runs greenthreads and is
 * not in a callback, and the greenthread that calls is not native. The hub's
 * context is native for ever: a hub module, libevent and liburing call libc.
 */
#ifndef GREEN_PATCH_RULE_H
#define GREEN_PATCH_RULE_H

#include <greenhub/patch.h>

#include "greenthread/scheduler.h"
#include "patch/forked.h"
#include "patch/real.h"

/* The groups that are on. Written by green_patch alone. */
extern unsigned green__patched;

/* Returns the calling greenthread if its call is green, else NULL. */
static inline struct green_thread *green__patch_thread(unsigned group)
{
    struct green__scheduler *s;

    if (!(__atomic_load_n(&green__patched, __ATOMIC_RELAXED) & group))
        return NULL;
    s = green__running();
    if (green__unlikely(!s && green__patch_forked))
        s = green__forked_scheduler();
    if (!s || (s->current->flags & GREEN__NATIVE))
        return NULL;
    return s->current;
}

static inline bool green__is_green(unsigned group)
{
    return green__patch_thread(group) != NULL;
}

/* The result of a green call. If it is no error, errno is as it was before, as
 * libc leaves it: a wait that succeeded has changed it. */
static inline long green__kept(int before, long result)
{
    if (green__likely(result >= 0))
        errno = before;
    return result;
}

#endif
