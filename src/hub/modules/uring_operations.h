/* Operations carried out by io_uring. */
#ifndef GREEN_URING_OPERATIONS_H
#define GREEN_URING_OPERATIONS_H

#include "hub/modules/uring_ring.h"

unsigned green__uring_kinds(struct io_uring *ring);
int green__uring_submit(struct green_hub *hub,
                        struct green_operation *operation);
void green__uring_cancel(struct green_hub *hub,
                         struct green_operation *operation);

/* Submits the cancellations that found no room before. */
void green__uring_settle(struct green__uring *uring);
/* Handles the completion of an operation. */
void green__uring_ended(struct green_hub *hub, uint64_t data, int result);

#endif
