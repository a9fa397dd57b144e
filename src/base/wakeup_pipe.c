/* Wake-ups by a pipe, for systems without eventfds: see wakeup.h. */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>

#include "base/own_descriptor.h"
#include "base/system.h"
#include "base/wakeup.h"

int green__wakeup_open(struct green__wakeup *wakeup)
{
    int fds[2];

    *wakeup = GREEN__NO_WAKEUP;
    if (green__system.pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
        return -1;
    wakeup->fd = fds[0];
    wakeup->send_fd = green__own_descriptor(fds[1]);
    return 0;
}

/* A pipe without room has wakened its reader already. */
int green__wakeup_send(const struct green__wakeup *wakeup)
{
    ssize_t written;
    int state;

    green__system.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    written = green__system.write(wakeup->send_fd, "", 1);
    green__system.pthread_setcancelstate(state, &state);
    return written < 0 && errno != EAGAIN ? -1 : 0;
}

int green__wakeup_drain(const struct green__wakeup *wakeup)
{
    char bytes[64];
    bool some = false;
    ssize_t n;

    do {
        n = green__system.read(wakeup->fd, bytes, sizeof bytes);
        some = some || n > 0;
    } while (n == (ssize_t)sizeof bytes);
    return some ? 0 : -1;
}

void green__wakeup_close_end(struct green__wakeup *wakeup)
{
    int saved = errno;

    if (wakeup->send_fd >= 0)
        green__own_descriptor_close(wakeup->send_fd);
    wakeup->send_fd = -1;
    errno = saved;
}
