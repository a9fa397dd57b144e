#include "io/operate.h"

#include <stdio.h>

#include "greenthread/scheduler.h"

/* An operation under way, on the stack of who waits for its end. */
struct performer {
    struct green__waiter waiter;
    struct green__edge edge; /* its place in the descriptor's line */
    struct green__io *io;
    struct green_operation *operation;
    uint32_t generation;
    int reason; /* the errno that it was withdrawn for; 0: it was not */
    bool renew; /* withdrawn to be submitted anew */
    bool ended; /* or woken, while it waits for its turn */
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    const struct performer *p =
        container_of(waiter, const struct performer, waiter);

    snprintf(text, size, "descriptor %d", p->edge.fd);
}

static const struct green__wait_kind reading = {.name = "read",
                                                .describe = describe};
static const struct green__wait_kind writing = {.name = "write",
                                                .describe = describe};

/* Whether the number still stands for what it was called with. Each park may
 * have changed that. */
static bool is_still_open(const struct performer *p)
{
    return p->io->d->generation == p->generation;
}

/* ---- The turn -------------------------------------------------------- */

/* Whether somebody is to go first in this direction. */
static bool others_first(const struct green__io *io)
{
    struct green_list *link;

    green__list_each (&io->d->edges, link) {
        const struct green__edge *edge = green__edge_of(link);

        if (!(edge->events & io->direction) || edge->role == GREEN__WAITS)
            continue;
        if (edge->role != GREEN__QUEUES || !io->ticket ||
            (int32_t)(edge->ticket - io->ticket) < 0)
            return true;
    }
    return false;
}

static void turn_comes(struct green__edge *edge, unsigned events)
{
    struct performer *p = container_of(edge, struct performer, edge);

    p->ended = true;
    if (events & GREEN_CLOSED)
        p->reason = EBADF;
    green__wake(&p->waiter);
}

static void join_line(struct performer *p, enum green__edge_role role,
                      void (*callback)(struct green__edge *, unsigned))
{
    p->edge.fd = p->io->fd;
    p->edge.role = role;
    p->edge.events = p->io->direction;
    p->edge.ticket = p->io->ticket;
    p->edge.callback = callback;
    green__edge_line_up(p->io->hub, p->io->d, &p->edge);
    p->io->ticket = p->edge.ticket;
}

/* Waits until nobody is to go first. 0, or the errno to fail with. */
static int await_turn(struct performer *p)
{
    while (others_first(p->io)) {
        p->ended = false;
        join_line(p, GREEN__QUEUES, turn_comes);
        if (green__park_until(&p->waiter, p->io->deadline) < 0) {
            int error = errno;

            green__list_remove(&p->edge.link);
            return error;
        }
        if (p->reason)
            return p->reason;
        if (!is_still_open(p))
            return EBADF;
    }
    return 0;
}

/* ---- The operation --------------------------------------------------- */

static void has_ended(struct green_operation *operation)
{
    struct performer *p = operation->arg;

    p->ended = true;
    green__wake(&p->waiter);
}

static void withdraw(struct performer *p, int reason)
{
    if (p->ended)
        return;
    if (!p->reason)
        p->reason = reason;
    green_hub_withdraw(p->io->hub, p->operation);
}

static void is_to_end(struct green__edge *edge, unsigned events)
{
    struct performer *p = container_of(edge, struct performer, edge);

    if (!(events & GREEN__RENEW)) {
        withdraw(p, EBADF);
        return;
    }
    p->renew = true;
    green_hub_withdraw(p->io->hub, p->operation);
}

/*
 * The system still has our buffer, whatever ended the wait: nothing ends this
 * one but the operation. (A hub that can never work again has ended all.)
 */
static GREEN__COLD void await_end(struct performer *p)
{
    struct green_shield shield;

    green_shield_begin(&shield);
    while (!p->ended && p->io->hub->operations)
        green__park(&p->waiter);
    green_shield_end(&shield);
}

static bool was_cancelled(int64_t result)
{
    return result == -ECANCELED || result == -EINTR;
}

/* Submits it and waits. 0, or -1 if the hub takes none now. */
static int carry_out(struct performer *p)
{
    struct green_operation *operation = p->operation;
    int started;

    p->ended = false;
    p->renew = false;
    operation->internal.state = 0;
    started = green__operation_start(p->io->hub, operation);
    if (green__unlikely(started != 0)) {
        p->ended = true;
        return started < 0 ? -1 : 0;
    }
    join_line(p, GREEN__OPERATES, is_to_end);
    if (green__unlikely(green__park_until(&p->waiter, p->io->deadline) < 0)) {
        withdraw(p, errno);
        await_end(p);
    }
    green__list_remove(&p->edge.link);
    return 0;
}

/* The same, once more if it was withdrawn only to find out which open file the
 * number stands for by now. */
static int perform(struct performer *p)
{
    do {
        if (carry_out(p) < 0)
            return -1;
    } while (green__unlikely(p->renew && !p->reason && is_still_open(p) &&
                             was_cancelled(p->operation->result)));
    return 0;
}

/* The result, as a system call's. What has failed, or was done in part, on a
 * number that was closed since then does not go on: it is somebody else's. */
static ssize_t conclude(struct performer *p)
{
    int64_t result = p->operation->result;
    bool closed = !is_still_open(p);

    p->io->closed = closed;
    if (green__unlikely(!p->ended)) {
        errno = EIO;
        return -1;
    }
    if (green__likely(!closed))
        p->io->d->ready |= p->io->direction;
    else if (!p->reason)
        p->reason = EBADF;
    if (green__likely(result >= 0))
        return result;
    if (was_cancelled(result)) /* unasked: it goes by readiness */
        result = p->reason ? -p->reason : -EAGAIN;
    errno = closed ? p->reason : (int)-result;
    return -1;
}

/* Whoever waits to be told of what comes is told first. */
static bool somebody_waits_to_be_told(const struct green__io *io)
{
    struct green_list *link;

    green__list_each (&io->d->edges, link) {
        const struct green__edge *edge = green__edge_of(link);

        if (edge->role == GREEN__WAITS && (edge->events & io->direction))
            return true;
    }
    return false;
}

/* What forbids to wait at all is green__io_wait's to say. */
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
    return green__likely(green__list_empty(&io->d->edges)) ||
           !somebody_waits_to_be_told(io);
}

bool green__io_operate(struct green__io *io, struct green_operation *operation,
                       ssize_t *n)
{
    struct performer p;
    int error;

    if (!may_operate(io))
        return false;
    green__waiter_init(&p.waiter,
                       io->direction == GREEN_READ ? &reading : &writing);
    if (green__unlikely(!p.waiter.thread))
        return false;
    if (!io->deadline)
        green__io_find_deadline(io);
    p.io = io;
    p.operation = operation;
    p.generation = io->d->generation;
    p.reason = 0;
    operation->fd = io->fd;
    operation->callback = has_ended;
    operation->arg = &p;
    operation->later = true;
    error = p.waiter.thread->alarms ? green__interruption(p.waiter.thread) : 0;
    if (!error && !green__list_empty(&io->d->edges)) {
        operation->later = false;
        error = await_turn(&p);
    }
    if (green__unlikely(error)) {
        errno = error;
        *n = -1;
        return true;
    }
    io->d->ready &= (uint8_t)~io->direction;
    if (perform(&p) < 0)
        return false;
    *n = conclude(&p);
    return !green__would_block(*n) || p.reason;
}

/* When it pays to have the hub carry out what could be done at once. */
#define FEWEST 8u
#define MOST 512u
#define LARGEST 4096

/* ---- Bytes ----------------------------------------------------------- */

/* Sockets, and pipes that green calls made. What else there is may block a
 * thread of the kernel's for ever. */
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

/* True unless a socket was expected, and it is none. */
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

    /* One who is killed may still write what need not wait. */
    return io->hub->in_flight - FEWEST <= MOST - FEWEST && size <= LARGEST &&
           s && !io->hub->dispatching && !s->current->alarms;
}
