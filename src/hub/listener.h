/* Public listeners, for the rest of the hub. */
#ifndef GREEN_LISTENER_H
#define GREEN_LISTENER_H

#include "hub/table.h"

/* The events that the waiters of a closed descriptor receive. */
#define GREEN__ALL_CLOSED                                                      \
    (GREEN_CLOSED | GREEN_ERROR | GREEN_HANGUP | GREEN__READ_WRITE)

/* Calls the listeners that were added before this dispatch. */
void green__listeners_call(struct green_hub *hub, struct green__descriptor *d,
                           unsigned events);
/* Notifies all listeners that the descriptor closed. */
void green__listeners_tell_closed(struct green_hub *hub,
                                  struct green__descriptor *d);
/* Marks the listeners as not added. */
void green__listeners_forget(struct green_list *listeners);

#endif
