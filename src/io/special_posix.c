/* POSIX opens a file by its path alone, and has no eventfds: see special.h. */
#include "io/special.h"

#include <errno.h>

#include "base/self.h"

int green__open_again(int fd, int flags)
{
    (void)fd, (void)flags;
    return green__refuse(ENOSYS);
}

bool green__counter_of(int fd, uint64_t *counter)
{
    (void)fd, (void)counter;
    return false;
}
