/* By pidfds: see pidfd.h. */
#include "process/pidfd.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/system.h"

#ifndef SYS_pidfd_send_signal
#define SYS_pidfd_send_signal 424
#endif

/* <sys/wait.h> and <linux/pidfd.h> may be older than the kernel. */
#define BY_PIDFD ((idtype_t)3)
#define TO_GROUP (1u << 2)

int green__pidfd_ask(int pidfd, siginfo_t *info, int options)
{
    return green__system.waitid(BY_PIDFD, (id_t)pidfd, info, options);
}

int green__pidfd_signal(int pidfd, int signal, bool to_group)
{
    return (int)green__system.syscall(SYS_pidfd_send_signal, pidfd, signal,
                                      NULL, to_group ? TO_GROUP : 0);
}
