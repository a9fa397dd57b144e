/* open(2) of a FIFO waits for the other end: an OS thread of the worker pool does that. */
#ifndef GREEN_FIFO_H
#define GREEN_FIFO_H

#include <stdbool.h>
#include <sys/types.h>

/* Whether it would wait. Leaves errno alone. */
bool green__open_waits(int folder, const char *path, int flags);

/* As openat(2). A kill or a timeout ends it with -1, and what is opened after all
 * is closed. */
int green__open_waiting(int folder, const char *path, int flags, mode_t mode);

#endif
