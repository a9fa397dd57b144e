/* Waiting for child processes and for signals: the greenthread waits alone. */
#ifndef GREENHUB_PROCESS_H
#define GREENHUB_PROCESS_H

#include <greenhub/base.h>

#include <signal.h>
#include <sys/types.h>

GREEN_BEGIN_DECLS

/*
 * waitpid(2): waits until a child has changed its state, and takes note of it.
 * options are WNOHANG, WUNTRACED and WCONTINUED. It waits by pidfd_open(2) for the
 * end of one child; for any of several, for stops, or without pidfd_open a thread of
 * the thread pool waits, and goes on until something happens to the child also if
 * the greenthread is killed or timed out. The child's status is lost in no case.
 * Returns the child's number; 0 with WNOHANG if nothing has happened; or -1: EINVAL
 * for other options, ECHILD and what else waitpid fails with, ECANCELED, ETIMEDOUT,
 * EDEADLK in a hub's callback if it had to wait, EAGAIN or ENOMEM if no thread can
 * be had. May switch.
 */
GREEN_API pid_t green_waitpid(pid_t pid, int *status, int options);

/*
 * sigwaitinfo(2): waits for a signal of a set, takes it, and describes it in *info
 * (info may be NULL). The caller's OS thread has blocked all of the set
 * (pthread_sigmask(3)), and so has every other one if the signals are sent to the
 * process. Of several greenthreads that wait for a signal one gets it.
 * Returns the signal's number, or -1: EINVAL for NULL or a set that is not blocked,
 * what signalfd(2) fails with, ECANCELED, ETIMEDOUT, EDEADLK in a hub's callback if
 * it had to wait. May switch. With -std=c11, siginfo_t needs _POSIX_C_SOURCE.
 */
GREEN_API int green_signal_wait(const sigset_t *set, siginfo_t *info);

GREEN_END_DECLS

#endif
