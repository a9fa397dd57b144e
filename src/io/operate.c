#include "io/operate.h"

#include "greenthread/scheduler.h"
#include "io/pending.h"

/* ---- The turn -------------------------------------------------------- */

/* Whether another greenthread goes first in this direction. */
static bool must_queue(const struct green__io *io)
{
    const struct green__io_waiter *next;

    if (green__io_waiter_find(io->d, io->direction,
                              1u << GREEN__HOLDS | 1u << GREEN__OPERATES))
        return true;
    next = green__io_waiter_find(io->d, io->direction, 1u << GREEN__QUEUES);
    return next && (!io->ticket || (int32_t)(next->ticket - io->ticket) < 0);
}

/* Waits for its turn. Returns 0, or the errno to fail with. */
static int await_turn(struct green__pending *pending)
{
    struct green__place *place = &pending->place;
    struct green__io *io = pending->io;

    while (must_queue(io)) {
        int error;

        green__place_line_up(place, io, GREEN__QUEUES, io->direction);
        io->ticket = place->io_waiter.ticket;
        error = green__park_until(&place->waiter, io->deadline) < 0 ? errno : 0;
        green__list_remove(&place->io_waiter.link);
        if (error)
            return error;
        if ((place->events & GREEN_CLOSED) || green__pending_is_closed(pending))
            return EBADF;
    }
    return 0;
}

/* ---- The operation --------------------------------------------------- */

/* Submits the operation again if the hub withdrew it only to find out which
 * open file the number stands for by now. 0, or -1 if the hub takes no
 * operations now. */
static int perform(struct green__pending *pending)
{
    struct green__io *io = pending->io;

    do {
        if (green__pending_run(pending, io->direction, io->deadline) < 0)
            return -1;
    } while (green__unlikely(pending->renew && !pending->reason &&
                             !green__pending_is_closed(pending) &&
                             green__pending_was_cancelled(pending)));
    return 0;
}

/* Returns the result as a system call does. If the descriptor was closed
 * meanwhile, a failed or partial operation does not continue: the number may
 * have been reused. */
static ssize_t conclude(struct green__pending *pending)
{
    int64_t result = pending->operation->result;
    struct green__io *io = pending->io;

    io->closed = green__pending_is_closed(pending);
    if (green__unlikely(!pending->ended))
        return green__refuse(EIO);
    if (green__likely(!io->closed))
        io->d->ready |= io->direction;
    else if (!pending->reason)
        pending->reason = EBADF;
    if (green__likely(result >= 0))
        return result;
    if (green__pending_was_cancelled(pending)) /* no reason: use readiness */
        result = pending->reason ? -pending->reason : -EAGAIN;
    return green__refuse(io->closed ? pending->reason : (int)-result);
}

/* If the call must not wait at all, green__io_wait sets the errno. */
static bool may_operate(struct green__io *io)
{
    if (io->nonblocking)
        return false;
    if (!io->d && !(io->d = green__descriptor_get(io->hub, io->fd)))
        return false;
    if (!green__file_is_known(io->d))
        green__file_learn(io->d);
    if (io->d->file & GREEN__FILE_NONBLOCK)
        return false;
    /* An I/O waiter for readiness goes first. */
    return green__likely(green__list_empty(&io->d->io_waiters)) ||
           !green__io_waiter_find(io->d, io->direction,
                                  1u << GREEN__LOOKS | 1u << GREEN__WAITS);
}

bool green__io_operate(struct green__io *io, struct green_operation *operation,
                       ssize_t *n)
{
    struct green__pending pending;
    const struct green_thread *thread;
    int error;

    if (!may_operate(io))
        return false;
    green__pending_init(&pending, io, operation, green__place_kind(io));
    thread = pending.place.waiter.thread;
    if (green__unlikely(!thread))
        /* Never submitted: see below. */
        return false; /* NOLINT(clang-analyzer-core.StackAddressEscape) */
    if (!io->deadline)
        green__io_find_deadline(io);
    operation->later = true;
    error = thread->alarms ? green__interruption(thread) : 0;
    if (!error && !green__list_empty(&io->d->io_waiters)) {
        operation->later = false;
        error = await_turn(&pending);
    }
    if (green__unlikely(error)) {
        *n = green__refuse(error);
        /* Not submitted: the hub has no pointer to `pending`. */
        return true; /* NOLINT(clang-analyzer-core.StackAddressEscape) */
    }
    io->d->ready &= (uint8_t)~io->direction;
    if (perform(&pending) < 0)
        return false;
    *n = conclude(&pending);
    return !green__would_block(*n) || pending.reason;
}

/* When the hub carries out writes that would succeed at once: operations in
 * flight, and bytes per write. */
#define MIN_IN_FLIGHT 8u
#define MAX_IN_FLIGHT 512u
#define MAX_WRITE_SIZE 4096

/* ---- Bytes ----------------------------------------------------------- */

/* For sockets, and pipes that green calls made. On other files an operation may
 * block a kernel thread for ever. */
static bool has_operation(const struct green__io *io)
{
    return !io->d || !(io->d->file & GREEN__FILE_NO_SOCKET) ||
           ((io->d->flags & GREEN__TRUSTED) &&
            !(io->d->file & GREEN__FILE_OPENED));
}

static bool is_pipe(const struct green__io *io)
{
    return io->d && (io->d->file & GREEN__FILE_NO_SOCKET);
}

/* False if it must wait for readiness, or expected a socket and found none. */
static bool transfer(struct green__io *io, struct green_operation *operation,
                     ssize_t *n)
{
    if (!green__io_operate(io, operation, n))
        return false;
    if (*n >= 0 || errno != ENOTSOCK)
        return true;
    io->d->file |= GREEN__FILE_NO_SOCKET;
    return false;
}

bool green__io_read(struct green__io *io, void *buffer, size_t size, ssize_t *n)
{
    struct green_operation operation = {
        .kind = is_pipe(io) ? GREEN_OP_READ : GREEN_OP_RECV,
        .buffer = buffer,
        .size = size,
        .offset = -1,
    };

    return has_operation(io) && transfer(io, &operation, n);
}

bool green__io_write(struct green__io *io, const void *buffer, size_t size,
                     ssize_t *n)
{
    struct green_operation operation = {
        .kind = is_pipe(io) ? GREEN_OP_WRITE : GREEN_OP_SEND,
        .buffer = (void *)(uintptr_t)buffer,
        .size = size,
        .offset = -1,
    };

    if (operation.kind == GREEN_OP_SEND)
        operation.flags = MSG_NOSIGNAL;
    return has_operation(io) && transfer(io, &operation, n);
}

bool green__io_receive(struct green__io *io, void *buffer, size_t size,
                       int flags, ssize_t *n)
{
    struct green_operation operation = {
        .kind = GREEN_OP_RECV,
        .buffer = buffer,
        .size = size,
        .flags = (unsigned)flags & ~(unsigned)MSG_WAITALL,
    };

    return !(flags & (MSG_OOB | MSG_ERRQUEUE)) && !is_pipe(io) &&
           transfer(io, &operation, n);
}

bool green__io_gathers(const struct green__io *io, size_t size)
{
    const struct green__scheduler *s = green__self()->scheduler;

    /* Without alarms: a killed greenthread may still write without waiting. */
    return io->hub->in_flight - MIN_IN_FLIGHT <=
               MAX_IN_FLIGHT - MIN_IN_FLIGHT &&
           size <= MAX_WRITE_SIZE && s && !io->hub->dispatching &&
           !s->current->alarms;
}
