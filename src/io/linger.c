#include "io/linger.h"

#include <errno.h>
#include <sys/socket.h>

#include "base/system.h"
#include "sync/worker_pool.h"

bool green__lingers(int fd)
{
    struct linger linger = {0};
    socklen_t length = sizeof linger;
    int saved = errno;
    bool waits = getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &length) == 0 &&
                 linger.l_onoff && linger.l_linger > 0;

    errno = saved;
    return waits;
}

struct closing {
    int fd; /* -1 once close has been called */
};

static long close_it(void *arg)
{
    struct closing *closing = arg;
    int fd = closing->fd;

    closing->fd = -1;
    return green__system.close(fd);
}

/* Closes without waiting: the kernel delivers the data in the background. */
static int close_now(int fd)
{
    const struct linger off = {0};

    (void)green__system.setsockopt(fd, SOL_SOCKET, SO_LINGER, &off, sizeof off);
    return green__system.close(fd);
}

static void discard_closing(void *arg)
{
    struct closing *closing = arg;

    if (closing->fd >= 0)
        close_now(closing->fd);
    green__system.release(closing);
}

int green__linger_close(int fd)
{
    struct closing *closing = green__system.allocate(1, sizeof *closing);
    const struct green__work work = {.fn = close_it,
                                     .arg = closing,
                                     .may_leave = true,
                                     .left = discard_closing};
    long result;
    int error;

    if (!closing)
        return close_now(fd);
    closing->fd = fd;
    if (green__worker_pool_run(GREEN__THREAD_POOL, &work, &result) < 0)
        return errno == ECANCELED || errno == ETIMEDOUT ? -1 : 0;
    error = errno;
    green__system.release(closing);
    errno = error;
    return (int)result;
}
