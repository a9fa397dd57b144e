/* Several messages in one call. */
#include <greenhub/io.h>

#include <limits.h>
#include <poll.h>

#include "base/clock.h"
#include "base/mmsghdr.h"
#include "base/portable.h"
#include "base/system.h"
#include "base/trace.h"
#include "io/message.h"

struct batch {
    struct mmsghdr *messages;
    unsigned count, done;
    int flags;
};

/* As in the kernel, more than this are not looked at. */
static unsigned at_most(unsigned count)
{
    return count < IOV_MAX ? count : IOV_MAX;
}

/* Counts messages that were transferred; returns their bytes. */
static ssize_t count_in(struct batch *batch, int n)
{
    ssize_t bytes = 0;

    for (; n > 0; n--)
        bytes += batch->messages[batch->done++].msg_len;
    return bytes;
}

/* The messages done; or the error, if none is. */
static int how_many(const struct batch *batch)
{
    return batch->done > 0 ? (int)batch->done : -1;
}

/* ---- Receiving ------------------------------------------------------- */

static int try_receive(struct green__io *io, const struct batch *batch)
{
    green_time begun;

    if (!green__io_may_try(io))
        return green__refuse(EAGAIN);
    begun = green__trace_clock();
    return (int)green__trace_called(
        begun, "recvmmsg", io->fd,
        green__system.recvmmsg(
            io->fd, batch->messages + batch->done, batch->count - batch->done,
            (batch->flags & ~MSG_WAITFORONE) | MSG_DONTWAIT, NULL));
}

/* Whether the call has what it waits for: with MSG_WAITFORONE anything; and the
 * kernel stops behind urgent data. */
static bool is_enough(const struct green__io *io, const struct batch *batch)
{
    return batch->done == batch->count || io->nonblocking ||
           (batch->flags & MSG_WAITFORONE) ||
           (batch->messages[batch->done - 1].msg_hdr.msg_flags & MSG_OOB);
}

/* The next try would take an error, which this call cannot tell any more: what
 * has come is its result. */
static bool has_error(int fd)
{
    struct pollfd poll_fd = {.fd = fd};

    return green__look(&poll_fd, 1) > 0 && (poll_fd.revents & POLLERR);
}

static void receive_batch(struct green__io *io, struct batch *batch, bool timed)
{
    do {
        int n = try_receive(io, batch);

        if (n < 0) {
            if (!green__would_block(n) || green__io_wait(io) < 0)
                return;
        } else {
            ssize_t bytes = count_in(batch, n);

            if (is_enough(io, batch) || green__io_go_on(io, bytes) < 0)
                return;
            if (!timed)
                io->deadline = 0; /* SO_RCVTIMEO is each message's */
        }
    } while (batch->done == 0 || !has_error(io->fd));
}

static bool is_valid(const struct timespec *time)
{
    return time->tv_sec >= 0 && time->tv_nsec >= 0 && time->tv_nsec < GREEN_SEC;
}

static green_time deadline_of(const struct green__io *io,
                              const struct timespec *time)
{
    if (time->tv_sec >= INT64_MAX / GREEN_SEC - 1)
        return GREEN_FOREVER;
    return green__time_add(green__hub_now(io->hub),
                           time->tv_sec * GREEN_SEC + time->tv_nsec);
}

/* Errors are the kernel's, which looks at the descriptor first. */
static int receive_nothing(int fd, struct mmsghdr *messages, unsigned count)
{
    return green__system.recvmmsg(fd, messages, count, MSG_DONTWAIT, NULL);
}

int green_recvmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags,
                   struct timespec *timeout)
{
    struct batch batch = {
        .messages = messages, .count = at_most(count), .flags = flags};
    green_time left;
    struct green__io io;

    if (!messages || count == 0)
        return receive_nothing(fd, messages, count);
    if (timeout && !is_valid(timeout))
        return green__refuse(EINVAL);
    if (green__io_begin(&io, fd, GREEN_READ) < 0)
        return -1;
    io.nonblocking = flags & (MSG_DONTWAIT | MSG_ERRQUEUE | MSG_OOB);
    if (timeout)
        io.deadline = deadline_of(&io, timeout);
    receive_batch(&io, &batch, timeout != NULL);
    if (timeout && io.deadline != GREEN_FOREVER) {
        left = io.deadline - green__hub_now(io.hub);
        *timeout = green__timespec(left > 0 ? left : 0);
    }
    green__io_end(&io, how_many(&batch));
    return how_many(&batch);
}

/* ---- Sending --------------------------------------------------------- */

static int try_send(struct green__io *io, const struct batch *batch)
{
    green_time begun;

    if (!green__io_may_try(io))
        return green__refuse(EAGAIN);
    begun = green__trace_clock();
    return (int)green__trace_called(
        begun, "sendmmsg", io->fd,
        green__system.sendmmsg(io->fd, batch->messages + batch->done,
                               batch->count - batch->done,
                               batch->flags | MSG_DONTWAIT | MSG_NOSIGNAL));
}

/* A stream takes a part of a message if there is no room for more. The address
 * and the ancillary data are with the first part. False if the call must end;
 * the part counts as a message. */
static bool send_rest(struct green__io *io, struct mmsghdr *message, int flags)
{
    struct msghdr rest = {.msg_flags = 0};
    struct green__vector vector;
    ssize_t n;

    if (message->msg_len == green__message_size(&message->msg_hdr))
        return true;
    if (io->nonblocking || green__vector_init(&vector, message->msg_hdr.msg_iov,
                                              message->msg_hdr.msg_iovlen) < 0)
        return false;
    green__vector_advance(&vector, message->msg_len);
    vector.size -= message->msg_len;
    n = green__send_vector(io, &rest, &vector, flags);
    if (n > 0)
        message->msg_len += (unsigned)n;
    green__vector_free(&vector);
    return message->msg_len == green__message_size(&message->msg_hdr);
}

/* Whether the call fails; else it must wait. */
static bool send_failed(const struct green__io *io)
{
    if (errno == EPIPE)
        green__io_broken(io);
    return !green__would_block(-1) || (io->nonblocking && errno != EAGAIN);
}

static void send_batch(struct green__io *io, struct batch *batch)
{
    while (batch->done < batch->count) {
        int n = try_send(io, batch);
        unsigned first = batch->done;
        ssize_t bytes;

        if (n < 0) {
            if (send_failed(io) || green__io_wait(io) < 0)
                return;
            continue;
        }
        bytes = count_in(batch, n);
        while (first < batch->done)
            green__share_rights(&batch->messages[first++].msg_hdr);
        if (!send_rest(io, &batch->messages[batch->done - 1], batch->flags))
            return;
        if (batch->done < batch->count && green__io_go_on(io, bytes) < 0)
            return;
        io->deadline = 0; /* SO_SNDTIMEO is each message's */
    }
}

int green_sendmmsg(int fd, struct mmsghdr *messages, unsigned count, int flags)
{
    struct batch batch = {
        .messages = messages, .count = at_most(count), .flags = flags};
    struct green__io io;

    if (!messages || count == 0)
        return green__system.sendmmsg(fd, messages, count,
                                      flags | MSG_DONTWAIT | MSG_NOSIGNAL);
    if (green__io_begin(&io, fd, GREEN_WRITE) < 0)
        return -1;
    io.nonblocking = flags & MSG_DONTWAIT;
    send_batch(&io, &batch);
    green__io_end(&io, how_many(&batch));
    return how_many(&batch);
}
