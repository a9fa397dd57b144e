/* sendfile and nanosleep. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>

#include <greenhub/thread.h>

#include "base/sigpipe.h"
#include "base/system.h"
#include "io/flagged.h"
#include "io/position.h"
#include "io/wait.h"

static bool is_socket(int fd)
{
    int type;
    socklen_t length = sizeof type;

    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &length) == 0;
}

/*
 * sendfile has no MSG_NOSIGNAL. So block SIGPIPE in this OS thread during the
 * call, and if the call raised it for a socket, take it off the pending
 * signals. For a pipe it stays raised, as by write(2).
 */
static ssize_t sendfile_quietly(int fd, int in_fd, off_t *offset, size_t count)
{
    struct green__quiet quiet;
    ssize_t n;
    int error;

    if (green__quiet_begin(&quiet) < 0)
        return -1;
    n = green__system.sendfile(fd, in_fd, offset, count);
    error = errno;
    green__quiet_end(&quiet, n < 0 && error == EPIPE && is_socket(fd));
    errno = error;
    return n;
}

struct sending {
    int in_fd;
    off_t *offset;
    size_t count;
};

static ssize_t send_now(const struct green__io *io, void *arg)
{
    const struct sending *sending = arg;

    return sendfile_quietly(io->fd, sending->in_fd, sending->offset,
                            sending->count);
}

static ssize_t try_sendfile(struct green__io *io, int in_fd, off_t *offset,
                            size_t count)
{
    struct sending sending = {in_fd, offset, count};

    return green__call_flagged(io, send_now, &sending);
}

/*
 * At the input's own position: waits in line behind the reads and writes that
 * the hub has in flight. Other calls may use the position while this one waits
 * for room, as in the kernel.
 */
static ssize_t sendfile_at_position(struct green__io *io, struct green__io *in,
                                    size_t count)
{
    const uint32_t life = green__io_life(io->fd);
    struct green__place place;
    ssize_t n = -1;
    int error;

    if (green__position_take(in, &place) < 0) {
        /* Set it so that EAGAIN does not count as a lack of room. */
        io->closed = true;
        return -1;
    }
    if (green__io_life(io->fd) != life) {
        io->closed = true;
        errno = EBADF;
    } else {
        n = try_sendfile(io, in->fd, NULL, count);
    }
    error = errno;
    green__position_pass(in, &place);
    errno = error;
    return n;
}

static ssize_t send_nothing(int out_fd, int in_fd, off_t *offset)
{
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    n = green__system.sendfile(out_fd, in_fd, offset, 0);
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return n;
}

ssize_t green_sendfile(int out_fd, int in_fd, off_t *offset, size_t count)
{
    struct green__io io, in;
    size_t done = 0;
    ssize_t n = 0;
    bool in_line;

    if (count == 0)
        return send_nothing(out_fd, in_fd, offset);
    if (green__io_begin(&io, out_fd, GREEN_WRITE) < 0)
        return -1;
    in_line = !offset && io.hub->operations &&
              green__io_look_up(&in, in_fd, GREEN_READ) == 0;
    while (done < count) {
        if (green__io_may_try(&io)) {
            n = in_line ? sendfile_at_position(&io, &in, count - done)
                        : try_sendfile(&io, in_fd, offset, count - done);
            if (n > 0) {
                done += (size_t)n;
                if (done < count && green__io_go_on(&io, n) < 0)
                    break;
                continue;
            }
            if (io.closed || !green__would_block(n))
                break;
        }
        n = -1;
        if (green__io_wait(&io) < 0)
            break;
    }
    green__io_end(&io, n);
    return done > 0 ? (ssize_t)done : n;
}

int green_nanosleep(const struct timespec *duration, struct timespec *remaining)
{
    green_time start, left;
    int error;

    if (!duration)
        return green__refuse(EFAULT);
    if (duration->tv_sec < 0 || duration->tv_nsec < 0 ||
        duration->tv_nsec >= GREEN_SEC)
        return green__refuse(EINVAL);
    left = GREEN_FOREVER;
    if (duration->tv_sec < INT64_MAX / GREEN_SEC - 1)
        left = (green_time)duration->tv_sec * GREEN_SEC + duration->tv_nsec;
    start = green_now();
    if (green_sleep(left) == 0)
        return 0;
    error = errno;
    if (remaining) {
        left -= green_now() - start;
        *remaining = green__timespec(left > 0 ? left : 0);
    }
    return green__refuse(error);
}
