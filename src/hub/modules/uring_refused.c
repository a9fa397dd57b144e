#include "hub/modules/uring_refused.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include <greenhub/hub_module.h>

#include "base/system.h"

#define SWITCH "/proc/sys/kernel/io_uring_disabled"

/* Reads the administrator's switch: '0', '1', '2'; '?' if there is none. */
static char disabled(void)
{
    int fd = green__system.open(SWITCH, O_RDONLY | O_CLOEXEC);
    char digit = '?';

    if (fd < 0)
        return '?';
    if (green__system.read(fd, &digit, 1) != 1)
        digit = '?';
    green__system.close(fd);
    return digit;
}

void green__uring_explain(int error)
{
    char digit = disabled();

    if (error == EPERM && digit == '2')
        green_hub_set_error("io_uring is switched off here: the sysctl "
                            "kernel.io_uring_disabled is 2");
    else if (error == EPERM && digit == '1')
        green_hub_set_error("io_uring is for privileged processes alone here: "
                            "the sysctl kernel.io_uring_disabled is 1");
    else if (error == EPERM || error == EACCES)
        green_hub_set_error("io_uring is forbidden to this process, as it is "
                            "in many containers (seccomp)");
    else if (error == ENOSYS)
        green_hub_set_error("this kernel has no io_uring, or one older than "
                            "5.11, or a container hides it");
    else if (error == ENOMEM)
        green_hub_set_error("no memory for io_uring's queues; kernels before "
                            "5.12 count them against RLIMIT_MEMLOCK "
                            "(ulimit -l)");
    else
        green_hub_set_error("the kernel gives no io_uring: errno %d", error);
}
