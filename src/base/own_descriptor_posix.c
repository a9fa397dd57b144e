/* What hubs have without Linux is pipes; a kqueue looks like one. */
#include <errno.h>
#include <sys/stat.h>

#include "base/own_descriptor.h"

bool green__own_descriptor_is_lost(int fd)
{
    struct stat status;
    int saved = errno;
    bool lost = fstat(fd, &status) < 0 || !S_ISFIFO(status.st_mode);

    errno = saved;
    return lost;
}
