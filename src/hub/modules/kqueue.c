/*
 * The kqueue hub: kqueue(2), of the BSDs and of macOS.
 *
 * It was written by the manual pages of FreeBSD, NetBSD, OpenBSD and macOS, and has
 * never run on any of them. `make lint` compiles it, on Linux, with declarations of
 * its own.
 *
 * What these pages say:
 * - A registration belongs to a descriptor's number, with one filter for reading and
 *   one for writing. close(2) removes it, whoever else has the open file: there are no
 *   stale registrations.
 * - EV_ADD of what is registered already changes it. EV_DELETE of what is not fails
 *   with ENOENT.
 * - A regular file is readable up to its end, and never after that. So it is refused
 *   here, as epoll does, and counts as always ready.
 * - EV_EOF of the filter for reading means that the other end sends no more; of the one
 *   for writing, that nobody reads any more. `fflags` then has a socket's error.
 * - A queue is not inherited by a forked child: there the number is free.
 * - macOS refuses timeouts of more than some years, and some devices.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/event.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "base/clock.h"
#include "base/own_descriptor.h"
#include "base/self.h"
#include "base/system.h"
#include "hub/modules/cancel.h"
#include "hub/modules/modules.h"

#define BATCH 64
#define LONGEST (1000000 * GREEN_SEC)

struct kqueues {
    int fd;
    struct kevent events[BATCH];
};

struct watched {
    uint64_t token; /* a pointer may be too small for it */
    unsigned events;
};

static int open_kqueue(struct green_hub *hub)
{
    struct kqueues *kqueues = green_hub_state(hub);
    int fd = kqueue();

    if (fd < 0 || green__system.fcntl(fd, F_SETFD, FD_CLOEXEC) < 0) {
        green_hub_set_error("the kernel gives no kqueue: errno %d", errno);
        if (fd >= 0)
            green__system.close(fd);
        return -1;
    }
    kqueues->fd = green__own_descriptor(fd);
    return 0;
}

static void close_kqueue(struct green_hub *hub)
{
    struct kqueues *kqueues = green_hub_state(hub);

    green__own_descriptor_close(kqueues->fd);
}

/* The number is free in the child, or is another file's by now. */
static void after_fork(struct green_hub *hub)
{
    struct kqueues *kqueues = green_hub_state(hub);

    green__own_descriptor_forget(kqueues->fd);
}

static int change(struct kqueues *kqueues, int fd, short filter,
                  unsigned short flags)
{
    struct kevent event;

    EV_SET(&event, fd, filter, flags, 0, 0, NULL);
    return kevent(kqueues->fd, &event, 1, NULL, 0, NULL);
}

/* What is not registered, or was closed, needs no removal. */
static void stop(struct kqueues *kqueues, int fd, unsigned events)
{
    if (events & GREEN_READ)
        (void)change(kqueues, fd, EVFILT_READ, EV_DELETE);
    if (events & GREEN_WRITE)
        (void)change(kqueues, fd, EVFILT_WRITE, EV_DELETE);
}

static int start(struct kqueues *kqueues, int fd, unsigned events)
{
    if ((events & GREEN_READ) && change(kqueues, fd, EVFILT_READ, EV_ADD) < 0)
        return -1;
    if ((events & GREEN_WRITE) && change(kqueues, fd, EVFILT_WRITE, EV_ADD) < 0)
        return -1;
    return 0;
}

static bool is_always_ready(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 &&
           (S_ISREG(status.st_mode) || S_ISDIR(status.st_mode));
}

/* A file that has no such filter counts as always ready. */
static int refuse(struct kqueues *kqueues, int fd)
{
    int error = errno;

    stop(kqueues, fd, GREEN_READ | GREEN_WRITE);
    if (error == EINVAL || error == ENODEV || error == ENOTTY)
        error = EPERM;
    return green__refuse(error);
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct kqueues *kqueues = green_hub_state(hub);
    struct watched *watched = green_hub_descriptor_state(hub, fd);

    watched->events = 0;
    stop(kqueues, fd, from & ~to);
    if (!to)
        return 0;
    if (is_always_ready(fd))
        return green__refuse(EPERM);
    if (start(kqueues, fd, to) < 0)
        return refuse(kqueues, fd);
    *watched = (struct watched){.token = token, .events = to};
    return 0;
}

static unsigned events_of(const struct kevent *event)
{
    unsigned events = event->filter == EVFILT_READ ? GREEN_READ : GREEN_WRITE;

    if (event->flags & EV_ERROR)
        return GREEN_ERROR;
    if ((event->flags & EV_EOF) && event->fflags != 0)
        events |= GREEN_ERROR;
    if ((event->flags & EV_EOF) && event->filter == EVFILT_WRITE)
        events |= GREEN_HANGUP;
    return events;
}

static void report(struct green_hub *hub, const struct kevent *event)
{
    const struct watched *watched =
        green_hub_descriptor_state(hub, (int)event->ident);

    if (watched && watched->events)
        green_hub_ready(hub, watched->token, events_of(event));
}

static int wait_kqueue(struct green_hub *hub, green_time timeout)
{
    struct kqueues *kqueues = green_hub_state(hub);
    struct timespec time =
        green__timespec(timeout < LONGEST ? timeout : LONGEST);
    int former = green__cancellation_begin();
    int count = kevent(kqueues->fd, NULL, 0, kqueues->events, BATCH,
                       timeout == GREEN_FOREVER ? NULL : &time);

    green__cancellation_end(former);
    for (int i = 0; i < count; i++)
        report(hub, &kqueues->events[i]);
    return count < 0 && errno != EINTR ? -1 : 0;
}

const struct green_hub_module green__hub_kqueue = {
    .abi = GREEN_HUB_ABI,
    .name = "kqueue",
    .description = "kqueue(2)",
    .state_size = sizeof(struct kqueues),
    .descriptor_size = sizeof(struct watched),
    .open = open_kqueue,
    .close = close_kqueue,
    .interest = interest,
    .wait = wait_kqueue,
    .after_fork = after_fork,
};
