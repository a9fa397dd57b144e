/*
 * Regular files: what may have to wait for a disk is carried out by the hub,
 * where it can, and else by the plain call, which blocks the OS thread. Results
 * as the system calls'.
 */
#ifndef GREEN_FILE_H
#define GREEN_FILE_H

#include "io/wait.h"

/* At `offset`, or at the file's own position if it is -1. */
ssize_t green__file_readv(int fd, const struct iovec *iov, int count,
                          off_t offset);
ssize_t green__file_writev(int fd, const struct iovec *iov, int count,
                           off_t offset);

#endif
