/* Sockets and pipes: making them, connecting and accepting. */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <greenhub/thread.h>

#include "base/portable.h"
#include "base/probe.h"
#include "base/system.h"
#include "base/trace.h"
#include "io/nonblock.h"
#include "io/wait.h"

int green_socket(int domain, int type, int protocol)
{
    int fd = green__system.socket(domain, type, protocol);

    if (fd >= 0)
        green__io_opened(fd, green__file_of_socket(domain, type, protocol));
    return fd;
}

int green_socketpair(int domain, int type, int protocol, int fds[2])
{
    unsigned file = green__file_of_socket(domain, type, protocol);

    if (green__system.socketpair(domain, type, protocol, fds) < 0)
        return -1;
    green__io_opened(fds[0], file);
    green__io_opened(fds[1], file);
    return 0;
}

int green_pipe2(int fds[2], int flags)
{
    unsigned file = GREEN__FILE_KNOWN | GREEN__FILE_NO_SOCKET |
                    GREEN__FILE_FIFO |
                    (flags & O_NONBLOCK ? GREEN__FILE_NONBLOCK : 0u);

    if (green__system.pipe2(fds, flags) < 0)
        return -1;
    green__io_opened(fds[0], file);
    green__io_opened(fds[1], file);
    return 0;
}

int green_shutdown(int fd, int how)
{
    return green__system.shutdown(fd, how);
}

/* ---- accept ---------------------------------------------------------- */

/* Makes sure that accept will not block the OS thread. */
static int prepare_listener(struct green__io *io)
{
    const unsigned ready = GREEN__FILE_OUR_NONBLOCK | GREEN__FILE_NONBLOCK;
    struct green__descriptor *d = io->d;
    int domain = 0;
    socklen_t length = sizeof domain;
    int result;

    if (d && (d->flags & GREEN__TRUSTED) && (d->file & ready) &&
        (d->file & (GREEN__FILE_SHARED | GREEN__FILE_STAMP)) ==
            green__file_stamp())
        return 0;
    result = green__nonblock_set(io->fd);
    if (result < 0)
        return -1;
    io->nonblocking = result == 0;
    d = io->d = green__descriptor_get(io->hub, io->fd);
    if (!d)
        return -1;
    d->file &= ~(ready | GREEN__FILE_STAMP);
    d->file |= green__file_stamp();
    d->file |= result ? GREEN__FILE_OUR_NONBLOCK : GREEN__FILE_NONBLOCK;
    if (getsockopt(io->fd, SOL_SOCKET, SO_PROTOCOL, &domain, &length) == 0 &&
        domain == IPPROTO_TCP)
        d->file |= GREEN__FILE_TCP;
    return 0;
}

/* The user may have cleared O_NONBLOCK during the wait: then accept would block
 * for every waiter, so set it again. */
static int prepare_again(struct green__io *io)
{
    const unsigned ready = GREEN__FILE_OUR_NONBLOCK | GREEN__FILE_NONBLOCK;

    if ((io->d->flags & GREEN__TRUSTED)
            ? (io->d->file & ready) != 0
            : green__system.fcntl(io->fd, F_GETFL) & O_NONBLOCK)
        return 0;
    return prepare_listener(io);
}

static int await_connection(struct green__io *io)
{
    return green__io_wait(io) < 0 ? -1 : prepare_again(io);
}

static ssize_t accept_now(int fd, struct sockaddr *address, socklen_t *length,
                          int flags)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "accept4", fd,
        green__system.accept4(fd, address, length, flags));
}

int green_accept4(int fd, struct sockaddr *address, socklen_t *length,
                  int flags)
{
    socklen_t room = length ? *length : 0;
    struct green__io io;
    ssize_t result;

    if (flags & ~(SOCK_NONBLOCK | SOCK_CLOEXEC)) /* without waiting */
        return green__system.accept4(fd, address, length, flags);
    if (green__io_begin(&io, fd, GREEN_READ) < 0)
        return -1;
    if (prepare_listener(&io) < 0) {
        green__call_ends(GREEN__COST_SYSTEM_CALL);
        return -1;
    }
    do {
        if (length)
            *length = room;
        result = green__io_may_try(&io) ? accept_now(fd, address, length, flags)
                                        : (errno = EAGAIN, -1);
    } while (green__would_block(result) && await_connection(&io) == 0);
    GREEN__PROBE2(accept, fd, result);
    if (result >= 0)
        green__io_opened(
            (int)result,
            (io.closed
                 ? 0u
                 : io.d->file & (GREEN__FILE_TCP | GREEN__FILE_RCVLOWAT)) |
                (flags & SOCK_NONBLOCK ? GREEN__FILE_NONBLOCK : 0u));
    green__io_end(&io, result);
    return (int)result;
}

int green_accept(int fd, struct sockaddr *address, socklen_t *length)
{
    return green_accept4(fd, address, length, 0);
}

/* ---- connect --------------------------------------------------------- */

static int connect_now(int fd, const struct sockaddr *address, socklen_t length)
{
    green_time begun = green__trace_clock();

    return (int)green__trace_called(begun, "connect", fd,
                                    green__system.connect(fd, address, length));
}

/* Calls connect(2) without blocking, whatever the socket's flags are. */
static int begin_connect(int fd, const struct sockaddr *address,
                         socklen_t length, bool *nonblocking)
{
    int flags = green__system.fcntl(fd, F_GETFL);
    int result, error;

    if (flags < 0)
        return -1;
    *nonblocking = flags & O_NONBLOCK;
    if (*nonblocking)
        return connect_now(fd, address, length);
    if (green__system.fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    result = connect_now(fd, address, length);
    error = errno;
    if (green__system.fcntl(fd, F_SETFL, flags) < 0)
        return -1;
    errno = error;
    return result;
}

/* shutdown(2) during the wait has made it a socket that was never connected: the
 * second call has begun to connect it anew. */
static GREEN__COLD int give_up_connecting(int fd)
{
    const struct sockaddr nobody = {.sa_family = AF_UNSPEC};

    green__system.connect(fd, &nobody, sizeof nobody);
    return green__refuse(ECONNRESET);
}

/*
 * Calls connect again: it returns EALREADY while the connection is under way,
 * and otherwise what a blocking connect(2) would have returned. After that call
 * a connected socket answers EISCONN. `under_way` is the errno of the first
 * call, and of a timeout by SO_SNDTIMEO.
 */
static int await_connected(int fd, const struct sockaddr *address,
                           socklen_t length, int under_way)
{
    bool nonblocking = false;
    struct green__io io;
    int result;

    if (green__io_look_up(&io, fd, GREEN_WRITE) < 0)
        return -1;
    do {
        if (green__io_wait(&io) < 0) {
            if (errno == EAGAIN)
                errno = under_way;
            return -1;
        }
        result = begin_connect(fd, address, length, &nonblocking);
    } while (result < 0 && errno == EALREADY && !nonblocking);
    if (result < 0 && errno == EISCONN)
        result = 0; /* some socket types connect by themselves */
    if (result < 0 && errno == EINPROGRESS && !nonblocking)
        result = give_up_connecting(fd);
    green__io_end(&io, result);
    return result;
}

/* Waits for room in a full backlog by polling. 0: try again. */
static int await_backlog(int fd, green_time *deadline)
{
    const uint32_t life = green__io_life(fd);
    green_time timeout, now = green_now();

    if (!*deadline) {
        timeout = green__socket_timeout(fd, GREEN_WRITE);
        *deadline = timeout ? green__time_add(now, timeout) : GREEN_FOREVER;
    }
    if (now >= *deadline)
        return green__refuse(EAGAIN);
    if (green_sleep(*deadline - now < GREEN_MSEC ? *deadline - now
                                                 : GREEN_MSEC) < 0)
        return -1;
    return green__io_life(fd) == life ? 0 : green__refuse(EBADF);
}

/* Whether connect must wait: the connection is under way, or the backlog of a
 * unix socket's listener is full (the kernel has no event for room in it). */
static bool must_wait(const struct sockaddr *address)
{
    return errno == EINPROGRESS || errno == EALREADY ||
           (errno == EAGAIN && address && address->sa_family == AF_UNIX);
}

int green_connect(int fd, const struct sockaddr *address, socklen_t length)
{
    green_time deadline = 0;
    bool nonblocking = false;

    if (green__call_begins() < 0)
        return -1;
    for (;;) {
        int result = begin_connect(fd, address, length, &nonblocking);

        if (result == 0 || nonblocking || !must_wait(address)) {
            green__call_ends(GREEN__COST_SYSTEM_CALL);
            return result;
        }
        if (errno != EAGAIN)
            return await_connected(fd, address, length, errno);
        if (await_backlog(fd, &deadline) < 0)
            return -1;
    }
}
