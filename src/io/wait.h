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
#include "hub/descriptor.h"
#include "hub/edge.h"

/* What struct green__descriptor.file holds. */
enum green__file_flag {
    GREEN__FILE_KNOWN = 1,      /* the next three were looked up */
    GREEN__FILE_NONBLOCK = 2,   /* the user's O_NONBLOCK */
    GREEN__FILE_RCVTIMEO = 4,   /* SO_RCVTIMEO is set */
    GREEN__FILE_SNDTIMEO = 8,   /* SO_SNDTIMEO is set */
    GREEN__FILE_TCP = 16,       /* a short read means that no more is there */
    GREEN__FILE_NO_SOCKET = 32, /* recv and send are of no use */
    GREEN__FILE_OUR_NONBLOCK = 64, /* O_NONBLOCK is the library's */
    GREEN__FILE_CACHED = 128,      /* reads may be had from the page cache */
    GREEN__FILE_DIRECT = 256,      /* O_DIRECT: each is waited for */
    GREEN__FILE_OPENED = 512, /* by green_open: no operations but a file's */
    /* kind.h: what it is, once it was looked up; a number in four bits. */
    GREEN__FILE_DISK = 0x0400,
    GREEN__FILE_FIFO = 0x0800,
    GREEN__FILE_TERMINAL = 0x0c00,
    GREEN__FILE_ALIAS = 0x1000,
    GREEN__FILE_MASTER = 0x1400,
    GREEN__FILE_COUNTER = 0x1800,
    GREEN__FILE_OTHER = 0x1c00,
    GREEN__FILE_IS_SOCKET = 0x2000,
    GREEN__FILE_KINDS = 0x3c00,
    /* RWF_NOWAIT was refused. */
    GREEN__FILE_READS_BLOCK = 0x4000,
    GREEN__FILE_WRITES_BLOCK = 0x8000,
    /* Others have it too, a duplicate or another process, and may change it:
     * nothing is known for longer than until the next wait. */
    GREEN__FILE_SHARED = 0x10000,
    GREEN__FILE_RCVLOWAT = 0x20000, /* SO_RCVLOWAT is set */
};

/* Behind them, green__file_changes when they were looked up. */
#define GREEN__FILE_STAMP (~(GREEN__FILE_STEP - 1))

static inline uint32_t green__file_stamp(void)
{
    return __atomic_load_n(&green__file_changes, __ATOMIC_RELAXED);
}

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
    return io->ticket || green__list_empty(&d->edges) ||
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

/* SO_RCVTIMEO or SO_SNDTIMEO; 0: none. */
green_time green__socket_timeout(int fd, unsigned direction);

/* By when the socket's own timeout ends the call: io->deadline. */
void green__io_find_deadline(struct green__io *io);

/* The call is over: who waits behind it may try. Leaves errno alone. */
void green__io_pass(struct green__io *io);

/* The same at a public call's end. May switch. */
static inline void green__io_end(struct green__io *io, ssize_t result)
{
    int cost = GREEN__COST_SYSTEM_CALL;

    if (green__unlikely(io->ticket && !green__list_empty(&io->d->edges)))
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

/* A read gave less than was asked for. */
static inline void green__io_short_read(struct green__io *io)
{
    if (io->d && (io->d->file & GREEN__FILE_TCP) && green__io_can_rely(io))
        io->d->ready &= (uint8_t)~GREEN_READ;
}

/* Whether KNOWN's flags need not be looked up, nor again. */
static inline bool green__file_is_known(const struct green__descriptor *d)
{
    return (d->file &
            (GREEN__FILE_KNOWN | GREEN__FILE_SHARED | GREEN__FILE_STAMP)) ==
               (GREEN__FILE_KNOWN | green__file_stamp()) &&
           (d->flags & GREEN__TRUSTED);
}

/* Looks them up. */
void green__file_learn(struct green__descriptor *d);

/* From now on somebody else has the open file too. */
void green__file_share(int fd);

/* A green call made this descriptor; file: what is known about it. */
void green__io_opened(int fd, unsigned file);

/* Whether a short read goes on by MSG_WAITALL: a datagram is never more. */
bool green__waits_for_all(int fd, int flags);

/* The same for a look that is to wait for all, and takes nothing. */
bool green__peeks_for_all(int fd, int flags);

/* How much a read of a socket waits for, by SO_RCVLOWAT. */
size_t green__low_water(const struct green__io *io, size_t size);

/* TCP, if a socket of this kind is. */
unsigned green__file_of_socket(int domain, int type, int protocol);

#endif
