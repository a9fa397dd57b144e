/*
 * Regular files: what may have to wait for a disk is carried out by the hub,
 * where it can, and else by the plain call, which blocks the OS thread. Results
 * as the system calls'.
 */
#ifndef GREEN_FILE_H
#define GREEN_FILE_H

#include "io/wait.h"

/* At the file's own position. Sets io->closed. */
ssize_t green__file_readv(struct green__io *io, const struct iovec *iov,
                          int count);
ssize_t green__file_writev(struct green__io *io, const struct iovec *iov,
                           int count);

/* What else there is, up to the end, of a file of which so many bytes were had:
 * how many more. It may wait for the disk. */
ssize_t green__file_rest(int fd, const struct iovec *iov, int count,
                         ssize_t done);

#endif
