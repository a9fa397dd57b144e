/*
 * An operation that the hub carries out for a greenthread, on whose stack all of it
 * lies: so it is left only when the system has let go of its buffers. It ends early
 * when its descriptor is closed, its greenthread killed or timed out, or the
 * deadline has come.
 */
#ifndef GREEN_PENDING_H
#define GREEN_PENDING_H

#include "io/wait.h"

struct green__pending {
    struct green__place place; /* called when the descriptor is closed */
    struct green__io *io;
    struct green_operation *operation;
    uint32_t generation; /* of io->d, if that is known */
    int reason; /* the errno that it was withdrawn for; 0: it was not */
    bool renew; /* withdrawn to be submitted anew */
    bool ended; /* the hub has reported its result */
};

/* The operation's callback. */
void green__pending_has_ended(struct green_operation *operation);

/* Prepares it; the fd of io is a folder's or -1 where the operation goes by a path. */
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
 * Submits it, and waits for its end in the line of its descriptor. 0, and its result
 * is operation->result if it has `ended` (it has not if the hub can never work
 * again); -1 if the hub takes none now.
 */
int green__pending_run(struct green__pending *pending, unsigned directions,
                       green_time deadline);

/* The descriptor was closed since, and its number may have been reused. */
static inline bool
green__pending_is_closed(const struct green__pending *pending)
{
    const struct green__descriptor *d = pending->io->d;

    return d && d->generation != pending->generation;
}

/* The system has ended it before it had done anything. */
static inline bool
green__pending_was_cancelled(const struct green__pending *pending)
{
    int64_t result = pending->operation->result;

    return result == -ECANCELED || result == -EINTR;
}

#endif
