/* Sleeps by a signalfd(2), which tells of signals and takes none: see wait.h. */
#include <sys/signalfd.h>

#include "base/system.h"
#include "process/wait.h"

int green__signal_await(const sigset_t *set)
{
    int fd = green__system.signalfd(-1, set, SFD_CLOEXEC | SFD_NONBLOCK);

    return fd < 0 ? -1 : green__wait_and_close(fd);
}
