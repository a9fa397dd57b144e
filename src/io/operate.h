/*
 * A green call carried out by the hub itself, where its module can: in place of
 * a wait until the descriptor is ready and another try.
 *
 *     if (green__io_operates(&io) && green__io_read(&io, buffer, size, &n))
 *         break;                       n and errno are the call's
 *     if (green__io_wait(&io) < 0)     it is to go by readiness
 *         return -1;
 *
 * One operation a direction and descriptor is in flight; who comes later waits
 * in line for its turn.
 */
#ifndef GREEN_OPERATE_H
#define GREEN_OPERATE_H

#include "io/wait.h"

static inline bool green__io_operates(const struct green__io *io)
{
    return green__unlikely(io->hub->operations != 0);
}

/*
 * Whether a write that would succeed at once is better carried out by the hub,
 * together with those of other greenthreads: it saves each a system call. It
 * does not pay when there are few, nor when there are so many that a greenthread's
 * stack has left the cache until its turn comes again, nor for large ones. (CPU
 * time of an echo of 64 bytes, with it / without: 0.97 at 100 connections, 0.95
 * at 500, 1.05 at 1,000, 1.10 at 5,000; of 64 KiB 1.04 at 100.)
 */
bool green__io_gathers(const struct green__io *io, size_t size);

/* True: done, *n is the system call's result and errno set if it is -1. */
bool green__io_operate(struct green__io *io, struct green_operation *operation,
                       ssize_t *n);

bool green__io_read(struct green__io *io, void *buffer, size_t size,
                    ssize_t *n);
bool green__io_write(struct green__io *io, const void *buffer, size_t size,
                     ssize_t *n);
bool green__io_receive(struct green__io *io, void *buffer, size_t size,
                       int flags, ssize_t *n);

#endif
