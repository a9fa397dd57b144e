/* Readiness of descriptors, by io_uring. */
#ifndef GREEN_URING_POLL_H
#define GREEN_URING_POLL_H

#include "hub/modules/uring_ring.h"

struct green__uring_poll {
    uint64_t token;
    uint32_t sequence; /* of the poll in the kernel */
    uint8_t wanted;    /* READ, WRITE; the loop's interest */
    uint8_t armed;     /* the events of the poll in the kernel, or 0 */
    bool renew;        /* the poll may be for a file that is gone */
    bool changed;      /* in the list of changed polls */
    int next_changed;  /* 1 + number, or 0 */
};

int green__uring_interest(struct green_hub *hub, int fd, uint64_t token,
                          unsigned from, unsigned to);
/* Adds wanted polls to the submission queue. */
void green__uring_arm(struct green_hub *hub);
/* Handles the completion of a poll. */
void green__uring_polled(struct green_hub *hub, uint64_t data, int result);

#endif
