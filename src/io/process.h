/* Waiting for children, for the patch library's forms of it. */
#ifndef GREEN_IO_PROCESS_H
#define GREEN_IO_PROCESS_H

#include <sys/types.h>

#include "base/attributes.h"

/*
 * Waits until waitpid(pid, ..., options | WNOHANG) may have something to tell.
 * Returns 0, or -1 with errno as green_waitpid. May switch.
 */
GREEN__PRIVATE int green__child_wait(pid_t pid, int options);

#endif
