/* What is asked by a pidfd, where the system has them (green__system.pidfd_open). */
#ifndef GREEN_PIDFD_H
#define GREEN_PIDFD_H

#include <signal.h>
#include <stdbool.h>

/* waitid(2). */
int green__pidfd_ask(int pidfd, siginfo_t *info, int options);

/* kill(2); to the group that the process leads, too. */
int green__pidfd_signal(int pidfd, int signal, bool to_group);

#endif
