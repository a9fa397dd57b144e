#include "io/special.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <greenhub/thread.h>

#include "base/system.h"
#include "io/flagged.h"
#include "io/kind.h"
#include "io/position.h"
#include "sync/worker_pool.h"

/* A pseudo-terminal's master that poll reports writable takes this many bytes:
 * the kernel fills the slave's buffer in units of 256 bytes, and exceeds the
 * limit by up to one. */
#define SMALL_PIECE 256

/* Parts of a vector that one write passes on. */
#define MAX_PARTS 64

/* ---- A look ---------------------------------------------------------- */

/* For when poll(2) fails: RLIMIT_NOFILE is 0, or memory is short. */
static int look_by_select(int fd, short events)
{
    struct timeval no_time = {0};
    fd_set set;

    if (fd >= FD_SETSIZE)
        return -1;
    FD_ZERO(&set);
    FD_SET(fd, &set);
    return green__system.select(fd + 1, events == POLLIN ? &set : NULL,
                                events == POLLIN ? NULL : &set, NULL, &no_time);
}

/* Returns 1 if it is ready or the call will report what is wrong; else -1 with
 * errno, EAGAIN if it is not ready. A check that failed counts as -1. */
static int look(int fd, short events)
{
    struct pollfd poll_fd = {.fd = fd, .events = events};
    int ready;

    do {
        ready = green__system.poll(&poll_fd, 1, 0);
        if (ready < 0 && errno != EINTR)
            ready = look_by_select(fd, events);
    } while (ready < 0 && errno == EINTR);
    if (ready > 0)
        return 1;
    return ready < 0 ? -1 : green__refuse(EAGAIN);
}

/* ---- One plain call -------------------------------------------------- */

struct transfer {
    int fd;
    short events; /* POLLIN: a read */
    const struct iovec *iov;
    int count;
};

static ssize_t plain(const struct transfer *t)
{
    return t->events == POLLIN ? green__system.readv(t->fd, t->iov, t->count)
                               : green__system.writev(t->fd, t->iov, t->count);
}

static long plain_in_worker(void *arg)
{
    return (long)plain(arg);
}

/* A thread of the worker pool makes the call; without one, this OS thread does.
 * Nothing ends the call early, or what was read would be lost. */
static ssize_t transfer_in_worker(struct green__io *io,
                                  const struct transfer *t)
{
    struct transfer own = *t;
    const struct green__work work = {.fn = plain_in_worker, .arg = &own};
    const uint32_t life = green__io_life(io->fd);
    struct green_shield shield;
    long result;
    int error, failed;

    own.fd = green__system.fcntl(t->fd, F_DUPFD_CLOEXEC, 0);
    if (own.fd < 0)
        return plain(t);
    green_shield_begin(&shield);
    failed = green__worker_pool_run(GREEN__THREAD_POOL, &work, &result);
    error = errno;
    green_shield_end(&shield);
    if (failed)
        result = plain_in_worker(&own), error = errno;
    green__system.close(own.fd);
    io->closed = green__io_life(io->fd) != life;
    errno = error;
    return result;
}

/* Open for the other direction only: it is never ready for this one. */
static bool is_other_direction(int flags, short events)
{
    return (flags & O_ACCMODE) == (events == POLLIN ? O_WRONLY : O_RDONLY);
}

/*
 * One after another: what is ready for two greenthreads may be enough for one, and
 * the other one's thread of the worker pool would block. The turn comes before the
 * look; another process may be faster all the same.
 */
static ssize_t transfer_in_turn(struct green__io *io, const struct transfer *t)
{
    struct green__place place;
    ssize_t n = -1;
    int error;

    if (green__position_take(io, &place) < 0) {
        io->closed = place.events & GREEN_CLOSED;
        return -1;
    }
    if (look(io->fd, t->events) >= 0)
        n = transfer_in_worker(io, t);
    error = errno;
    green__position_pass(io, &place);
    errno = error;
    return n;
}

/* If the call may block, the worker pool makes it. */
static ssize_t when_ready(struct green__io *io, const struct transfer *t,
                          bool may_block)
{
    const int flags = green__system.fcntl(io->fd, F_GETFL);

    if (flags < 0)
        return -1;
    if ((flags & O_NONBLOCK) || is_other_direction(flags, t->events))
        return plain(t);
    if (may_block)
        return transfer_in_turn(io, t);
    return look(io->fd, t->events) < 0 ? -1 : plain(t);
}

/* ---- Opened anew ----------------------------------------------------- */

static int open_again(int fd, short events)
{
    return green__open_again(fd, (events == POLLIN ? O_RDONLY : O_WRONLY) |
                                     O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
}

static ssize_t transfer_again(const struct transfer *t, int fd)
{
    struct transfer own = *t;
    ssize_t n;
    int error;

    own.fd = fd;
    n = plain(&own);
    error = errno;
    green__system.close(fd);
    errno = error;
    return n;
}

static ssize_t plain_now(const struct green__io *io, void *arg)
{
    (void)io;
    return plain(arg);
}

/* A pipe that no other process has, as far as is known: O_NONBLOCK for the time of
 * one call is seen by nobody. */
static bool is_own_pipe(const struct green__io *io, unsigned kind)
{
    return kind == GREEN__FILE_FIFO && green__io_is_trusted(io) &&
           !(io->d->file & GREEN__FILE_SHARED);
}

/* No other process has the FIFO open for reading. */
static ssize_t broken_pipe(void)
{
    green__system.raise(SIGPIPE);
    return green__refuse(EPIPE);
}

/* ---- Reading --------------------------------------------------------- */

/* A terminal has nothing to read. With VMIN 0 read(2) then returns 0, at once
 * or after VTIME tenths of a second. */
static ssize_t read_nothing(struct green__io *io, const struct transfer *t)
{
    struct termios settings;
    int saved = errno;

    if (saved == EAGAIN && tcgetattr(t->fd, &settings) == 0 &&
        !(settings.c_lflag & ICANON) && settings.c_cc[VMIN] == 0)
        return settings.c_cc[VTIME] ? transfer_in_worker(io, t) : plain(t);
    return green__refuse(saved);
}

ssize_t green__special_readv(struct green__io *io, unsigned kind,
                             const struct iovec *iov, int count)
{
    struct transfer t = {io->fd, POLLIN, iov, count};
    int fd;

    /* Check first: a terminal that is read too early returns fewer bytes than
     * VMIN. */
    if ((kind == GREEN__FILE_TERMINAL || kind == GREEN__FILE_ALIAS) &&
        look(io->fd, POLLIN) < 0)
        return read_nothing(io, &t);
    if (kind == GREEN__FILE_TERMINAL || kind == GREEN__FILE_FIFO) {
        fd = open_again(io->fd, POLLIN);
        if (fd >= 0)
            return transfer_again(&t, fd);
    }
    if (is_own_pipe(io, kind))
        return green__call_flagged(io, plain_now, &t);
    return when_ready(io, &t,
                      kind == GREEN__FILE_TERMINAL ||
                          kind == GREEN__FILE_FIFO ||
                          kind == GREEN__FILE_ALIAS);
}

/* ---- Writing --------------------------------------------------------- */

/* Copies the first `most` bytes of a vector into `parts`. */
static int shorten(const struct iovec *iov, int count, size_t most,
                   struct iovec parts[MAX_PARTS])
{
    int n = 0;

    for (int i = 0; i < count && n < MAX_PARTS && most > 0; i++) {
        if (iov[i].iov_len == 0)
            continue;
        parts[n] = iov[i];
        if (parts[n].iov_len > most)
            parts[n].iov_len = most;
        most -= parts[n++].iov_len;
    }
    return n;
}

static ssize_t write_piece(struct green__io *io, const struct iovec *iov,
                           int count, size_t most, bool may_block)
{
    struct iovec parts[MAX_PARTS];
    struct transfer t = {io->fd, POLLOUT, parts, 0};

    t.count = shorten(iov, count, most, parts);
    return when_ready(io, &t, may_block);
}

static ssize_t write_again(struct green__io *io, unsigned kind,
                           const struct iovec *iov, int count)
{
    struct transfer t = {io->fd, POLLOUT, iov, count};
    int fd = open_again(io->fd, POLLOUT);

    if (fd >= 0)
        return transfer_again(&t, fd);
    if (kind == GREEN__FILE_FIFO && errno == ENXIO)
        return broken_pipe();
    if (is_own_pipe(io, kind))
        return green__call_flagged(io, plain_now, &t);
    return write_piece(io, iov, count, PIPE_BUF, true);
}

static bool has_room(int fd, const struct iovec *iov)
{
    uint64_t value = 0, counted;

    memcpy(&value, iov->iov_base, sizeof value);
    return value <= 1 || value == UINT64_MAX ||
           !green__counter_of(fd, &counted) || UINT64_MAX - counted > value;
}

/* Writable, but not for this value: the kernel has no event for that. */
static ssize_t await_room(struct green__io *io)
{
    const uint32_t life = green__io_life(io->fd);

    if (green_sleep(5 * GREEN_MSEC) < 0)
        return -1;
    return green__refuse(green__io_life(io->fd) == life ? EAGAIN : EBADF);
}

static ssize_t write_counter(struct green__io *io, const struct iovec *iov,
                             int count)
{
    const struct transfer t = {io->fd, POLLOUT, iov, count};
    const int flags = green__system.fcntl(io->fd, F_GETFL);

    if (flags < 0)
        return -1;
    if ((flags & O_NONBLOCK) || is_other_direction(flags, POLLOUT))
        return plain(&t);
    if (look(io->fd, POLLOUT) < 0)
        return -1;
    if (count == 1 && iov->iov_len == sizeof(uint64_t) &&
        !has_room(io->fd, iov))
        return await_room(io);
    return plain(&t);
}

ssize_t green__special_writev(struct green__io *io, unsigned kind,
                              const struct iovec *iov, int count)
{
    const struct transfer t = {io->fd, POLLOUT, iov, count};

    switch (kind) {
    case GREEN__FILE_FIFO:
    case GREEN__FILE_TERMINAL:
        return write_again(io, kind, iov, count);
    case GREEN__FILE_ALIAS:
        return write_piece(io, iov, count, SMALL_PIECE, true);
    case GREEN__FILE_MASTER:
        return write_piece(io, iov, count, SMALL_PIECE, false);
    case GREEN__FILE_COUNTER:
        return write_counter(io, iov, count);
    default:
        return when_ready(io, &t, false);
    }
}
