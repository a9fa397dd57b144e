/*
 * What the kernel really does, and which capability is asked for:
 * - DEFER_TASKRUN (6.1): what a parked operation has to do when its descriptor
 *   is ready is done within our own io_uring_enter, all of it together. Without
 *   it the kernel does it whenever the thread enters the kernel, COOP_TASKRUN
 *   (5.19), or even interrupts the thread for it. DEFER_TASKRUN asks for
 *   SINGLE_ISSUER (6.0): a hub belongs to one thread anyway.
 * - TASKRUN_FLAG (5.19) has the kernel say that there is such work, so that a
 *   look costs no system call when there is none.
 * - SUBMIT_ALL (5.18): one bad entry does not keep the others back.
 * - A full completion queue loses nothing (NODROP, 5.5), but is slow.
 * - Rings that are mapped are inherited by a forked child, and both would use
 *   them; so they are not (MADV_DONTFORK).
 */
#include "hub/modules/uring_ring.h"

#include <errno.h>
#include <stdatomic.h>

#define SUBMISSIONS 512
#define COMPLETIONS 8192

/* Newer than Debian 12's liburing. */
#define SETUP_DEFER_TASKRUN (1u << 13)

#define SETUP_ALL (IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL)
#define SETUP_FLAGGED (SETUP_ALL | IORING_SETUP_TASKRUN_FLAG)

/* Best first; which are known is found out by asking. */
static const unsigned setups[] = {
    SETUP_FLAGGED | IORING_SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN,
    SETUP_FLAGGED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
    SETUP_FLAGGED | IORING_SETUP_COOP_TASKRUN,
    SETUP_ALL,
    IORING_SETUP_CQSIZE,
};

#define NEEDED (IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG)

/*
 * Rings that were ended. The kernel gives their memory to rings of other OS
 * threads, and what was done with it before has been done before; that it sees to
 * this no checker knows, since it is not by the C library that liburing asks it to.
 */
static atomic_uint ended;

/* 0, or a negative errno. */
static int make_ring(struct green__uring *uring)
{
    int result = -EINVAL;

    for (size_t i = 0;
         i < sizeof setups / sizeof setups[0] && result == -EINVAL; i++) {
        struct io_uring_params params = {.flags = setups[i],
                                         .cq_entries = COMPLETIONS};

        result = io_uring_queue_init_params(SUBMISSIONS, &uring->ring, &params);
    }
    return result;
}

int green__uring_open_ring(struct green__uring *uring)
{
    int error = -make_ring(uring);

    (void)atomic_load(&ended);
    if (!error && (uring->ring.features & NEEDED) != NEEDED)
        error = ENOSYS;
    if (!error)
        error = -io_uring_ring_dontfork(&uring->ring);
    if (error) {
        if (uring->ring.ring_fd > 0)
            io_uring_queue_exit(&uring->ring);
        return error;
    }
    /* Saves the kernel a look-up each turn; it works without. */
    (void)io_uring_register_ring_fd(&uring->ring);
    uring->tells_work = uring->ring.flags & IORING_SETUP_TASKRUN_FLAG;
    uring->poll_first = uring->tells_work; /* of the same kernel, 5.19 */
    return 0;
}

void green__uring_close_ring(struct green__uring *uring)
{
    atomic_fetch_add(&ended, 1);
    io_uring_queue_exit(&uring->ring);
}

struct io_uring_sqe *green__uring_entry(struct green__uring *uring)
{
    struct io_uring_sqe *entry = io_uring_get_sqe(&uring->ring);

    if (entry)
        return entry;
    io_uring_submit(&uring->ring);
    return io_uring_get_sqe(&uring->ring);
}

bool green__uring_cancel_data(struct green__uring *uring, enum io_uring_op code,
                              uint64_t data)
{
    struct io_uring_sqe *entry = green__uring_entry(uring);

    if (!entry)
        return false;
    io_uring_prep_rw(code, entry, -1, NULL, 0, 0);
    entry->addr = data;
    io_uring_sqe_set_data64(entry, NOTHING);
    uring->taken_back = true;
    return true;
}
