/*
 * The uring hub: Linux's io_uring(7), through liburing.
 *
 * The submission queue collects greenthreads' operations. One io_uring_enter
 * per iteration submits them and waits for results.
 *
 * Closing needs the cancellation of all operations (5.19): the kernel must not
 * write into a stack that has been reused. On a kernel without it the hub
 * supports no operations, and only reports readiness.
 */
#include <errno.h>
#include <unistd.h>

#include "base/own_descriptor.h"
#include "base/self.h"
#include "base/clock.h"
#include "base/system.h"
#include "hub/modules/cancel.h"
#include "hub/modules/uring_operations.h"
#include "hub/modules/uring_poll.h"
#include "hub/modules/uring_refused.h"
#include "hub/modules/uring_ring.h"

/* ---- Opening and closing --------------------------------------------- */

static int open_uring(struct green_hub *hub)
{
    struct green__uring *uring = green_hub_state(hub);
    int error = green__uring_open_ring(uring);

    if (error) {
        green__uring_explain(error);
        return green__refuse(error);
    }
    if (uring->tells_work)
        uring->kinds = green__uring_kinds(&uring->ring);
    return 0;
}

static unsigned operations(struct green_hub *hub)
{
    struct green__uring *uring = green_hub_state(hub);

    return uring->kinds;
}

/* Errors after which the hub continues: a signal, a timeout, or that the kernel
 * needs the completion queue emptied, or memory freed, first. */
static bool is_transient(int error)
{
    return error == EINTR || error == ETIME || error == EBUSY ||
           error == EAGAIN || error == ENOMEM;
}

/* Does not touch the operation: its greenthread, and the stack that held it,
 * are gone. */
static void discard(struct green__uring *uring,
                    const struct io_uring_cqe *entry)
{
    enum green__uring_tag tag = entry->user_data & TAG_MASK;

    if (tag == POLL || tag == NOTHING)
        return;
    if (tag == OPENER && entry->res >= 0)
        green__system.close(entry->res);
    if (!(entry->flags & IORING_CQE_F_MORE))
        uring->in_flight--;
}

static void discard_completions(struct green__uring *uring)
{
    struct io_uring_cqe *entry;
    unsigned head, count = 0;

    io_uring_for_each_cqe(&uring->ring, head, entry)
    {
        discard(uring, entry);
        count++;
    }
    io_uring_cq_advance(&uring->ring, count);
}

/* Cancels all operations and waits for their end, unless the kernel can no
 * longer report it. */
static void end_operations(struct green__uring *uring)
{
    int result = 0;

    while (uring->in_flight > 0 && (result >= 0 || is_transient(-result))) {
        struct __kernel_timespec patience = {.tv_nsec = GREEN_MSEC};
        struct io_uring_sqe *entry = green__uring_entry(uring);
        struct io_uring_cqe *completed;

        if (entry) {
            io_uring_prep_cancel64(
                entry, 0, IORING_ASYNC_CANCEL_ANY | IORING_ASYNC_CANCEL_ALL);
            io_uring_sqe_set_data64(entry, NOTHING);
        }
        result = io_uring_submit_and_wait_timeout(&uring->ring, &completed, 1,
                                                  &patience, NULL);
        discard_completions(uring);
    }
}

static void close_uring(struct green_hub *hub)
{
    struct green__uring *uring = green_hub_state(hub);

    end_operations(uring);
    green__uring_close_ring(uring);
}

/* The rings are not mapped in the child; its ring descriptor is a copy. */
static void forget_uring(struct green_hub *hub)
{
    struct green__uring *uring = green_hub_state(hub);

    green__own_descriptor_close(uring->ring.ring_fd);
}

/* ---- An iteration ---------------------------------------------------- */

static bool has_work(const struct green__uring *uring)
{
    const unsigned flags =
        __atomic_load_n(uring->ring.sq.kflags, __ATOMIC_RELAXED);

    return !uring->tells_work ||
           (flags & (IORING_SQ_TASKRUN | IORING_SQ_CQ_OVERFLOW));
}

/*
 * Returns a negative errno on error. If the OS thread is cancelled in here, its
 * hub is closed next: submitted operations are counted already, and the
 * cancellation of all submits and covers the others. liburing holds no
 * resources while it waits.
 */
static int enter_and_wait(struct green__uring *uring, green_time timeout)
{
    struct __kernel_timespec time = {.tv_sec = timeout / GREEN_SEC,
                                     .tv_nsec = timeout % GREEN_SEC};
    struct io_uring_cqe *entry;
    int former = green__cancellation_begin(), result;

    if (timeout == GREEN_FOREVER)
        result = io_uring_submit_and_wait(&uring->ring, 1);
    else
        result = io_uring_submit_and_wait_timeout(&uring->ring, &entry, 1,
                                                  &time, NULL);
    green__cancellation_end(former);
    return result;
}

/* Returns a negative errno on error. */
static int enter(struct green__uring *uring, green_time timeout)
{
    if (timeout == 0) {
        if (!io_uring_sq_ready(&uring->ring) && !has_work(uring))
            return 0;
        return io_uring_submit_and_get_events(&uring->ring);
    }
    return enter_and_wait(uring, timeout);
}

static void handle(struct green_hub *hub, struct green__uring *uring,
                   const struct io_uring_cqe *entry)
{
    switch ((enum green__uring_tag)(entry->user_data & TAG_MASK)) {
    case OPERATION:
    case OPENER:
        uring->in_flight--;
        green__uring_ended(hub, entry->user_data, entry->res);
        break;
    case POLL:
        green__uring_polled(hub, entry->user_data, entry->res);
        break;
    case NOTHING:
        break;
    }
}

static void take_completions(struct green_hub *hub, struct green__uring *uring)
{
    struct io_uring_cqe *entry;
    unsigned head, count = 0;

    io_uring_for_each_cqe(&uring->ring, head, entry)
    {
        handle(hub, uring, entry);
        count++;
    }
    io_uring_cq_advance(&uring->ring, count);
}

static int wait_uring(struct green_hub *hub, green_time timeout)
{
    struct green__uring *uring = green_hub_state(hub);
    int result;

    if (uring->broken)
        return green__refuse(EBADFD);
    green__uring_arm(hub);
    green__uring_settle(uring);
    /* An entry that found no room is not being waited for yet: do not wait,
     * there is room soon. */
    if (uring->first_changed || uring->owed)
        timeout = 0;
    result = enter(uring, timeout);
    uring->has_unsent_cancel = false;
    if (result >= 0 || is_transient(-result)) {
        take_completions(hub, uring);
        return 0;
    }
    /* The waits fail, and the operations end with the stacks that hold them:
     * completions that arrive later must not touch them. */
    uring->broken = true;
    return green__refuse(-result);
}

/* A cancelled operation or removed poll releases its open file within this
 * call. */
static void release(struct green_hub *hub, int fd)
{
    struct green__uring *uring = green_hub_state(hub);

    (void)fd;
    if (uring->broken)
        return;
    green__uring_settle(uring);
    if (uring->first_changed)
        green__uring_arm(hub);
    if (!uring->has_unsent_cancel)
        return;
    uring->has_unsent_cancel = false;
    (void)io_uring_submit_and_get_events(&uring->ring);
}

const struct green_hub_module green__hub_uring = {
    .abi = GREEN_HUB_ABI,
    .name = "uring",
    .description = "io_uring(7): system calls submitted together",
    .state_size = sizeof(struct green__uring),
    .descriptor_size = sizeof(struct green__uring_poll),
    .open = open_uring,
    .close = close_uring,
    .interest = green__uring_interest,
    .wait = wait_uring,
    .after_fork = forget_uring,
    .operations = operations,
    .submit = green__uring_submit,
    .cancel = green__uring_cancel,
    .release = release,
};
