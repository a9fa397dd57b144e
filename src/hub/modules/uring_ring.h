/*
 * The rings of the uring hub. What an entry of the completion queue is about
 * stands in its user data, whose lowest bits tell:
 *
 *     63 .......................... 3 2..0
 *     an operation's address          OPERATION
 *     the same, it makes a descriptor OPENER
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
    unsigned kinds;     /* of operations, 1u << GREEN_OP_... */
    unsigned in_flight; /* operations that the kernel has, or will have */
    bool poll_first;    /* IORING_RECVSEND_POLL_FIRST is known */
    bool tells_work;    /* the kernel sets IORING_SQ_TASKRUN */
    bool taken_back;    /* something was, and the kernel does not know yet */
    bool broken;        /* the kernel will never do anything for it again */
    unsigned workers;   /* of the kernel's that files may have; 0: not asked */
    unsigned opens;     /* in flight that may keep one of them for long */
    unsigned room;      /* so many of these the kernel was told of */
    /* Withdrawn, and the kernel has taken no word of it yet. */
    struct green_operation *owed;
    /* Descriptors whose poll is to be brought up to date: 1 + number. */
    int first_changed;
};

/* 0, or an errno: then there is no ring. */
int green__uring_open_ring(struct green__uring *uring);
void green__uring_close_ring(struct green__uring *uring);

/* A place in the submission queue, which is handed over if it is full. NULL when
 * the kernel takes none. */
struct io_uring_sqe *green__uring_entry(struct green__uring *uring);

/* Has the kernel end what bears this data: IORING_OP_ASYNC_CANCEL an operation,
 * IORING_OP_POLL_REMOVE a poll. Returns false if the kernel takes no entry now. */
bool green__uring_cancel_data(struct green__uring *uring, enum io_uring_op code,
                              uint64_t data);

#endif
