/*
 * A forked child has no hub until it makes one. Natively written programs make
 * none, so the first call that could be green does it for them, if the thread
 * that forked was a greenthread. A child that executes a program at once never
 * has a hub.
 */
#ifndef GREEN_PATCH_FORKED_H
#define GREEN_PATCH_FORKED_H

#include <stdbool.h>

#include "base/attributes.h"

struct green__scheduler;

/* In a child that has no hub yet. */
extern bool green__patch_forked;

/* Has fork tell. Returns 0, or -1 with errno. */
int green__forked_prepare(void);

/* Makes the hub. NULL if there can be none: then the call is native. */
GREEN__COLD struct green__scheduler *green__forked_scheduler(void);

#endif
