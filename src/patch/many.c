/* Several messages in a call; eventfd's own calls, which read and write inside
 * libc. */
#include <limits.h>
#include <sys/eventfd.h>

#include "base/clock.h"
#include "patch/cancel.h"
#include "patch/times.h"

/* As in the kernel, more than this are not looked at. */
static unsigned at_most(unsigned count)
{
    return count < IOV_MAX ? count : IOV_MAX;
}

/* The messages done; or the error, if none is. */
static int how_many(unsigned done, ssize_t last)
{
    return done > 0 || last >= 0 ? (int)done : -1;
}

/* Writes what is left. True if that is nothing. */
static bool is_over(struct timespec *timeout, green_time deadline)
{
    green_time left;

    if (!timeout)
        return false;
    left = deadline - green_now();
    *timeout = green__timespec(left > 0 ? left : 0);
    return left <= 0;
}

/* The time is looked at after each message only, and the first is waited for
 * however long it takes: see BUGS in recvmmsg(2). */
static int receive_many(int fd, struct mmsghdr *messages, unsigned count,
                        int flags, struct timespec *timeout)
{
    int before = errno;
    green_time time, deadline;
    unsigned done = 0;
    ssize_t n = 0;

    if (!green__duration_of(timeout, &time))
        return green__refuse(EINVAL);
    deadline = green__time_add(green_now(), time);
    while (done < at_most(count)) {
        n = recvmsg(fd, &messages[done].msg_hdr, flags & ~MSG_WAITFORONE);
        if (n < 0)
            break;
        messages[done++].msg_len = (unsigned)n;
        if (flags & MSG_WAITFORONE)
            flags |= MSG_DONTWAIT;
        if (is_over(timeout, deadline) ||
            (messages[done - 1].msg_hdr.msg_flags & MSG_OOB))
            break;
    }
    return (int)green__kept(before, how_many(done, n));
}

GREEN__HOOK int recvmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags, struct timespec *timeout)
{
    if (messages && count && green__is_green(GREEN_PATCH_IO))
        return receive_many(fd, messages, count, flags, timeout);
    return green__real()->recvmmsg(fd, messages, count, flags, timeout);
}

static int send_many(int fd, struct mmsghdr *messages, unsigned count,
                     int flags)
{
    int before = errno;
    unsigned done = 0;
    ssize_t n = 0;

    while (done < at_most(count)) {
        n = sendmsg(fd, &messages[done].msg_hdr, flags);
        if (n < 0)
            break;
        messages[done++].msg_len = (unsigned)n;
    }
    return (int)green__kept(before, how_many(done, n));
}

GREEN__HOOK int sendmmsg(int fd, struct mmsghdr *messages, unsigned count,
                         int flags)
{
    if (messages && count && green__is_green(GREEN_PATCH_IO))
        return send_many(fd, messages, count, flags);
    return green__real()->sendmmsg(fd, messages, count, flags);
}

GREEN__HOOK int eventfd_read(int fd, eventfd_t *value)
{
    if (green__is_green(GREEN_PATCH_IO))
        return read(fd, value, sizeof *value) == sizeof *value ? 0 : -1;
    return green__real()->eventfd_read(fd, value);
}

GREEN__HOOK int eventfd_write(int fd, eventfd_t value)
{
    if (green__is_green(GREEN_PATCH_IO))
        return write(fd, &value, sizeof value) == sizeof value ? 0 : -1;
    return green__real()->eventfd_write(fd, value);
}
