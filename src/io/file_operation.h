/* What may have to wait for a disk, carried out by the hub while others run. */
#ifndef GREEN_FILE_OPERATION_H
#define GREEN_FILE_OPERATION_H

#include "io/wait.h"

/*
 * True: the hub has carried it out, *result is the system call's, errno is set if
 * it is -1, and io->closed if the descriptor was closed since. False: it is to be
 * done by the plain call. The fd of io is a folder's or -1 where the operation
 * goes by a path.
 */
bool green__file_operate(struct green__io *io,
                         struct green_operation *operation, int64_t *result);

#endif
