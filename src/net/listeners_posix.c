/*
 * Listeners of OS threads by POSIX: duplicates of one descriptor, from which all
 * accept. Where the system has several sockets at one port, it may give all
 * connections to one of them. See listeners.h.
 */
#include "net/listeners.h"

#include <fcntl.h>

#include "base/system.h"

int green__listener_again(int listener)
{
    return green__system.fcntl(listener, F_DUPFD_CLOEXEC, 0);
}
