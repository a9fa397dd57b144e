/* POSIX has no pidfds: children are known by their numbers. See pidfd.h. */
#include "process/pidfd.h"

#include <errno.h>

#include "base/self.h"

int green__pidfd_ask(int pidfd, siginfo_t *info, int options)
{
    (void)pidfd, (void)info, (void)options;
    return green__refuse(EINVAL);
}

int green__pidfd_signal(int pidfd, int signal, bool to_group)
{
    (void)pidfd, (void)signal, (void)to_group;
    return green__refuse(ENOSYS);
}
