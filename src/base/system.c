#include "base/system.h"

#include <errno.h>
#include <poll.h>

struct green__system *green__system_table(void)
{
    return &green__system;
}

int green__look(struct pollfd *fds, unsigned long count)
{
    int result;

    do
        result = green__system.poll(fds, count, 0);
    while (result < 0 && errno == EINTR);
    return result;
}
