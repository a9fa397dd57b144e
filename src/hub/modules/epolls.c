/*
 * The epolls hub: Linux's epoll(7).
 *
 * What the kernel really does:
 * - A registration belongs to the open file together with the number. Closing
 *   the number removes it only when no duplicate of the file is left, not even
 *   in a child process; else it stays, under a number that may have been
 *   reused. The loop therefore removes the registration before a green close,
 *   and events carry the number's generation. After a close by other means the
 *   registration cannot be removed, and if it is level-triggered epoll reports
 *   it for ever: then the hub makes a new epoll descriptor and registers only
 *   what it watches.
 * - Adding or modifying an edge-triggered registration reports what is ready at
 *   that moment, so nothing that came before is missed.
 * - Regular files are refused with EPERM.
 * - Urgent data that the program does not read is reported for ever where it is
 *   asked for, unless edge-triggered. There the hub must know of it: a read
 *   stops at its mark, with more data behind.
 * - epoll_wait counts milliseconds, epoll_pwait2 (5.11) nanoseconds. Without
 *   the latter, ppoll(2) on the epoll descriptor keeps the time, unless the
 *   process's limit allows no descriptors: see poll_refused.h.
 */
#include <errno.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/own_descriptor.h"
#include "base/attributes.h"
#include "base/clock.h"
#include "base/system.h"
#include "hub/modules/cancel.h"
#include "hub/modules/modules.h"
#include "hub/modules/poll_refused.h"

/* As many as the loop delivers in an iteration: the kernel looks at each socket
 * that it reports, and with more than these the first would have left the cache
 * before they are delivered. */
#define BATCH 64

struct epolls {
    int fd;
    int end;    /* 1 + the highest number watched */
    bool stuck; /* a stale registration is reported and could not be removed */
    unsigned long *refused; /* memory of green__poll_refused() */
    struct epoll_event events[BATCH];
};

/* The interest last registered for a number. */
struct watched {
    uint64_t token;
    unsigned events; /* 0: not watched */
};

static atomic_bool lacks_pwait2;

static int open_epolls(struct green_hub *hub)
{
    struct epolls *epolls = green_hub_state(hub);

    epolls->fd = green__own_descriptor(epoll_create1(EPOLL_CLOEXEC));
    if (epolls->fd >= 0)
        return 0;
    green_hub_set_error("the kernel gives no epoll descriptor: errno %d",
                        errno);
    return -1;
}

static void close_epolls(struct green_hub *hub)
{
    struct epolls *epolls = green_hub_state(hub);

    green__own_descriptor_close(epolls->fd);
    green__system.release(epolls->refused);
}

static uint32_t to_epoll(unsigned events)
{
    uint32_t result = 0;

    if (events & GREEN_READ)
        result |= EPOLLIN;
    if (events & GREEN_WRITE)
        result |= EPOLLOUT;
    if (events & GREEN_EDGE)
        result |= EPOLLET;
    if ((events & GREEN_EDGE) && (events & GREEN_READ))
        result |= EPOLLRDHUP | EPOLLPRI;
    return result;
}

static int control(struct epolls *epolls, int operation, int fd, uint64_t token,
                   unsigned to)
{
    struct epoll_event event = {.events = to_epoll(to), .data.u64 = token};

    return epoll_ctl(epolls->fd, operation, fd, &event);
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct epolls *epolls = green_hub_state(hub);
    struct watched *watched = green_hub_descriptor_state(hub, fd);
    int result;

    watched->events = 0;
    if (!to)
        return control(epolls, EPOLL_CTL_DEL, fd, token, to);
    result =
        control(epolls, from ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, token, to);
    /* The number may stand for a file other than the one the loop knows. */
    if (result < 0 && errno == ENOENT)
        result = control(epolls, EPOLL_CTL_ADD, fd, token, to);
    else if (result < 0 && errno == EEXIST)
        result = control(epolls, EPOLL_CTL_MOD, fd, token, to);
    if (result < 0)
        return -1;
    *watched = (struct watched){.token = token, .events = to};
    if (fd >= epolls->end)
        epolls->end = fd + 1;
    return 0;
}

/* How long a wait pauses before it looks, while stale registrations remain. */
#define STUCK_PAUSE GREEN_MSEC

/*
 * epoll reports a stale registration: replaces the epoll descriptor. If no
 * descriptor is left for that, nothing changes, and the next such report tries
 * again.
 */
static GREEN__COLD void replace_epoll(struct green_hub *hub)
{
    struct epolls *epolls = green_hub_state(hub);
    int fd = green__own_descriptor(epoll_create1(EPOLL_CLOEXEC));

    epolls->stuck = fd < 0;
    if (fd < 0)
        return;
    green__own_descriptor_close(epolls->fd);
    epolls->fd = fd;
    for (int i = 0; i < epolls->end; i++) {
        struct watched *watched = green_hub_descriptor_state(hub, i);

        if (watched && watched->events &&
            control(epolls, EPOLL_CTL_ADD, i, watched->token, watched->events) <
                0)
            green_hub_ready(hub, watched->token, GREEN_CLOSED);
    }
}

static int wait_by_poll(struct epolls *epolls, green_time timeout)
{
    struct pollfd poll_fd = {.fd = epolls->fd, .events = POLLIN};
    struct timespec time = green__timespec(timeout);
    int ready = green__system.ppoll(&poll_fd, 1, &time, NULL);

    if (ready < 0 && errno == EINVAL)
        ready = green__poll_refused(&epolls->refused, &poll_fd, 1, timeout);
    if (ready < 0)
        return -1;
    return green__system.epoll_wait(epolls->fd, epolls->events, BATCH, 0);
}

static int wait_for_events(struct epolls *epolls, green_time timeout)
{
    struct timespec time;
    int count, former;

    if (timeout == 0 || timeout == GREEN_FOREVER)
        return green__system.epoll_wait(epolls->fd, epolls->events, BATCH,
                                        timeout ? -1 : 0);
    if (atomic_load_explicit(&lacks_pwait2, memory_order_relaxed))
        return wait_by_poll(epolls, timeout);
    time = green__timespec(timeout);
    former = green__cancellation_begin();
    count =
        (int)green__system.syscall(SYS_epoll_pwait2, epolls->fd, epolls->events,
                                   BATCH, &time, NULL, (size_t)0);
    green__cancellation_end(former);
    if (count < 0 && (errno == ENOSYS || errno == EPERM)) {
        atomic_store_explicit(&lacks_pwait2, true, memory_order_relaxed);
        return wait_by_poll(epolls, timeout);
    }
    return count;
}

/* A stale registration would end each wait at once. */
static GREEN__COLD int look_after_pause(struct epolls *epolls,
                                        green_time timeout)
{
    struct timespec time =
        green__timespec(timeout < STUCK_PAUSE ? timeout : STUCK_PAUSE);

    epolls->stuck = false;
    if (green__system.ppoll(NULL, 0, &time, NULL) < 0)
        return -1;
    return green__system.epoll_wait(epolls->fd, epolls->events, BATCH, 0);
}

static unsigned from_epoll(uint32_t events)
{
    unsigned result = 0;

    if (events & (EPOLLIN | EPOLLRDHUP))
        result |= GREEN_READ;
    /* Reported as an error: from now on a short read does not mean that all was
     * read. */
    if (events & EPOLLPRI)
        result |= GREEN_READ | GREEN_ERROR;
    if (events & EPOLLOUT)
        result |= GREEN_WRITE;
    if (events & EPOLLERR)
        result |= GREEN_ERROR;
    if (events & (EPOLLHUP | EPOLLRDHUP))
        result |= GREEN_HANGUP;
    return result;
}

static int wait_epolls(struct green_hub *hub, green_time timeout)
{
    struct epolls *epolls = green_hub_state(hub);
    int count = green__unlikely(epolls->stuck) && timeout
                    ? look_after_pause(epolls, timeout)
                    : wait_for_events(epolls, timeout);
    bool stale = false;

    if (count < 0)
        return errno == EINTR ? 0 : -1;
    for (int i = 0; i < count; i++) {
        uint64_t token = epolls->events[i].data.u64;
        const struct watched *watched =
            green_hub_descriptor_state(hub, green_hub_token_fd(token));

        stale |= !watched->events || watched->token != token;
        green_hub_ready(hub, token, from_epoll(epolls->events[i].events));
    }
    if (green__unlikely(stale))
        replace_epoll(hub);
    return 0;
}

const struct green_hub_module green__hub_epolls = {
    .abi = GREEN_HUB_ABI,
    .name = "epolls",
    .description = "epoll(7), edge-triggered where greenthreads wait",
    .capabilities = GREEN_HUB_EDGE,
    .state_size = sizeof(struct epolls),
    .descriptor_size = sizeof(struct watched),
    .open = open_epolls,
    .close = close_epolls,
    .interest = interest,
    .wait = wait_epolls,
    .after_fork = close_epolls, /* a copy; the parent's registrations remain */
};
