/*
 * The parts of the uring hub. What an entry of the completion queue is about
 * stands in its user data, whose lowest bits tell:
 *
 *     63 .......................... 3 2..0
 *     an operation's address          OPERATION
 *     the same, it makes a descriptor OPENER
 *     sequence (29) | descriptor (32) POLL
 *     0                               NOTHING
 */
#ifndef GREEN_URING_H
#define GREEN_URING_H

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

/* A place in the submission queue, which is handed over if it is full. NULL when
 * the kernel takes none. */
struct io_uring_sqe *green__uring_entry(struct green__uring *uring);

/* uring_poll.c: which descriptors are ready. */
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

/* uring_operations.c */
unsigned green__uring_kinds(struct io_uring *ring);
int green__uring_submit(struct green_hub *hub,
                        struct green_operation *operation);
void green__uring_cancel(struct green_hub *hub,
                         struct green_operation *operation);

/* Tells the kernel of withdrawals that it took no word of yet. */
void green__uring_settle(struct green__uring *uring);
/* One has ended. */
void green__uring_ended(struct green_hub *hub, uint64_t data, int result);

/* uring_refused.c: why the kernel gives no ring, in words. */
void green__uring_explain(int error);

#endif
