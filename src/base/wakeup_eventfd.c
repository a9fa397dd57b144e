/* Wake-ups by an eventfd(7), which counts them: see wakeup.h. */
#include <pthread.h>
#include <stdint.h>
#include <sys/eventfd.h>

#include "base/system.h"
#include "base/wakeup.h"

int green__wakeup_open(struct green__wakeup *wakeup)
{
    wakeup->fd = green__system.eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    wakeup->send_fd = -1;
    return wakeup->fd < 0 ? -1 : 0;
}

int green__wakeup_send(const struct green__wakeup *wakeup)
{
    const uint64_t one = 1;
    ssize_t written;
    int state;

    green__system.pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    written = green__system.write(wakeup->fd, &one, sizeof one);
    green__system.pthread_setcancelstate(state, &state);
    return written < 0 ? -1 : 0;
}

int green__wakeup_drain(const struct green__wakeup *wakeup)
{
    uint64_t count;

    return green__system.read(wakeup->fd, &count, sizeof count) < 0 ? -1 : 0;
}

void green__wakeup_close_end(struct green__wakeup *wakeup)
{
    (void)wakeup;
}
