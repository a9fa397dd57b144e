/* Waiting for child processes and for signals. Only the greenthread waits. */
#ifndef GREENHUB_PROCESS_H
#define GREENHUB_PROCESS_H

#include <greenhub/base.h>

#include <signal.h>
#include <sys/types.h>

GREEN_BEGIN_DECLS

/*
 * waitpid(2): waits until a child has changed its state, and collects its
 * status. options may contain WNOHANG, WUNTRACED and WCONTINUED.
 * To wait for the end of one particular child it uses pidfd_open(2). Otherwise
 * (any of several children, stops, no pidfd_open) an OS thread of the thread
 * pool waits. That thread keeps waiting until the child changes state, even if
 * the greenthread is killed or timed out. The child's status is never lost.
 * Returns the child's process ID; 0 with WNOHANG if nothing has happened; or
 * -1: EINVAL for other options, ECHILD and the other errors of waitpid,
 * ECANCELED, ETIMEDOUT, EDEADLK if it would have to wait in a hub's callback,
 * EAGAIN or ENOMEM if no OS thread is available. May switch.
 */
GREEN_API pid_t green_waitpid(pid_t pid, int *status, int options);

/*
 * sigwaitinfo(2): waits for a signal of a set, consumes it, and describes it in
 * *info (info may be NULL).
 * Before the call, the caller's OS thread must block all signals of the set
 * (pthread_sigmask(3)). If the signals are sent to the process, all other OS
 * threads must block them, too. If several greenthreads wait for a signal, one
 * of them gets it.
 * Returns the signal's number, or -1: EINVAL for NULL or if a signal of the set
 * is not blocked, the errors of signalfd(2), ECANCELED, ETIMEDOUT, EDEADLK if
 * it would have to wait in a hub's callback. May switch. With -std=c11,
 * siginfo_t needs _POSIX_C_SOURCE.
 */
GREEN_API int green_signal_wait(const sigset_t *set, siginfo_t *info);

GREEN_END_DECLS

#endif
