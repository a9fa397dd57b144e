/* Waiting for children: what the files here share, and the patch library. */
#ifndef GREEN_PROCESS_WAIT_H
#define GREEN_PROCESS_WAIT_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "base/attributes.h"

/*
 * Waits until waitpid(pid, ..., options | WNOHANG) may have something to tell.
 * Returns 0, or -1 with errno as green_waitpid. May switch.
 */
GREEN__PRIVATE int green__child_wait(pid_t pid, int options);

/* Waits until a descriptor of the library's own is readable, and closes it.
 * Returns 0, or -1 with errno. May switch. */
int green__wait_and_close(int fd);

/* Waits until one of these blocked signals may be pending, and takes none. Returns
 * 0, or -1 with errno. May switch. */
int green__signal_await(const sigset_t *set);

#endif
