/* Public listeners, as the rest of the hub calls them. */
#ifndef GREEN_LISTENER_H
#define GREEN_LISTENER_H

#include "hub/table.h"

/* What those are told who wait for a descriptor that is closed. */
#define GREEN__ALL_CLOSED                                                      \
    (GREEN_CLOSED | GREEN_ERROR | GREEN_HANGUP | GREEN__READ_WRITE)

/* Calls those that were there before this dispatch began. */
void green__listeners_call(struct green_hub *hub, struct green__descriptor *d,
                           unsigned events);
/* Tells all that the number's life is over. */
void green__listeners_tell_closed(struct green_hub *hub,
                                  struct green__descriptor *d);
/* They are not added any more. */
void green__listeners_forget(struct green_list *listeners);

#endif
