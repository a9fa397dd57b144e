/*
 * One green call on a descriptor, and its wait.
 *
 *     struct green__io io;
 *
 *     if (green__io_begin(&io, fd, GREEN_READ) < 0)
 *         return -1;
 *     do
 *         result = green__io_may_try(&io) ? the system call, not blocking
 *                                         : would block;
 *     while (result is EAGAIN && green__io_wait(&io) == 0);
 *     green__io_end(&io, result);
 *
 * If green__io_wait returns -1, errno is what the call fails with.
 */
#ifndef GREEN_IO_WAIT_H
#define GREEN_IO_WAIT_H

#include <errno.h>

#include <greenhub/io.h>

#include "greenthread/call.h"
#include "hub/io_waiter.h"
#include "hub/lives.h"
#include "io/open_file.h"

struct green__io {
    struct green_hub *hub;
    struct green__descriptor *d; /* if not known, NULL until it waits */
    int fd;
    uint8_t direction;
    bool nonblocking;    /* this call must not wait, as by MSG_DONTWAIT */
    bool closed;         /* during an operation; fd may have been reused */
    bool paused;         /* it has just paused */
    uint8_t vain;        /* wake-ups after which it said EAGAIN again at once */
    uint32_t ticket;     /* its place in the queue, once it has waited */
    green_time deadline; /* by SO_RCVTIMEO and SO_SNDTIMEO; 0: unknown */
    green_time waited_at; /* valid if vain is not 0 */
};

/* A greenthread's place in a descriptor's line. It lies on its stack. */
struct green__place {
    struct green__waiter waiter;
    struct green__io_waiter io_waiter;
    unsigned events; /* of its callback; 0: not called */
};

/* The waits of reads and writes; their descriptions name the descriptor. */
extern const struct green__wait_kind green__reading, green__writing;

static inline const struct green__wait_kind *
green__place_kind(const struct green__io *io)
{
    return io->direction == GREEN_READ ? &green__reading : &green__writing;
}

/* Records the events, and wakes its greenthread if that is parked there. */
void green__place_is_called(struct green__io_waiter *io_waiter,
                            unsigned events);

/* Prepares a place. `kind` must describe a struct green__place. */
static inline void green__place_init(struct green__place *place,
                                     const struct green__io *io,
                                     const struct green__wait_kind *kind)
{
    green__waiter_init(&place->waiter, kind);
    place->io_waiter.fd = io->fd;
    place->io_waiter.callback = green__place_is_called;
}

/* Joins the line, for the call's direction or another, without telling the
 * module. The call keeps its ticket. */
static inline void green__place_line_up(struct green__place *place,
                                        const struct green__io *io,
                                        enum green__io_waiter_role role,
                                        unsigned directions)
{
    place->events = 0;
    place->io_waiter.role = role;
    place->io_waiter.events = directions;
    place->io_waiter.ticket = io->ticket;
    green__io_waiter_queue(io->hub, io->d, &place->io_waiter);
}

/* 0, or -1 with errno if this OS thread can have no hub. */
static inline int green__io_look_up(struct green__io *io, int fd,
                                    unsigned direction)
{
    io->hub = green__hub_here();
    if (green__unlikely(!io->hub)) {
        io->hub = green__hub_get();
        if (!io->hub)
            return -1;
    }
    io->d = green__descriptor_find(io->hub, fd);
    io->fd = fd;
    io->direction = (uint8_t)direction;
    io->nonblocking = false;
    io->closed = false;
    io->paused = false;
    io->vain = 0;
    io->ticket = 0;
    io->deadline = 0;
    return 0;
}

/* Begins a public call. 0, or -1 with errno. */
static inline int green__io_begin(struct green__io *io, int fd,
                                  unsigned direction)
{
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    return green__io_look_up(io, fd, direction);
}

/*
 * Counts the lives of a descriptor number. A function that makes several calls
 * on it compares the value before the first with that after each call that may
 * switch: if they differ, the number may have been reused. (A number unknown to
 * the hub is in its first life.)
 */
static inline uint32_t green__io_life(int fd)
{
    struct green_hub *hub = green__hub_here();
    const struct green__descriptor *d =
        hub ? green__descriptor_peek(hub, fd) : NULL;
    const struct green__life *life = green__life_of(fd);

    if (green__unlikely(life != NULL))
        return atomic_load(&life->number);
    return d ? d->generation : 1;
}

/* Whether another greenthread waits for this direction, and came first. */
bool green__io_others_wait(const struct green__io *io);

/*
 * Whether the module will report when the descriptor becomes ready again, so
 * that `ready` can be relied on.
 */
static inline bool green__io_can_rely(const struct green__io *io)
{
    const struct green__descriptor *d = io->d;

    return d && (d->flags & GREEN__TRUSTED) && !(d->flags & GREEN__ENDED) &&
           ((d->interest & GREEN_EDGE) ||
            !(io->hub->module->capabilities & GREEN_HUB_EDGE));
}

/* False if a try would fail with EAGAIN, or would jump the queue. */
static inline bool green__io_may_try(const struct green__io *io)
{
    const struct green__descriptor *d = io->d;

    if (!d || io->nonblocking || (d->file & GREEN__FILE_NONBLOCK))
        return true;
    if (!(d->ready & io->direction) && green__io_can_rely(io))
        return false;
    return io->ticket || green__list_empty(&d->io_waiters) ||
           !green__io_others_wait(io);
}

/* EINPROGRESS: with TCP fast open the first data wait for the connection. */
static inline bool green__would_block(ssize_t result)
{
    return result < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS);
}

/* Part of the transfer is done: the wake-ups so far were not spurious. */
static inline void green__io_progress(struct green__io *io)
{
    io->vain = 0;
}

/*
 * Waits until another try may succeed. If the module reports readiness time and
 * again while the call returns EAGAIN each time (an unread error queue, a full
 * datagram socket that is not connected), it pauses between tries.
 */
int green__io_wait(struct green__io *io);

/* Sets io->deadline from the socket's own timeout. */
void green__io_find_deadline(struct green__io *io);

/* The call is over: lets the next in line try. Leaves errno alone. */
void green__io_pass(struct green__io *io);

/* Ends a public call: as green__io_pass, and charges its cost. May switch. */
static inline void green__io_end(struct green__io *io, ssize_t result)
{
    int cost = GREEN__COST_SYSTEM_CALL;

    if (green__unlikely(io->ticket && !green__list_empty(&io->d->io_waiters)))
        green__io_pass(io);
    if (io->ticket)
        return; /* its wait has let others run */
    if (green__unlikely(result >= GREEN__COST_BYTES))
        cost += green__cost_of(result);
    green__call_ends(cost);
}

/*
 * Goes on after a piece that needed no wait. Other greenthreads may run, but
 * the call keeps its place in line. Returns 0; or -1 with the errno of a kill
 * or timeout, or EBADF if the descriptor was closed.
 */
int green__io_go_on(struct green__io *io, ssize_t piece);

/*
 * A write has failed with EPIPE. If it was reset while the call waited, the
 * kernel reports that to a call that waits in it, and to no later one, which
 * the last try was: so ask for it. Sets errno.
 */
void green__io_broken(const struct green__io *io);

/* How many bytes a read of a socket waits for, by SO_RCVLOWAT. */
size_t green__low_water(const struct green__io *io, size_t size);

/* A read returned less than was asked for. */
static inline void green__io_short_read(struct green__io *io)
{
    if (io->d && (io->d->file & GREEN__FILE_TCP) && green__io_can_rely(io))
        io->d->ready &= (uint8_t)~GREEN_READ;
}

#endif
