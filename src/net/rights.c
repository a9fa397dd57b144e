/* Descriptors passed through a unix socket. */
#include <greenhub/socket.h>

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include <greenhub/io.h>

#include "base/portable.h"
#include "base/self.h"
#include "io/open_file.h"
#include "net/rights.h"

/* ---- Sending ---------------------------------------------------------- */

/* Aligned as the kernel and CMSG_NXTHDR demand. `more`: room for whatever else
 * the socket's options (SO_PASSCRED, SO_TIMESTAMP) put in front, so that a cut
 * message can only mean that the kernel could not open a descriptor. */
union control {
    struct cmsghdr header;
    char fds[CMSG_SPACE(GREEN_MAX_FDS * sizeof(int))];
    struct {
        char fds[CMSG_SPACE(GREEN_MAX_FDS * sizeof(int))];
        char others[1024];
    } more;
};

static void attach(struct msghdr *message, union control *control,
                   const int *fds, unsigned count)
{
    const size_t size = count * sizeof *fds;

    memset(control->fds, 0, CMSG_SPACE(size));
    control->header.cmsg_level = SOL_SOCKET;
    control->header.cmsg_type = SCM_RIGHTS;
    control->header.cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(&control->header), fds, size);
    message->msg_control = control;
    message->msg_controllen = CMSG_SPACE(size);
}

/* Another socket would send the bytes and ignore what it does not know. */
static int demand_unix(int fd)
{
    int domain = green__socket_domain(fd);

    if (domain < 0)
        return -1;
    return domain == AF_UNIX ? 0 : green__refuse(EINVAL);
}

ssize_t green_send_fds(int fd, const void *buffer, size_t size, const int *fds,
                       unsigned count)
{
    struct iovec bytes = {.iov_base = (void *)buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &bytes, .msg_iovlen = 1};
    union control control;

    /* A stream has no message without bytes: the descriptors would be lost. */
    if (!buffer || size == 0 || count > GREEN_MAX_FDS || (count > 0 && !fds))
        return green__refuse(EINVAL);
    if (demand_unix(fd) < 0)
        return -1;
    if (count > 0)
        attach(&message, &control, fds, count);
    return green_sendmsg(fd, &message, 0);
}

/* ---- Receiving -------------------------------------------------------- */

/* Where received descriptors go. */
struct basket {
    int *fds;
    unsigned room, count;
    bool overflows;
};

static void put(struct basket *basket, int fd)
{
    if (basket->count < basket->room) {
        basket->fds[basket->count++] = fd;
        return;
    }
    green_close(fd);
    basket->overflows = true;
}

static void unpack(const struct cmsghdr *header, struct basket *basket)
{
    const unsigned char *data = CMSG_DATA(header);
    size_t size = header->cmsg_len - CMSG_LEN(0);
    int fd;

    for (size_t at = 0; at + sizeof fd <= size; at += sizeof fd) {
        memcpy(&fd, data + at, sizeof fd);
        if (header->cmsg_type == SCM_RIGHTS)
            put(basket, fd);
        else if (fd >= 0) /* a pidfd, or the reason why there is none */
            green_close(fd);
    }
}

static void unpack_all(struct msghdr *message, struct basket *basket)
{
    struct cmsghdr *c;

    for (c = CMSG_FIRSTHDR(message); c; c = CMSG_NXTHDR(message, c))
        if (c->cmsg_level == SOL_SOCKET && c->cmsg_len >= CMSG_LEN(0) &&
            (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == green__scm_pidfd))
            unpack(c, basket);
}

static int drop(struct basket *basket, int error)
{
    while (basket->count > 0)
        green_close(basket->fds[--basket->count]);
    return green__refuse(error);
}

ssize_t green_recv_fds(int fd, void *buffer, size_t size, int *fds,
                       unsigned room, unsigned *count)
{
    union control control;
    struct iovec bytes = {.iov_base = buffer, .iov_len = size};
    struct msghdr message = {.msg_iov = &bytes,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct basket basket = {.fds = fds, .room = room};
    ssize_t n;

    if (count)
        *count = 0;
    if (!buffer || size == 0 || !count || room > GREEN_MAX_FDS ||
        (room > 0 && !fds))
        return green__refuse(EINVAL);
    n = green_recvmsg(fd, &message, MSG_CMSG_CLOEXEC);
    if (n < 0)
        return -1;
    unpack_all(&message, &basket);
    if (basket.overflows)
        return drop(&basket, EMSGSIZE);
    if (message.msg_flags & MSG_CTRUNC)
        return drop(&basket, EMFILE);
    *count = basket.count;
    return n;
}
