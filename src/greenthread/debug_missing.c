/*
 * Looks at other OS threads' greenthreads need Linux: signals to one OS thread by its
 * number, futexes, /proc. See look.h and blocking.h.
 */
#include <greenhub/debug.h>

#include <errno.h>

#include "base/self.h"
#include "greenthread/blocking.h"
#include "greenthread/look.h"

void green__blocking_begin(void)
{
}

int green__look_signal(void)
{
    return 0;
}

int green_dump_all(int fd)
{
    (void)fd;
    return green__refuse(ENOSYS);
}

int green_debug_dump_on_signal(int number, int fd)
{
    (void)number, (void)fd;
    return green__refuse(ENOSYS);
}

int green_debug_blocking(green_time longest, int fd)
{
    (void)longest, (void)fd;
    return green__refuse(ENOSYS);
}
