/*
 * Regular files: the hub carries out what may wait for a disk, if its module
 * can; otherwise the plain call does, which blocks the OS thread. Results are
 * as the system calls'.
 */
#ifndef GREEN_FILE_H
#define GREEN_FILE_H

#include "io/wait.h"

/* Transfers at the file's own position. They set io->closed. */
ssize_t green__file_readv(struct green__io *io, const struct iovec *iov,
                          int count);
ssize_t green__file_writev(struct green__io *io, const struct iovec *iov,
                           int count);

/* Reads on after `done` bytes, up to the end of the file; returns how many more
 * bytes it read. May wait for the disk. */
ssize_t green__file_rest(int fd, const struct iovec *iov, int count,
                         ssize_t done);

/* stat(2); the hub carries it out, if it can. */
struct stat;
int green__file_stat(struct green__io *io, const char *path,
                     struct stat *status);

#endif
