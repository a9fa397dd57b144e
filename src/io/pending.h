/*
 * A pending operation: the hub carries it out for a greenthread. All its data
 * lie on the greenthread's stack, so the greenthread waits until the kernel has
 * released the buffers. The operation ends early if the descriptor is closed,
 * the greenthread is killed or timed out, or the deadline has come.
 */
#ifndef GREEN_PENDING_H
#define GREEN_PENDING_H

#include "io/wait.h"

struct green__pending {
    struct green__place place; /* called when the descriptor is closed */
    struct green__io *io;
    struct green_operation *operation;
    uint32_t generation; /* of io->d, if it is not NULL */
    int reason;          /* the errno that it was withdrawn for, or 0 */
    bool renew;          /* withdrawn, to be submitted again */
    bool ended;          /* the hub has reported its result */
};

/* The operation's callback. */
void green__pending_has_ended(struct green_operation *operation);

/* Prepares it. io->fd is a directory's or -1 if the operation takes a path. */
static inline void green__pending_init(struct green__pending *pending,
                                       struct green__io *io,
                                       struct green_operation *operation,
                                       const struct green__wait_kind *kind)
{
    green__place_init(&pending->place, io, kind);
    pending->io = io;
    pending->operation = operation;
    pending->generation = io->d ? io->d->generation : 0;
    pending->reason = 0;
    operation->fd = io->fd;
    operation->callback = green__pending_has_ended;
    operation->arg = pending;
}

/*
 * Submits it, and waits in the line of its descriptor until it ends. Returns 0,
 * with the result in operation->result if it has `ended` (it has not if the hub
 * has failed for good); or -1 if the hub takes no operations now.
 */
int green__pending_run(struct green__pending *pending, unsigned directions,
                       green_time deadline);

/* Whether the descriptor was closed since; its number may have been reused. */
static inline bool
green__pending_is_closed(const struct green__pending *pending)
{
    const struct green__descriptor *d = pending->io->d;

    return d && d->generation != pending->generation;
}

/* Whether the kernel ended it before it had done anything. */
static inline bool
green__pending_was_cancelled(const struct green__pending *pending)
{
    int64_t result = pending->operation->result;

    return result == -ECANCELED || result == -EINTR;
}

#endif
