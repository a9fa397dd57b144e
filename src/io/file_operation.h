/* File operations: the hub carries out a call that may wait for a disk, while
 * other greenthreads run. */
#ifndef GREEN_FILE_OPERATION_H
#define GREEN_FILE_OPERATION_H

#include "io/wait.h"

/*
 * True: the hub carried it out; *result is the system call's, errno is set if
 * it is -1, and io->closed if the descriptor was closed meanwhile. False: the
 * caller must make the plain call. io->fd is a directory's or -1 if the
 * operation takes a path.
 */
bool green__file_operate(struct green__io *io,
                         struct green_operation *operation, int64_t *result);

#endif
