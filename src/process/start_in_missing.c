/* POSIX.1-2008 starts a child in its parent's directory. */
#include <errno.h>

#include "process/process.h"

int green__start_in(void *actions, const char *directory)
{
    (void)actions, (void)directory;
    return ENOSYS;
}
