/* Which descriptors are ready, by io_uring. */
#ifndef GREEN_URING_POLL_H
#define GREEN_URING_POLL_H

#include "hub/modules/uring_ring.h"

struct green__uring_poll {
    uint64_t token;
    uint32_t sequence; /* of the poll that is in the kernel */
    uint8_t wanted;    /* READ, WRITE; what the loop wants to know */
    uint8_t armed;     /* what the poll in the kernel asks for, or 0 */
    bool renew;        /* it may be for a file that is gone */
    bool changed;      /* it is in the list */
    int next_changed;  /* 1 + number, or 0 */
};

int green__uring_interest(struct green_hub *hub, int fd, uint64_t token,
                          unsigned from, unsigned to);
/* Puts polls into the submission queue as they are wanted. */
void green__uring_arm(struct green_hub *hub);
/* One has ended. */
void green__uring_polled(struct green_hub *hub, uint64_t data, int result);

#endif
