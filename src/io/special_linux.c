/* Open files by way of /proc: see special.h. */
#include "io/special.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/system.h"

int green__open_again(int fd, int flags)
{
    char path[40];

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    return green__system.open(path, flags);
}

bool green__counter_of(int fd, uint64_t *counter)
{
    char text[256], *at;
    ssize_t n;
    int info;

    snprintf(text, sizeof text, "/proc/self/fdinfo/%d", fd);
    info = green__system.open(text, O_RDONLY | O_CLOEXEC);
    if (info < 0)
        return false;
    n = green__system.read(info, text, sizeof text - 1);
    green__system.close(info);
    text[n < 0 ? 0 : n] = '\0';
    at = strstr(text, "eventfd-count:");
    if (at)
        *counter = strtoull(at + strlen("eventfd-count:"), NULL, 16);
    return at;
}
