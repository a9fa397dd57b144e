/* read, write, readv, writev, recv, send, and write_all: bytes. */
#include "base/portable.h"
#include "io/attempt.h"
#include "io/message.h"
#include "io/operate.h"
#include "io/vector.h"

/* A transfer in pieces returns the bytes done, or the first piece's error. */
static ssize_t outcome(size_t done, ssize_t last)
{
    return done > 0 ? (ssize_t)done : last;
}

/* A call for no bytes: the kernel reports what is wrong. It counts as a call,
 * so that a loop of such calls lets others run, and can be killed. */
static GREEN__COLD ssize_t
transfer_nothing(ssize_t (*call)(int, const struct iovec *, int), int fd,
                 const struct iovec *iov, int count)
{
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    n = call(fd, iov, count);
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return n;
}

/* Transfers an array of buffers, on a copy of it: by `transfer`, or by the
 * `plain` call if it holds no bytes. */
static inline ssize_t transfer_vector(
    int fd, const struct iovec *iov, int count, unsigned direction,
    ssize_t (*transfer)(struct green__io *io, struct green__vector *vector),
    ssize_t (*plain)(int fd, const struct iovec *iov, int count))
{
    struct green__vector vector;
    struct green__io io;
    ssize_t n = -1;

    if (count < 0)
        return green__refuse_vector(fd, EINVAL);
    if (green__vector_init(&vector, iov, (size_t)count) < 0)
        return green__refuse_vector(fd, errno);
    if (vector.size == 0) {
        green__vector_free(&vector);
        return transfer_nothing(plain, fd, iov, count);
    }
    if (green__io_begin(&io, fd, direction) == 0) {
        n = transfer(&io, &vector);
        green__io_end(&io, n);
    }
    green__vector_free(&vector);
    return n;
}

/* ---- Reading --------------------------------------------------------- */

static GREEN__COLD ssize_t read_nothing(int fd, void *buffer)
{
    ssize_t n;

    if (green__call_begins() < 0)
        return -1;
    n = green__system.read(fd, buffer, 0);
    green__call_ends(GREEN__COST_SYSTEM_CALL);
    return n;
}

/* For SO_RCVLOWAT above 1, message.c reads. False if it does not apply here. */
static GREEN__COLD bool read_low_water(struct green__io *io,
                                       struct msghdr *message, int flags,
                                       ssize_t *n)
{
    if (green__low_water(io, green__message_size(message)) <= 1)
        return false;
    *n = green__receive_message(io, message, flags);
    return true;
}

static inline bool has_low_water(const struct green__io *io)
{
    return green__unlikely(io->d && (io->d->file & GREEN__FILE_RCVLOWAT));
}

ssize_t green_read(int fd, void *buffer, size_t size)
{
    struct green__io io;
    ssize_t n = -1;

    if (green__unlikely(size == 0))
        return read_nothing(fd, buffer);
    if (green__unlikely(green__io_begin(&io, fd, GREEN_READ) < 0))
        return -1;
    if (has_low_water(&io) &&
        read_low_water(
            &io,
            &(struct msghdr){.msg_iov = &(struct iovec){buffer, size},
                             .msg_iovlen = 1},
            0, &n)) {
        green__io_end(&io, n);
        return n;
    }
    for (;;) {
        if (green__io_may_try(&io)) {
            n = green__try_recv(&io, buffer, size);
            if (!green__would_block(n))
                break;
        }
        if (green__io_operates(&io) && green__io_read(&io, buffer, size, &n))
            break;
        n = -1;
        if (green__unlikely(green__io_wait(&io) < 0))
            break;
    }
    if (n > 0 && (size_t)n < size && !io.closed)
        green__io_short_read(&io);
    green__io_end(&io, n);
    return n;
}

static ssize_t read_vector(struct green__io *io, struct green__vector *vector)
{
    ssize_t n;

    if (has_low_water(io) &&
        read_low_water(io,
                       &(struct msghdr){.msg_iov = vector->iov,
                                        .msg_iovlen = (size_t)vector->count},
                       0, &n))
        return n;
    do
        n = green__io_may_try(io)
                ? green__try_readv(io, vector->iov, vector->count)
                : green__refuse(EAGAIN);
    while (green__would_block(n) && green__io_wait(io) == 0);
    if (n > 0 && (size_t)n < vector->size && !io->closed)
        green__io_short_read(io);
    return n;
}

ssize_t green_readv(int fd, const struct iovec *iov, int count)
{
    return transfer_vector(fd, iov, count, GREEN_READ, read_vector,
                           green__system.readv);
}

ssize_t green_recv(int fd, void *buffer, size_t size, int flags)
{
    return green_recvfrom(fd, buffer, size, flags, NULL, NULL);
}

static inline ssize_t receive_from(int fd, void *buffer, size_t size, int flags,
                                   struct sockaddr *address, socklen_t *length)
{
    green_time begun = green__trace_clock();

    return green__trace_called(begun, "recvfrom", fd,
                               green__system.recvfrom(fd, buffer, size,
                                                      flags | MSG_DONTWAIT,
                                                      address, length));
}

/* MSG_PEEK with MSG_WAITALL: peeks until all bytes are there. */
static ssize_t peek_all(int fd, void *buffer, size_t size, int flags,
                        struct sockaddr *address, socklen_t *length)
{
    socklen_t room = length ? *length : 0;
    struct green__io io;
    ssize_t n, seen = 0;

    if (green__io_begin(&io, fd, GREEN_READ) < 0)
        return -1;
    do {
        if (length)
            *length = room;
        n = green__io_may_try(&io)
                ? receive_from(fd, buffer, size, flags, address, length)
                : (errno = EAGAIN, -1);
        seen = n > 0 ? n : seen;
        if (n < 0 ? !green__would_block(n)
                  : n == 0 || (size_t)n == size || green__has_ended(fd))
            break;
        n = -1;
    } while (green__io_wait(&io) == 0);
    green__io_end(&io, n);
    return seen > 0 ? seen : n;
}

static GREEN__COLD bool receive_low_water(struct green__io *io, void *buffer,
                                          size_t size, int flags,
                                          struct sockaddr *address,
                                          socklen_t *length, ssize_t *n)
{
    struct iovec iov = {buffer, size};
    struct msghdr message = {.msg_name = address,
                             .msg_namelen = address && length ? *length : 0,
                             .msg_iov = &iov,
                             .msg_iovlen = 1};

    if (!read_low_water(io, &message, flags, n))
        return false;
    if (*n >= 0 && address && length)
        *length = message.msg_namelen;
    return true;
}

ssize_t green_recvfrom(int fd, void *buffer, size_t size, int flags,
                       struct sockaddr *address, socklen_t *length)
{
    socklen_t room = length ? *length : 0;
    struct green__io io;
    size_t done = 0;
    ssize_t n = -1;

    if (green__unlikely(green__peeks_for_all(fd, flags)))
        return peek_all(fd, buffer, size, flags, address, length);
    if (green__io_begin(&io, fd, GREEN_READ) < 0)
        return -1;
    io.nonblocking = flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB);
    if (has_low_water(&io) &&
        receive_low_water(&io, buffer, size, flags, address, length, &n)) {
        green__io_end(&io, n);
        return n;
    }
    for (;;) {
        if (green__io_may_try(&io)) {
            if (length)
                *length = room;
            n = receive_from(fd, (char *)buffer + done, size - done, flags,
                             address, length);
            if (n > 0)
                done += (size_t)n;
            if (!green__would_block(n) &&
                (n <= 0 || done == size || !green__waits_for_all(fd, flags)))
                break;
            if (n > 0 && green__io_go_on(&io, n) < 0)
                break;
            if (n > 0)
                continue;
        }
        if (green__io_operates(&io) && !address &&
            green__io_receive(&io, (char *)buffer + done, size - done, flags,
                              &n)) {
            if (n <= 0)
                break;
            done += (size_t)n;
            if (done == size || io.closed || !green__waits_for_all(fd, flags) ||
                green__io_go_on(&io, n) < 0)
                break;
            continue;
        }
        if (green__io_wait(&io) < 0) {
            n = -1;
            break;
        }
    }
    if (n > 0 && done < size && flags == 0 && !io.closed)
        green__io_short_read(&io);
    green__io_end(&io, (ssize_t)done);
    return outcome(done, n);
}

/* ---- Writing --------------------------------------------------------- */

/* Writes one piece: the hub does, or a system call that does not block. False
 * if the caller must wait. */
static inline bool write_piece(struct green__io *io, const char *buffer,
                               size_t size, ssize_t *n)
{
    if (green__io_operates(io) && green__io_gathers(io, size) &&
        green__io_write(io, buffer, size, n))
        return true;
    if (green__io_may_try(io)) {
        *n = green__try_send(io, buffer, size);
        if (green__likely(*n > 0) || !green__would_block(*n))
            return true;
    }
    return green__io_operates(io) && green__io_write(io, buffer, size, n);
}

/* Even an empty datagram waits for room. */
static GREEN__COLD ssize_t write_nothing(int fd, const char *buffer)
{
    struct green__io io;
    ssize_t n = -1;

    if (green__io_begin(&io, fd, GREEN_WRITE) < 0)
        return -1;
    do
        n = green__io_may_try(&io) ? green__write_nothing(&io, buffer)
                                   : (errno = EAGAIN, -1);
    while (green__would_block(n) && green__io_wait(&io) == 0);
    green__io_end(&io, n);
    return n;
}

static inline ssize_t write_bytes(int fd, const char *buffer, size_t size)
{
    struct green__io io;
    size_t done = 0;
    ssize_t n = -1;

    if (green__unlikely(size == 0))
        return write_nothing(fd, buffer);
    if (green__unlikely(green__io_begin(&io, fd, GREEN_WRITE) < 0))
        return -1;
    while (done < size && !io.closed) {
        if (green__likely(write_piece(&io, buffer + done, size - done, &n))) {
            if (green__unlikely(n <= 0))
                break;
            done += (size_t)n;
            if (green__unlikely(done < size) && green__io_go_on(&io, n) < 0)
                break;
            continue;
        }
        n = -1;
        if (green__unlikely(green__io_wait(&io) < 0))
            break;
    }
    if (green__unlikely(n < 0 && errno == EPIPE))
        green__io_broken(&io);
    green__io_end(&io, n);
    return outcome(done, n);
}

ssize_t green_write(int fd, const void *buffer, size_t size)
{
    return write_bytes(fd, buffer, size);
}

/* Inlined into both callers: the one without a count pays nothing for it. */
static inline int write_all(int fd, const char *buffer, size_t size,
                            size_t *done)
{
    const uint32_t life = green__io_life(fd);

    *done = 0;
    if (green__unlikely(size == 0))
        return green__call_nothing();
    while (*done < size) {
        ssize_t n = write_bytes(fd, buffer + *done, size - *done);

        if (n < 0)
            return -1;
        *done += (size_t)n;
        if (green__unlikely(*done < size) && green__io_life(fd) != life)
            return green__refuse(EBADF);
    }
    return 0;
}

int green_write_all(int fd, const void *buffer, size_t size)
{
    size_t done;

    return write_all(fd, buffer, size, &done);
}

int green_write_all_counted(int fd, const void *buffer, size_t size,
                            size_t *done)
{
    if (!done)
        return green__refuse(EINVAL);
    return write_all(fd, buffer, size, done);
}

static ssize_t write_vector(struct green__io *io, struct green__vector *vector)
{
    size_t done = 0;
    ssize_t n = -1;

    while (done < vector->size && !io->closed) {
        if (green__io_may_try(io)) {
            n = green__try_writev(io, vector->iov, vector->count);
            if (n > 0) {
                done += (size_t)n;
                green__vector_advance(vector, (size_t)n);
                if (done < vector->size && green__io_go_on(io, n) < 0)
                    break;
                continue;
            }
            if (!green__would_block(n))
                break;
        }
        n = -1;
        if (green__io_wait(io) < 0)
            break;
    }
    if (green__unlikely(n < 0 && errno == EPIPE))
        green__io_broken(io);
    return outcome(done, n);
}

ssize_t green_writev(int fd, const struct iovec *iov, int count)
{
    return transfer_vector(fd, iov, count, GREEN_WRITE, write_vector,
                           green__system.writev);
}

static inline ssize_t send_to(int fd, const void *buffer, size_t size,
                              int flags, const struct sockaddr *address,
                              socklen_t length)
{
    green_time begun = green__trace_clock();

    return green__trace_called(
        begun, "sendto", fd,
        green__system.sendto(fd, buffer, size,
                             flags | MSG_DONTWAIT | MSG_NOSIGNAL, address,
                             length));
}

ssize_t green_send(int fd, const void *buffer, size_t size, int flags)
{
    return green_sendto(fd, buffer, size, flags, NULL, 0);
}

ssize_t green_sendto(int fd, const void *buffer, size_t size, int flags,
                     const struct sockaddr *address, socklen_t length)
{
    struct green__io io;
    size_t done = 0;
    ssize_t n = -1;

    if (green__io_begin(&io, fd, GREEN_WRITE) < 0)
        return -1;
    io.nonblocking = flags & MSG_DONTWAIT;
    do {
        if (green__io_may_try(&io)) {
            n = send_to(fd, (const char *)buffer + done, size - done, flags,
                        address, length);
            if (n >= 0) {
                done += (size_t)n;
                if (done < size && green__io_go_on(&io, n) < 0)
                    break;
                continue;
            }
            if (!green__would_block(n) || (io.nonblocking && errno != EAGAIN))
                break;
            if (errno == EINPROGRESS)
                flags &= ~MSG_FASTOPEN; /* the connection has begun */
        }
        n = -1;
        if (green__io_wait(&io) < 0)
            break;
    } while (done < size || n < 0);
    if (green__unlikely(n < 0 && errno == EPIPE))
        green__io_broken(&io);
    green__io_end(&io, n);
    return outcome(done, n);
}
