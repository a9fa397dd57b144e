/*
 * splice, tee and vmsplice, between pipes and other descriptors.
 *
 * SPLICE_F_NONBLOCK keeps the kernel from waiting for a pipe, and nothing but
 * O_NONBLOCK from waiting for a socket. So as green_sendfile does, a try sets it
 * on the end that is no pipe, for the duration of the system call.
 */
#include <greenhub/io.h>

#include <sys/stat.h>

#include "greenthread/call.h"
#include "patch/cancel.h"

struct ends {
    int in, out;            /* -1: none */
    bool in_pipe, out_pipe; /* FIFOs, too */
    int in_flags, out_flags;
};

static bool is_pipe(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISFIFO(status.st_mode);
}

static void find_ends(struct ends *it, int in, int out)
{
    it->in = in;
    it->out = out;
    it->in_flags = green__real()->fcntl(in, F_GETFL);
    it->out_flags = green__real()->fcntl(out, F_GETFL);
    it->in_pipe = is_pipe(in);
    it->out_pipe = is_pipe(out);
}

/* The flags of an empty pipe do not matter to the kernel if the other end is
 * something else. */
static bool is_nonblocking(const struct ends *it)
{
    bool both_pipes = it->in_pipe && it->out_pipe;

    if (it->in_flags < 0 || it->out_flags < 0 || (it->out_flags & O_NONBLOCK))
        return true;
    return (it->in_flags & O_NONBLOCK) && (both_pipes || !it->in_pipe);
}

/* Until the ends are ready; another one may have been faster by then. */
static int await_ends(const struct ends *it)
{
    if (it->in >= 0 && green_wait(it->in, GREEN_READ, GREEN_FOREVER) < 0)
        return -1;
    if (it->out >= 0 && green_wait(it->out, GREEN_WRITE, GREEN_FOREVER) < 0)
        return -1;
    return 0;
}

/* ---- splice --------------------------------------------------------------- */

struct splice_call {
    struct ends ends;
    off64_t *in_offset, *out_offset;
    size_t size;
    unsigned flags;
};

static ssize_t try_splice(const struct splice_call *it)
{
    return green__real()->splice(it->ends.in, it->in_offset, it->ends.out,
                                 it->out_offset, it->size,
                                 it->flags | SPLICE_F_NONBLOCK);
}

/* With O_NONBLOCK on this end. */
static ssize_t try_with(const struct splice_call *it, int fd, int flags)
{
    ssize_t n;
    int error;

    if (green__real()->fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    n = try_splice(it);
    error = errno;
    (void)green__real()->fcntl(fd, F_SETFL, flags);
    errno = error;
    return n;
}

static ssize_t try_ends(const struct splice_call *it)
{
    if (!it->ends.in_pipe)
        return try_with(it, it->ends.in, it->ends.in_flags);
    if (!it->ends.out_pipe)
        return try_with(it, it->ends.out, it->ends.out_flags);
    return try_splice(it);
}

static ssize_t splice_green(const struct splice_call *it)
{
    int before = errno;
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    while ((n = try_ends(it)) < 0)
        if (errno != EAGAIN || await_ends(&it->ends) < 0)
            return -1;
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return green__kept(before, n);
}

GREEN__HOOK ssize_t splice(int in, off64_t *in_offset, int out,
                           off64_t *out_offset, size_t size, unsigned flags)
{
    struct splice_call it = {.in_offset = in_offset,
                             .out_offset = out_offset,
                             .size = size,
                             .flags = flags};

    if ((flags & SPLICE_F_NONBLOCK) || !green__is_green_point(GREEN_PATCH_IO))
        return green__real()->splice(in, in_offset, out, out_offset, size,
                                     flags);
    find_ends(&it.ends, in, out);
    if (is_nonblocking(&it.ends))
        return green__real()->splice(in, in_offset, out, out_offset, size,
                                     flags);
    return green__point_ends(splice_green(&it));
}

/* ---- tee and vmsplice: pipes alone ------------------------------------------ */

static ssize_t tee_green(const struct ends *it, size_t size, unsigned flags)
{
    int before = errno;
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    while ((n = green__real()->tee(it->in, it->out, size,
                                   flags | SPLICE_F_NONBLOCK)) < 0)
        if (errno != EAGAIN || await_ends(it) < 0)
            return -1;
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return green__kept(before, n);
}

GREEN__HOOK ssize_t tee(int in, int out, size_t size, unsigned flags)
{
    struct ends ends;

    if ((flags & SPLICE_F_NONBLOCK) || !green__is_green_point(GREEN_PATCH_IO))
        return green__real()->tee(in, out, size, flags);
    find_ends(&ends, in, out);
    if (is_nonblocking(&ends))
        return green__real()->tee(in, out, size, flags);
    return green__point_ends(tee_green(&ends, size, flags));
}

static ssize_t vmsplice_green(const struct ends *it, const struct iovec *iov,
                              size_t count, unsigned flags)
{
    int before = errno, fd = it->in >= 0 ? it->in : it->out;
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    while ((n = green__real()->vmsplice(fd, iov, count,
                                        flags | SPLICE_F_NONBLOCK)) < 0)
        if (errno != EAGAIN || await_ends(it) < 0)
            return -1;
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return green__kept(before, n);
}

/* Into the pipe; from it, if it is open for reading. */
GREEN__HOOK ssize_t vmsplice(int fd, const struct iovec *iov, size_t count,
                             unsigned flags)
{
    struct ends ends = {.in = -1, .out = fd};
    int mode;

    if ((flags & SPLICE_F_NONBLOCK) || !green__is_green_point(GREEN_PATCH_IO))
        return green__real()->vmsplice(fd, iov, count, flags);
    mode = green__real()->fcntl(fd, F_GETFL);
    if (mode >= 0 && (mode & O_ACCMODE) == O_RDONLY)
        ends = (struct ends){.in = fd, .out = -1};
    return green__point_ends(vmsplice_green(&ends, iov, count, flags));
}
