/* POSIX does not say who is at the other end of a unix socket. */
#include "net/rights.h"

#include <errno.h>
#include <sys/socket.h>

#include <greenhub/socket.h>

#include "base/self.h"
#include "io/open_file.h"

const int green__scm_pidfd = -1;

int green_peer_credentials(int fd, struct green_credentials *credentials)
{
    int domain;

    if (!credentials)
        return green__refuse(EINVAL);
    domain = green__socket_domain(fd);
    if (domain < 0)
        return -1;
    return green__refuse(domain == AF_UNIX ? ENOSYS : EOPNOTSUPP);
}
