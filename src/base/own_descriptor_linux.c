/* What Linux has for hubs is of no type of file: epoll, eventfd, io_uring. */
#include <errno.h>
#include <sys/stat.h>

#include "base/own_descriptor.h"

bool green__own_descriptor_is_lost(int fd)
{
    struct stat status;
    int saved = errno;
    bool lost = fstat(fd, &status) < 0 || (status.st_mode & S_IFMT) != 0;

    errno = saved;
    return lost;
}
