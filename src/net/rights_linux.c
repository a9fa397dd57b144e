/* Who is at the other end of a unix socket, on Linux. */
#include "net/rights.h"

#include <errno.h>
#include <sys/socket.h>

#include <greenhub/socket.h>

#include "base/self.h"
#include "io/open_file.h"

/* Linux 6.5; with SO_PASSPIDFD each message has one. */
const int green__scm_pidfd = 4;

int green_peer_credentials(int fd, struct green_credentials *credentials)
{
    struct ucred peer;
    socklen_t length = sizeof peer;
    int domain;

    if (!credentials)
        return green__refuse(EINVAL);
    domain = green__socket_domain(fd);
    if (domain < 0)
        return -1;
    if (domain != AF_UNIX)
        return green__refuse(EOPNOTSUPP);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) < 0)
        return -1;
    /* No user has this number: the kernel says so that there is no peer. */
    if (peer.uid == (uid_t)-1)
        return green__refuse(ENOTCONN);
    credentials->pid = peer.pid;
    credentials->uid = peer.uid;
    credentials->gid = peer.gid;
    return 0;
}
