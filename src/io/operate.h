/*
 * A green call carried out by the hub itself, where its module can: in place of
 * a wait until the descriptor is ready and another try.
 *
 *     if (green__io_operates(&io) && green__io_read(&io, buffer, size, 0, &n))
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

/* True: done, *n is the system call's result and errno set if it is -1. */
bool green__io_operate(struct green__io *io, struct green_operation *operation,
                       ssize_t *n);

bool green__io_read(struct green__io *io, void *buffer, size_t size, int flags,
                    ssize_t *n);
bool green__io_write(struct green__io *io, const void *buffer, size_t size,
                     int flags, ssize_t *n);

#endif
