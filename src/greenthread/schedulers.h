/* The list of all schedulers of the process, for debuggers, and for dumps of
 * all OS threads. */
#ifndef GREEN_SCHEDULERS_H
#define GREEN_SCHEDULERS_H

#include "greenthread/thread.h"

/* The script for gdb reads it by this name; links are their `others`. */
extern struct green_list green__schedulers;

/* The layers above ask by it to be called when a scheduler begins; NULL: none
 * does. */
extern void (*green__schedulers_begin)(void);

/* The same, by the OS thread itself: its hub was woken; its greenthreads were
 * dropped, but for `survivor` if its hub was replaced, or all, as it ends. */
extern void (*green__schedulers_woken)(const struct green__scheduler *s);
extern void (*green__schedulers_dropped)(const struct green__scheduler *s,
                                         const struct green_thread *survivor);

/* While it is locked, no scheduler begins or ends. It is unlocked in a forked
 * child, whose list has the forking OS thread's scheduler at most. */
void green__schedulers_lock(void);
void green__schedulers_unlock(void);

/* Adds the calling OS thread's scheduler. */
void green__schedulers_add(struct green__scheduler *s);
void green__schedulers_remove(struct green__scheduler *s);

/* Has the OS thread's hub begin another iteration soon, and call
 * green__schedulers_woken in it. With the lock. */
void green__schedulers_wake(struct green__scheduler *s);

/* The same for the hubs of all OS threads but the caller's. Takes the lock. */
void green__schedulers_wake_others(void);

#endif
