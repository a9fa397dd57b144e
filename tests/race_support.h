/* Attempts to connect, as a test sees them: its own connect(2) comes first. */
#ifndef TESTS_RACE_SUPPORT_H
#define TESTS_RACE_SUPPORT_H

#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "net_support.h"

static char tried[16]; /* '4' or '6' for each attempt */

/* It is called once more to learn how an attempt has ended. */
static bool is_first_call(int fd)
{
    struct sockaddr_in6 at = {.sin6_port = 1};
    socklen_t length = sizeof at;

    return getsockname(fd, (struct sockaddr *)&at, &length) == 0 &&
           at.sin6_port == 0;
}

int connect(int fd, __CONST_SOCKADDR_ARG address, socklen_t length)
{
    const struct sockaddr *to = address.__sockaddr__;
    size_t count = strlen(tried);

    if (flag_of(fd, SOL_SOCKET, SO_TYPE) == SOCK_STREAM && is_first_call(fd) &&
        count < sizeof tried - 1)
        tried[count] = to->sa_family == AF_INET6 ? '6' : '4';
    return (int)syscall(SYS_connect, fd, to, length);
}

#endif
