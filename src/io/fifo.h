/* open(2) of a FIFO waits for the other end, so a thread of the worker pool
 * calls it. */
#ifndef GREEN_FIFO_H
#define GREEN_FIFO_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether open(2) would wait. Leaves errno alone. */
bool green__open_waits(int folder, const char *path, int flags);

/* As openat(2). A kill or a timeout ends the wait with -1; if the file is
 * opened later, it is closed again. */
int green__open_waiting(int folder, const char *path, int flags, mode_t mode);

#endif
