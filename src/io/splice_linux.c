#include "io/splice.h"

#include <fcntl.h>
#include <unistd.h>

#include "base/sigpipe.h"
#include "base/system.h"
#include "io/buffers.h"
#include "io/flagged.h"
#include "io/kind.h"

/* What an unprivileged process may ask for. */
#define PIPE_SIZE (1 << 20)

/* ---- The pipe ---------------------------------------------------------- */

static bool can_be_end(int fd)
{
    struct green__io io = {.fd = fd};
    unsigned kind = green__kind_look(&io);

    return kind == GREEN__FILE_FIFO ||
           (kind == GREEN__FILE_IS_SOCKET && green__is_stream(fd));
}

bool green__can_splice(int from, int to)
{
    return can_be_end(from) && can_be_end(to);
}

bool green__pipe_open(struct green__pipe *pipe)
{
    int saved = errno;
    bool large = false;

    if (green__system.pipe2(pipe->fds, O_CLOEXEC) == 0) {
        large = green__system.fcntl(pipe->fds[1], F_SETPIPE_SZ, PIPE_SIZE) >= 0;
        if (!large)
            green__pipe_close(pipe);
    }
    errno = saved;
    return large;
}

void green__pipe_close(struct green__pipe *pipe)
{
    for (int i = 0; i < 2; i++) {
        if (pipe->fds[i] >= 0)
            green__system.close(pipe->fds[i]);
        pipe->fds[i] = -1;
    }
}

static ssize_t read_all(int fd, char *bytes, size_t size)
{
    size_t done = 0;

    while (done < size) {
        ssize_t n = green__system.read(fd, bytes + done, size - done);

        if (n <= 0)
            return green__refuse(n < 0 ? errno : EIO);
        done += (size_t)n;
    }
    return (ssize_t)size;
}

struct green_buffer *green__pipe_drain(struct green__pipe *pipe)
{
    struct green_buffer *buffer = green__buffer_take_large(pipe->held);

    if (!buffer)
        return NULL;
    if (read_all(pipe->fds[0], buffer->data, pipe->held) < 0) {
        int error = errno;

        green_buffer_return(buffer);
        errno = error;
        return NULL;
    }
    buffer->size = pipe->held;
    pipe->held = 0;
    return buffer;
}

/* ---- One splice ----------------------------------------------------------- */

struct piece {
    int from, to;
    size_t size;
};

/* The pipe's end obeys SPLICE_F_NONBLOCK. */
static ssize_t splice_now(const struct green__io *io, void *arg)
{
    const struct piece *piece = arg;

    (void)io;
    return green__system.splice(piece->from, NULL, piece->to, NULL, piece->size,
                                SPLICE_F_NONBLOCK | SPLICE_F_MOVE);
}

/* A pipe at both ends needs no O_NONBLOCK. */
static ssize_t try_splice(struct green__io *io, struct piece *piece)
{
    if (green__kind_of(io) == GREEN__FILE_IS_SOCKET)
        return green__call_flagged(io, splice_now, piece);
    return splice_now(io, piece);
}

/* As by write(2), a pipe raises SIGPIPE and a socket does not. */
static ssize_t try_splice_quietly(struct green__io *io, struct piece *piece)
{
    struct green__quiet quiet;
    ssize_t n;
    int error;

    if (green__quiet_begin(&quiet) < 0)
        return -1;
    n = try_splice(io, piece);
    error = errno;
    green__quiet_end(&quiet,
                     n < 0 && error == EPIPE && green__is_stream(io->fd));
    errno = error;
    return n;
}

/* ---- In and out ------------------------------------------------------------ */

ssize_t green__splice_in(int fd, struct green__pipe *pipe)
{
    struct piece piece = {.from = fd, .to = pipe->fds[1], .size = PIPE_SIZE};
    struct green__io io;
    ssize_t n;

    if (green__io_begin(&io, fd, GREEN_READ) < 0)
        return -1;
    do
        n = green__io_may_try(&io) ? try_splice(&io, &piece)
                                   : green__refuse(EAGAIN);
    while (green__would_block(n) && green__io_wait(&io) == 0);
    /* Others may run in green__io_end, and a kill come: it is in the pipe then. */
    if (n > 0)
        pipe->held = (size_t)n;
    green__io_end(&io, n);
    return n;
}

int green__splice_out(struct green__pipe *pipe, int fd, size_t *written)
{
    struct piece piece = {.from = pipe->fds[0], .to = fd};
    struct green__io io;
    ssize_t n;

    if (green__io_begin(&io, fd, GREEN_WRITE) < 0)
        return -1;
    do {
        piece.size = pipe->held;
        n = green__io_may_try(&io) ? try_splice_quietly(&io, &piece)
                                   : green__refuse(EAGAIN);
        if (n <= 0)
            continue;
        pipe->held -= (size_t)n;
        *written += (size_t)n;
        if (pipe->held == 0)
            break;
        if (green__io_go_on(&io, n) < 0) {
            n = errno == EBADF ? -1 : n; /* the next call fails if killed */
            break;
        }
    } while (n > 0 || (green__would_block(n) && green__io_wait(&io) == 0));
    if (n < 0 && errno == EPIPE)
        green__io_broken(&io);
    green__io_end(&io, n);
    return n > 0 ? 0 : n < 0 ? -1 : green__refuse(EIO);
}
