/* A descriptor's life, from being opened to being closed, and the delivery of what
 * the module has reported of it. */
#ifndef GREEN_DESCRIPTOR_H
#define GREEN_DESCRIPTOR_H

#include "hub/table.h"

/*
 * The most descriptors whose events are passed on in one turn. With 5,000 busy
 * connections an echo took 1.08 of a loop by hand on epolls where it had taken
 * 1.16 with all at once, on libevent 1.15 where it had taken 1.58.
 */
#define GREEN__MAX_EVENTS_PER_ITERATION 64

/* A green call has made this descriptor: a new life of the number. */
struct green__descriptor *green__descriptor_opened(struct green_hub *hub,
                                                   int fd);

/* It is about to be closed, or was: tells all who wait, unregisters. */
void green__descriptor_closed(struct green_hub *hub, int fd);

/* After a wait: calls whoever waits for what was reported. */
void green__descriptors_dispatch(struct green_hub *hub);

/* The hub ends: nobody waits any more. Owners may ask for listeners and edges to
 * be removed later, from nowhere. */
void green__descriptors_forget(struct green_hub *hub);

#endif
