/*
 * The rings of the uring hub. An entry's user data identifies what completed;
 * its lowest bits are a tag:
 *
 *     63 .......................... 3 2..0
 *     an operation's address          OPERATION
 *     the same, makes a descriptor   OPENER
 *     sequence (29) | descriptor (32) POLL
 *     0                               NOTHING
 */
#ifndef GREEN_URING_RING_H
#define GREEN_URING_RING_H

#include <liburing.h>

#include "hub/modules/modules.h"

enum green__uring_tag { OPERATION, OPENER, POLL, NOTHING };

#define TAG_MASK 7u

struct green__uring {
    struct io_uring ring;
    unsigned kinds;     /* supported operations, 1u << GREEN_OP_... */
    unsigned in_flight; /* operations submitted, or in the submission queue */
    bool poll_first;    /* the kernel supports IORING_RECVSEND_POLL_FIRST */
    bool tells_work;    /* the kernel sets IORING_SQ_TASKRUN */
    bool has_unsent_cancel; /* a removal or cancellation is not submitted yet */
    bool broken;            /* entering the ring failed for good */
    unsigned workers; /* kernel threads allowed for files; 0: not queried yet */
    unsigned opens;   /* opens in flight that may block such a thread */
    unsigned room;    /* additional threads allowed for such opens */
    /* Withdrawn operations whose cancellation found no room in the queue. */
    struct green_operation *owed;
    /* The list of descriptors whose poll must be updated: 1 + number. */
    int first_changed;
};

/* Returns 0, or an errno: then there is no ring. */
int green__uring_open_ring(struct green__uring *uring);
void green__uring_close_ring(struct green__uring *uring);

/* Returns a free entry of the submission queue; submits the queue if it is
 * full. NULL if the kernel takes no entries now. */
struct io_uring_sqe *green__uring_entry(struct green__uring *uring);

/* Cancels what has this user data: an operation by IORING_OP_ASYNC_CANCEL, a
 * poll by IORING_OP_POLL_REMOVE. Returns false if the kernel takes no entry
 * now. */
bool green__uring_cancel_data(struct green__uring *uring, enum io_uring_op code,
                              uint64_t data);

#endif
