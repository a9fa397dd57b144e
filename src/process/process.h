/* What the files of green_process share. */
#ifndef GREEN_PROCESS_H
#define GREEN_PROCESS_H

#include <stdbool.h>
#include <sys/types.h>

#include <greenhub/process.h>

/* In green_process.internal.state. */
enum green__process_state {
    GREEN__PROCESS_NONE,    /* not started, or has been ended */
    GREEN__PROCESS_RUNNING, /* its status was not collected */
    GREEN__PROCESS_ENDED,   /* collected: internal.status */
    GREEN__PROCESS_LOST,    /* somebody else has collected it */
};

static inline bool green__process_runs(const struct green_process *process)
{
    return process->internal.state == GREEN__PROCESS_RUNNING;
}

static inline bool green__process_exists(const struct green_process *process)
{
    return process && process->internal.state != GREEN__PROCESS_NONE;
}

/* Closes one of the pipes, if it is open. Preserves errno. */
void green__process_close_pipe(int *fd);

/* Opens the pidfd of a child that has just been started, if the kernel has any. */
void green__process_identify(struct green_process *process);

/* Checks that all these are open, before anything new gets one of their numbers.
 * Returns 0, or -1 with EBADF. */
int green__check_open(const int *fds, unsigned count);

/* Collects the status if the child has ended. Returns 0, or -1 with errno. */
int green__process_look(struct green_process *process);

/* Lets the child live on, and leaves its status to nobody. */
void green__process_let_go(struct green_process *process);

/* Makes the child close all descriptors from this number on. `actions` is a
 * posix_spawn_file_actions_t. Returns 0 or an error number, as posix_spawn. */
int green__close_from(void *actions, int least);

/* Makes the child begin in this directory. As green__close_from. */
int green__start_in(void *actions, const char *directory);

#endif
