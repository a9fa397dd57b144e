/* POSIX neither cuts datagrams nor joins them: see segments.h. */
#include "net/segments.h"

#include <errno.h>

#include <greenhub/socket.h>

#include "base/self.h"
#include "io/open_file.h"

bool green__can_segment(int fd)
{
    (void)fd;
    return false;
}

ssize_t green__send_cut(int fd, struct iovec *bytes, size_t segment)
{
    (void)fd, (void)bytes, (void)segment;
    return green__refuse(ENOSYS);
}

size_t green__joined_size(struct msghdr *message)
{
    (void)message;
    return 0;
}

int green_join_segments(int fd, bool on)
{
    int domain = green__socket_domain(fd);

    (void)on;
    if (domain < 0)
        return -1;
    return green__refuse(domain == AF_UNIX ? EOPNOTSUPP : ENOPROTOOPT);
}
