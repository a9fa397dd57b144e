/* select by poll, so that the size of an fd_set is no limit. */
#include <errno.h>
#include <string.h>

#include <greenhub/io.h>

#include "base/self.h"
#include "base/bits.h"
#include "base/clock.h"
#include "base/system.h"
#include "io/poll.h"
#include "io/select.h"

static bool has(const fd_set *set, int fd)
{
    return set && green__bit_is_set((const void *)set, fd);
}

static void clear(fd_set *set, int nfds)
{
    unsigned long *words = (void *)set;

    for (int i = 0; set && i < (nfds + GREEN__WORD_BITS - 1) / GREEN__WORD_BITS;
         i++)
        words[i] = 0;
}

static int put(fd_set *set, int fd)
{
    green__bit_set((void *)set, fd, true);
    return 1;
}

struct sets {
    fd_set *readable, *writable, *exceptional;
};

/* Maps the sets to poll's events as the kernel's select does. */
static nfds_t to_poll(const struct sets *sets, int nfds, struct pollfd *fds)
{
    nfds_t count = 0;

    for (int fd = 0; fd < nfds; fd++) {
        short events = (short)((has(sets->readable, fd) ? POLLIN : 0) |
                               (has(sets->writable, fd) ? POLLOUT : 0) |
                               (has(sets->exceptional, fd) ? POLLPRI : 0));

        if (events)
            fds[count++] = (struct pollfd){.fd = fd, .events = events};
    }
    return count;
}

/* Returns the number of bits set, or -1 with EBADF. */
static int from_poll(const struct sets *sets, const struct pollfd *fds,
                     nfds_t count)
{
    int bits = 0;

    for (nfds_t i = 0; i < count; i++) {
        short asked = fds[i].events, got = fds[i].revents;

        if (got & POLLNVAL)
            return green__refuse(EBADF);
        if ((asked & POLLIN) && (got & (POLLIN | POLLHUP | POLLERR)))
            bits += put(sets->readable, fds[i].fd);
        if ((asked & POLLOUT) && (got & (POLLOUT | POLLERR)))
            bits += put(sets->writable, fds[i].fd);
        if ((asked & POLLPRI) && (got & POLLPRI))
            bits += put(sets->exceptional, fds[i].fd);
    }
    return bits;
}

/* Linux stores the time that was left in the timeout. */
static void set_left(struct timeval *timeout, green_time deadline)
{
    green_time left = timeout ? deadline - green_now() : 0;

    if (!timeout)
        return;
    left = left > 0 ? left : 0;
    timeout->tv_sec = left / GREEN_SEC;
    timeout->tv_usec = left % GREEN_SEC / GREEN_USEC;
}

static int select_by_poll(const struct sets *sets, int nfds, struct pollfd *fds,
                          green_time timeout)
{
    nfds_t count = to_poll(sets, nfds, fds);
    int result = green__poll(fds, count, timeout);

    for (nfds_t i = 0; result > 0 && i < count; i++) {
        if (fds[i].revents & POLLNVAL) {
            errno = EBADF;
            result = -1;
        }
    }
    if (result < 0)
        return -1; /* the sets stay unchanged */
    clear(sets->readable, nfds);
    clear(sets->writable, nfds);
    clear(sets->exceptional, nfds);
    return from_poll(sets, fds, count);
}

/* Sets may be larger than fd_set; but as in the kernel, however large nfds is,
 * only the part that the table of descriptors covers is read. */
static int limited(int nfds)
{
    unsigned long most;

    if (nfds <= FD_SETSIZE)
        return nfds;
    most = green__descriptor_room();
    return most < (unsigned long)nfds ? (int)most : nfds;
}

static green_time duration(const struct timeval *time)
{
    const green_time most = INT64_MAX / GREEN_SEC - 1;
    green_time more = time->tv_usec / 1000000;

    if (time->tv_sec >= most || more >= most - time->tv_sec)
        return GREEN_FOREVER;
    return ((green_time)time->tv_sec + more) * GREEN_SEC +
           (green_time)(time->tv_usec % 1000000) * GREEN_USEC;
}

int green_select(int nfds, fd_set *readable, fd_set *writable,
                 fd_set *exceptional, struct timeval *timeout)
{
    const struct sets sets = {readable, writable, exceptional};
    green_time time = GREEN_FOREVER, deadline;
    struct pollfd *fds;
    int result, error;

    if (nfds < 0 || (timeout && (timeout->tv_sec < 0 || timeout->tv_usec < 0)))
        return green__refuse(EINVAL);
    if (timeout)
        time = duration(timeout);
    nfds = limited(nfds);
    fds = green__system.allocate((size_t)nfds + 1, sizeof *fds);
    if (!fds)
        return green__refuse(ENOMEM);
    deadline = timeout ? green__time_add(green_now(), time) : 0;
    result = select_by_poll(&sets, nfds, fds, time);
    error = errno;
    set_left(timeout, deadline);
    green__system.release(fds);
    errno = error;
    return result;
}
