/*
 * What the kernel really does, and the capabilities that the hub asks for:
 * - DEFER_TASKRUN (6.1): when a descriptor becomes ready, the work of its
 *   parked operations is done within our own io_uring_enter, all of it
 *   together. Without it the kernel does the work whenever the thread enters
 *   the kernel (COOP_TASKRUN, 5.19), or even interrupts the thread for it.
 *   DEFER_TASKRUN requires SINGLE_ISSUER (6.0): a hub belongs to one thread
 *   anyway.
 * - TASKRUN_FLAG (5.19): the kernel sets a flag while there is such work, so
 *   that a check costs no system call when there is none.
 * - SUBMIT_ALL (5.18): an invalid entry does not keep the others from being
 *   submitted.
 * - A full completion queue loses no completions (NODROP, 5.5), but is slow.
 * - A forked child inherits mapped rings, and both processes would use them;
 *   MADV_DONTFORK prevents that.
 */
#include "hub/modules/uring_ring.h"

#include <errno.h>
#include <stdatomic.h>

#include "base/own_descriptor.h"

#define SUBMISSIONS 512
#define COMPLETIONS 8192

/* Newer than Debian 12's liburing. */
#define SETUP_DEFER_TASKRUN (1u << 13)

#define SETUP_ALL (IORING_SETUP_CQSIZE | IORING_SETUP_SUBMIT_ALL)
#define SETUP_FLAGGED (SETUP_ALL | IORING_SETUP_TASKRUN_FLAG)

/* Best first; tried in order until the kernel accepts one. */
static const unsigned setups[] = {
    SETUP_FLAGGED | IORING_SETUP_SINGLE_ISSUER | SETUP_DEFER_TASKRUN,
    SETUP_FLAGGED | IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_COOP_TASKRUN,
    SETUP_FLAGGED | IORING_SETUP_COOP_TASKRUN,
    SETUP_ALL,
    IORING_SETUP_CQSIZE,
};

#define NEEDED (IORING_FEAT_NODROP | IORING_FEAT_EXT_ARG)

/*
 * Counts closed rings. The kernel reuses their memory for rings of other OS
 * threads, and orders the accesses before and after; the sanitizers cannot see
 * that, since liburing makes system calls without the C library. This counter
 * shows them the order.
 */
static atomic_uint closed_rings;

/* Returns 0, or a negative errno. */
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

    (void)atomic_load(&closed_rings);
    if (!error && (uring->ring.features & NEEDED) != NEEDED)
        error = ENOSYS;
    if (!error)
        error = -io_uring_ring_dontfork(&uring->ring);
    if (error) {
        if (uring->ring.ring_fd > 0)
            io_uring_queue_exit(&uring->ring);
        return error;
    }
    uring->ring.ring_fd = green__own_descriptor(uring->ring.ring_fd);
    uring->ring.enter_ring_fd = uring->ring.ring_fd;
    /* Saves the kernel a look-up per iteration; the ring works without. */
    (void)io_uring_register_ring_fd(&uring->ring);
    uring->tells_work = uring->ring.flags & IORING_SETUP_TASKRUN_FLAG;
    uring->poll_first = uring->tells_work; /* came with the same kernel, 5.19 */
    return 0;
}

void green__uring_close_ring(struct green__uring *uring)
{
    atomic_fetch_add(&closed_rings, 1);
    green__own_descriptor_forget(uring->ring.ring_fd);
    if (green__own_descriptor_is_lost(uring->ring.ring_fd))
        uring->ring.ring_fd = -1; /* what liburing is to close */
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
    uring->has_unsent_cancel = true;
    return true;
}
