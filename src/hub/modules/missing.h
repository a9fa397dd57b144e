/*
 * What stands in for a module whose library was not there to build with: it is
 * listed, and says why it cannot be opened.
 */
#ifndef GREEN_HUB_MISSING_H
#define GREEN_HUB_MISSING_H

#include "hub/modules/modules.h"

/* `open` of one built without the library of that name: -1 and ENOSYS. */
int green__missing_open(const char *library);

/* The entries that every module must have. They are never called. */
int green__missing_interest(struct green_hub *hub, int fd, uint64_t token,
                            unsigned from, unsigned to);
int green__missing_wait(struct green_hub *hub, green_time timeout);

#endif
