/*
 * One read or write that does not block, whatever the descriptor is, and without
 * touching its flags: they are shared with whoever shares the open file.
 *
 * - Sockets have MSG_DONTWAIT.
 * - Pipes, and what else the kernel can, have RWF_NOWAIT.
 * - For terminals and the rest poll(2) says beforehand whether a small piece
 *   will do.
 * - Files on a disk, which are always ready, are just read and written.
 *
 * They return as the system calls do, EAGAIN when it would block.
 */
#ifndef GREEN_ATTEMPT_H
#define GREEN_ATTEMPT_H

#include "io/wait.h"

ssize_t green__try_read(struct green__io *io, void *buffer, size_t size);
ssize_t green__try_write(struct green__io *io, const void *buffer, size_t size);
ssize_t green__try_readv(struct green__io *io, const struct iovec *iov,
                         int count);
ssize_t green__try_writev(struct green__io *io, const struct iovec *iov,
                          int count);

#endif
