/*
 * Stands in for a module that was built without its library: it is listed, and
 * opening it fails with the reason.
 */
#ifndef GREEN_HUB_MISSING_H
#define GREEN_HUB_MISSING_H

#include "hub/modules/modules.h"

/* `open` of such a module, given the library's name: -1 with ENOSYS. */
int green__missing_open(const char *library);

/* The entries that every module must have; never called. */
int green__missing_interest(struct green_hub *hub, int fd, uint64_t token,
                            unsigned from, unsigned to);
int green__missing_wait(struct green_hub *hub, green_time timeout);

#endif
