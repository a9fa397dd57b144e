/* Sockets that a service manager has opened for this process. */
#include <greenhub/service.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/system.h"
#include "greenthread/park.h"
#include "process/environment.h"

#define FIRST 3 /* SD_LISTEN_FDS_START */

int green__environment_number(const char *name, unsigned long long *value)
{
    const char *text = getenv(name);
    char *end;

    if (!text)
        return 0;
    if (*text < '0' || *text > '9')
        return green__refuse(EINVAL);
    errno = 0;
    *value = strtoull(text, &end, 10);
    return *end || errno ? green__refuse(EINVAL) : 1;
}

static int close_on_exec(int fd)
{
    int flags = green__system.fcntl(fd, F_GETFD);

    return flags < 0 ? -1
                     : green__system.fcntl(fd, F_SETFD, flags | FD_CLOEXEC);
}

int green_listen_fds(void)
{
    unsigned long long pid, count;
    int found = green__environment_number("LISTEN_PID", &pid);

    if (found <= 0 || pid != (unsigned long long)getpid())
        return found < 0 ? -1 : 0;
    found = green__environment_number("LISTEN_FDS", &count);
    if (found <= 0)
        return found;
    if (count > INT_MAX - FIRST)
        return green__refuse(EINVAL);
    for (int i = 0; i < (int)count; i++)
        if (close_on_exec(FIRST + i) < 0)
            return -1;
    return (int)count;
}

/* The place of a name in a list "NAME:NAME:...", or -1. */
static int place_of(const char *name, const char *list)
{
    size_t length = strlen(name);

    for (int i = 0; list; i++) {
        size_t one = strcspn(list, ":");

        if (one == length && memcmp(list, name, length) == 0)
            return i;
        list = list[one] ? list + one + 1 : NULL;
    }
    return -1;
}

int green_listen_fd(const char *name)
{
    int count = green_listen_fds();
    int place = name ? place_of(name, getenv("LISTEN_FDNAMES")) : 0;

    if (count < 0)
        return -1;
    if (place < 0 || place >= count)
        return green__refuse(ENOENT);
    return FIRST + place;
}
