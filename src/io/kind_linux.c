/* Terminals by the numbers of their devices: see kind.h. */
#include <sys/ioctl.h>
#include <sys/sysmacros.h>

#include "base/system.h"
#include "io/kind.h"

/* /dev/ptmx, and BSD's. (TIOCGDEV names the slave.) */
static bool is_pty_master(dev_t device)
{
    return device == makedev(5, 2) || major(device) == 2;
}

unsigned green__kind_of_device(int fd, dev_t device)
{
    unsigned packed;

    if (green__system.ioctl(fd, TIOCGDEV, &packed) < 0)
        return GREEN__FILE_OTHER;
    if (is_pty_master(device))
        return GREEN__FILE_MASTER;
    if (device == makedev((packed >> 8) & 0xfffu,
                          (packed & 0xffu) | ((packed >> 12) & 0xfff00u)))
        return GREEN__FILE_TERMINAL;
    return GREEN__FILE_ALIAS;
}
