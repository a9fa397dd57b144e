#include <poll.h>

#include "base/system.h"
#include "io/message.h"

bool green__has_ended(int fd)
{
    struct pollfd poll_fd = {.fd = fd, .events = POLLRDHUP};

    return green__look(&poll_fd, 1) != 0;
}
