/* recvmsg and sendmsg: bytes with addresses and ancillary data. */
#include "io/message.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/ioctl.h>

#include "base/portable.h"
#include "base/system.h"
#include "base/trace.h"
#include "io/vector.h"

/* Checks the arguments before any wait. Returns 0, or the errno. */
static int check_message(const struct msghdr *message)
{
    if (!message)
        return EFAULT;
    if (message->msg_iovlen > IOV_MAX)
        return EMSGSIZE;
    if (message->msg_iovlen > 0 && !message->msg_iov)
        return EFAULT;
    for (size_t i = 0; i < message->msg_iovlen; i++)
        if (message->msg_iov[i].iov_len > SSIZE_MAX)
            return EINVAL;
    return 0;
}

/* Descriptors and credentials belong to one piece: the next piece must not be
 * appended to it. */
static bool ends_with_piece(const struct msghdr *message)
{
    struct msghdr copy = *message;
    struct cmsghdr *c;

    if (!message->msg_control || (message->msg_flags & MSG_CTRUNC))
        return message->msg_flags & MSG_CTRUNC;
    for (c = CMSG_FIRSTHDR(&copy); c; c = CMSG_NXTHDR(&copy, c))
        if (c->cmsg_level == SOL_SOCKET &&
            (c->cmsg_type == SCM_RIGHTS || c->cmsg_type == SCM_CREDENTIALS))
            return true;
    return false;
}

static ssize_t receive_now(int fd, struct msghdr *message, int flags)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "recvmsg", fd,
        green__system.recvmsg(fd, message, flags | MSG_DONTWAIT));
}

static ssize_t send_now(int fd, const struct msghdr *message, int flags)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "sendmsg", fd,
        green__system.sendmsg(fd, message,
                              flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* Reads on behind the first piece until there are `enough` bytes. Returns how
 * many there are in all; without memory to read on, that is the first piece. */
static size_t receive_rest(struct green__io *io, struct msghdr *message,
                           size_t done, size_t enough, size_t room, int flags)
{
    struct green__vector vector;
    struct msghdr rest = {0};
    ssize_t n;

    if (green__vector_init(&vector, message->msg_iov, message->msg_iovlen) < 0)
        return done;
    green__vector_advance(&vector, done);
    while (done < enough) {
        rest.msg_iov = vector.iov;
        rest.msg_iovlen = (size_t)vector.count;
        rest.msg_control = message->msg_control;
        rest.msg_controllen = message->msg_control ? room : 0;
        n = receive_now(io->fd, &rest, flags);
        if (green__would_block(n) && green__io_wait(io) == 0)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
        green__vector_advance(&vector, (size_t)n);
        message->msg_flags |= rest.msg_flags;
        if (rest.msg_controllen > 0)
            message->msg_controllen = rest.msg_controllen;
        if (ends_with_piece(&rest) ||
            (done < enough && green__io_go_on(io, n) < 0))
            break;
    }
    green__vector_free(&vector);
    return done;
}

/* ---- SO_RCVLOWAT ----------------------------------------------------- */

size_t green__message_size(const struct msghdr *message)
{
    size_t size = 0;

    for (size_t i = 0; i < message->msg_iovlen; i++)
        if (__builtin_add_overflow(size, message->msg_iov[i].iov_len, &size))
            return SIZE_MAX;
    return size;
}

/*
 * On a unix socket, take pieces as they come: the kernel counts an overhead for
 * each, so the sender may wait for room long before as many bytes are there as
 * the reader waits for. On other sockets take nothing before all is there: TCP
 * would not report the rest.
 */
static bool is_taken_in_pieces(int fd)
{
    return green__socket_domain(fd) == AF_UNIX;
}

/* Waits until `low` bytes are there. False with errno if the wait fails and
 * nothing can be read, or if the descriptor was closed: its number may have
 * been reused. */
static bool await_low_water(struct green__io *io, size_t low)
{
    int there = 0;

    while (green__system.ioctl(io->fd, FIONREAD, &there) == 0 &&
           (size_t)there < low && !green__has_ended(io->fd))
        if (green__io_wait(io) < 0)
            return there > 0 && errno != EBADF;
    return true;
}

/* ---- Receiving ------------------------------------------------------- */

ssize_t green__receive_message(struct green__io *io, struct msghdr *message,
                               int flags)
{
    const size_t room = message->msg_controllen;
    const size_t size = green__message_size(message);
    size_t enough = green__low_water(io, size);
    ssize_t n;

    if (enough > 1 && !is_taken_in_pieces(io->fd)) {
        if (!await_low_water(io, enough))
            return -1;
        enough = 1;
    }
    do
        n = green__io_may_try(io) ? receive_now(io->fd, message, flags)
                                  : (errno = EAGAIN, -1);
    while (green__would_block(n) && green__io_wait(io) == 0);
    if (n <= 0)
        return n;
    if (green__waits_for_all(io->fd, flags))
        enough = size;
    else if (flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE))
        enough = 0;
    if ((size_t)n < enough && !ends_with_piece(message))
        n = (ssize_t)receive_rest(io, message, (size_t)n, enough, room, flags);
    return n;
}

ssize_t green_recvmsg(int fd, struct msghdr *message, int flags)
{
    const int error = check_message(message);
    struct green__io io;
    ssize_t n;

    if (error)
        return green__refuse_vector(fd, error);
    if (green__io_begin(&io, fd, GREEN_READ) < 0)
        return -1;
    io.nonblocking = flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB);
    n = green__receive_message(&io, message, flags);
    green__io_end(&io, n);
    return n;
}

ssize_t green__send_vector(struct green__io *io, const struct msghdr *message,
                           struct green__vector *vector, int flags)
{
    struct msghdr rest = *message;
    size_t done = 0;
    ssize_t n = -1;

    do {
        if (green__io_may_try(io)) {
            rest.msg_iov = vector->iov;
            rest.msg_iovlen = (size_t)vector->count;
            n = send_now(io->fd, &rest, flags);
            if (n >= 0) {
                done += (size_t)n;
                green__vector_advance(vector, (size_t)n);
                rest.msg_control = NULL;
                rest.msg_controllen = 0;
                if (done < vector->size && green__io_go_on(io, n) < 0)
                    break;
                continue;
            }
            if (!green__would_block(n) || (io->nonblocking && errno != EAGAIN))
                break;
            if (errno == EINPROGRESS)
                flags &= ~MSG_FASTOPEN; /* the connection has begun */
        }
        n = -1;
        if (green__io_wait(io) < 0)
            break;
    } while (done < vector->size || n < 0);
    if (green__unlikely(n < 0 && errno == EPIPE))
        green__io_broken(io);
    return done > 0 ? (ssize_t)done : n;
}

void green__share_rights(const struct msghdr *message)
{
    struct msghdr copy = *message;
    struct cmsghdr *c;

    if (!message->msg_control)
        return;
    for (c = CMSG_FIRSTHDR(&copy); c; c = CMSG_NXTHDR(&copy, c)) {
        const unsigned char *data = CMSG_DATA(c);
        size_t size = c->cmsg_len > CMSG_LEN(0) ? c->cmsg_len - CMSG_LEN(0) : 0;
        int fd;

        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
            continue;
        for (size_t at = 0; at + sizeof fd <= size; at += sizeof fd) {
            memcpy(&fd, data + at, sizeof fd);
            green__file_share(fd);
        }
    }
}

ssize_t green_sendmsg(int fd, const struct msghdr *message, int flags)
{
    struct green__vector vector;
    struct green__io io;
    ssize_t n = -1;

    if (!message)
        return green__refuse_vector(fd, EFAULT);
    if (message->msg_iovlen > IOV_MAX)
        return green__refuse_vector(fd, EMSGSIZE);
    if (green__vector_init(&vector, message->msg_iov, message->msg_iovlen) < 0)
        return green__refuse_vector(fd, errno);
    if (green__io_begin(&io, fd, GREEN_WRITE) == 0) {
        io.nonblocking = flags & MSG_DONTWAIT;
        n = green__send_vector(&io, message, &vector, flags);
        if (n >= 0)
            green__share_rights(message);
        green__io_end(&io, n);
    }
    green__vector_free(&vector);
    return n;
}
