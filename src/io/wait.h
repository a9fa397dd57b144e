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
 * After -1 green__io_wait has set errno to what the call is to fail with.
 */
#ifndef GREEN_IO_WAIT_H
#define GREEN_IO_WAIT_H

#include <errno.h>

#include <greenhub/io.h>

#include "greenthread/call.h"
#include "hub/io_waiter.h"
#include "io/open_file.h"

struct green__io {
    struct green_hub *hub;
    struct green__descriptor *d; /* NULL until it waits, if it is not known */
    int fd;
    uint8_t direction;
    bool nonblocking; /* this call is not to wait, as by MSG_DONTWAIT */
    bool closed;      /* it was, during an operation: the number is another's */
    bool paused;      /* it has just waited for time to pass */
    uint8_t vain;     /* waits after which the call said EAGAIN again at once */
    uint32_t ticket;  /* its place in the queue, once it has waited */
    green_time deadline;  /* by SO_RCVTIMEO and the like; 0: not known yet */
    green_time waited_at; /* once vain is not 0 */
};

/* A greenthread's place in a descriptor's line. On its stack. */
struct green__place {
    struct green__waiter waiter;
    struct green__io_waiter io_waiter;
    unsigned events; /* that it was called with; 0: it was not */
};

/* Of a read and of a write; they describe a place. */
extern const struct green__wait_kind green__reading, green__writing;

static inline const struct green__wait_kind *
green__place_kind(const struct green__io *io)
{
    return io->direction == GREEN_READ ? &green__reading : &green__writing;
}

/* Notes what it is called with, and wakes its greenthread if it is parked there. */
void green__place_is_called(struct green__io_waiter *io_waiter,
                            unsigned events);

/* Prepares it. `kind` is of a wait that describes a place. */
static inline void green__place_init(struct green__place *place,
                                     const struct green__io *io,
                                     const struct green__wait_kind *kind)
{
    green__waiter_init(&place->waiter, kind);
    place->io_waiter.fd = io->fd;
    place->io_waiter.callback = green__place_is_called;
}

/* Into the line, for the direction of the call or another; the module is not told.
 * The call keeps its ticket. */
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

/* 0, or -1 with errno when this thread can have no hub. */
static inline int green__io_look_up(struct green__io *io, int fd,
                                    unsigned direction)
{
    io->hub = green__hub_here();
    if (green__unlikely(!io->hub)) {
        io->hub = green__hub_get();
        if (!io->hub)
            return -1;
    }
    io->d = green__descriptor_peek(io->hub, fd);
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

/* A public call begins. 0, or -1 with errno. */
static inline int green__io_begin(struct green__io *io, int fd,
                                  unsigned direction)
{
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    return green__io_look_up(io, fd, direction);
}

/*
 * Which life of the number this is. What makes several calls of those on it asks
 * before the first, and after each that may have switched: in another life the
 * number is somebody else's. (One that the hub does not know is in its first.)
 */
static inline uint32_t green__io_life(int fd)
{
    struct green_hub *hub = green__hub_here();
    const struct green__descriptor *d =
        hub ? green__descriptor_peek(hub, fd) : NULL;

    return d ? d->generation : 1;
}

/* Somebody else waits for this direction, and was first. */
bool green__io_others_wait(const struct green__io *io);

/*
 * Whether the module will report when the descriptor becomes ready again, so
 * that what is known about it can be relied on.
 */
static inline bool green__io_can_rely(const struct green__io *io)
{
    const struct green__descriptor *d = io->d;

    return d && (d->flags & GREEN__TRUSTED) && !(d->flags & GREEN__ENDED) &&
           ((d->interest & GREEN_EDGE) ||
            !(io->hub->module->capabilities & GREEN_HUB_EDGE));
}

/* False when a try is known to be in vain, or would jump the queue. */
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

/* EINPROGRESS: the first data of TCP's fast open wait for the connection. */
static inline bool green__would_block(ssize_t result)
{
    return result < 0 &&
           (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINPROGRESS);
}

/* Part of it is done, and the rest is waited for: nothing was in vain. */
static inline void green__io_progress(struct green__io *io)
{
    io->vain = 0;
}

/*
 * Waits until it is worth another try. What is reported as ready time and again
 * while the call says EAGAIN each time (an error queue that nobody reads, a full
 * datagram socket that is not connected to) is looked at after pauses.
 */
int green__io_wait(struct green__io *io);

/* By when the socket's own timeout ends the call: io->deadline. */
void green__io_find_deadline(struct green__io *io);

/* The call is over: who waits behind it may try. Leaves errno alone. */
void green__io_pass(struct green__io *io);

/* The same at a public call's end. May switch. */
static inline void green__io_end(struct green__io *io, ssize_t result)
{
    int cost = GREEN__COST_SYSTEM_CALL;

    if (green__unlikely(io->ticket && !green__list_empty(&io->d->io_waiters)))
        green__io_pass(io);
    if (io->ticket)
        return; /* it has waited */
    if (green__unlikely(result >= GREEN__COST_BYTES))
        cost += green__cost_of(result);
    green__call_ends(cost);
}

/*
 * A call goes on after a piece for which it did not have to wait. Others may run,
 * but it keeps its place in line. 0; or -1 with what a kill or a timeout fails it
 * with, or EBADF if the descriptor was closed.
 */
int green__io_go_on(struct green__io *io, ssize_t piece);

/* How much a read of a socket waits for, by SO_RCVLOWAT. */
size_t green__low_water(const struct green__io *io, size_t size);

/* A read gave less than was asked for. */
static inline void green__io_short_read(struct green__io *io)
{
    if (io->d && (io->d->file & GREEN__FILE_TCP) && green__io_can_rely(io))
        io->d->ready &= (uint8_t)~GREEN_READ;
}

#endif
