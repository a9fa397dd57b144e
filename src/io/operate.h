/*
 * The hub carries out a green call itself, if its module can, instead of a wait
 * until the descriptor is ready and another try.
 *
 *     if (green__io_operates(&io) && green__io_read(&io, buffer, size, &n))
 *         break;                       n and errno are the call's
 *     if (green__io_wait(&io) < 0)     use readiness
 *         return -1;
 *
 * Each direction of a descriptor has at most one operation in flight; later
 * calls wait in line for their turn.
 */
#ifndef GREEN_OPERATE_H
#define GREEN_OPERATE_H

#include "io/wait.h"

static inline bool green__io_operates(const struct green__io *io)
{
    return green__unlikely(io->hub->operations != 0);
}

/*
 * Whether the hub should carry out a write that would succeed at once, together
 * with those of other greenthreads: that saves each a system call. It costs
 * more than it saves if there are few, if the writes are large, or if there are
 * so many that a greenthread's stack has left the cache before its next turn.
 * (CPU time of an echo of 64 bytes, with it / without: 0.97 at 100 connections,
 * 0.95 at 500, 1.05 at 1,000, 1.10 at 5,000; of 64 KiB 1.04 at 100.)
 */
bool green__io_gathers(const struct green__io *io, size_t size);

/* True: done; *n is the system call's result, and errno is set if it is -1. */
bool green__io_operate(struct green__io *io, struct green_operation *operation,
                       ssize_t *n);

bool green__io_read(struct green__io *io, void *buffer, size_t size,
                    ssize_t *n);
bool green__io_write(struct green__io *io, const void *buffer, size_t size,
                     ssize_t *n);
bool green__io_receive(struct green__io *io, void *buffer, size_t size,
                       int flags, ssize_t *n);

#endif
