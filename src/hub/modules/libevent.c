/*
 * The libevent hub: uses the back end that libevent finds best. Users select it
 * explicitly. Each hub has its own event base, so it works in several OS
 * threads without libevent's locking.
 *
 * What libevent really does:
 * - It writes warnings to stderr when the kernel refuses a descriptor. The hub
 *   finds such descriptors first, with an epoll descriptor of its own, made at
 *   open since later none may be left. libevent can still warn of a kernel that
 *   is out of memory or at its limit of watches. event_set_log_callback
 *   redirects warnings, but it is global to the process and its current value
 *   cannot be read: it belongs to the program, and the hub leaves it alone.
 *   When libevent gets no descriptors for itself it ends the process, so the
 *   hub calls it only if some are left.
 * - EVLOOP_ONCE continues to wait after a signal, and EVLOOP_NONBLOCK without
 *   it loops as long as any descriptor is ready.
 * - By default its timeouts have epoll's milliseconds; with "precise" timers it
 *   keeps microseconds by a timerfd.
 * - A registration that outlives a close by other means, since a duplicate
 *   lives, is reported by epoll for ever; libevent takes it for one of the
 *   number's next file, or silently skips it and never waits again. Only
 *   reinitialising the base ends that, and libevent ends the process if no
 *   descriptor is left for it. Whether there is a duplicate cannot be known.
 * - In a forked child the base must be reinitialised before it is freed, or the
 *   child removes the parent's registrations.
 */
#include <errno.h>
#include <event2/event.h>
#include <event2/event_struct.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/self.h"
#include "base/attributes.h"
#include "base/own_descriptor.h"
#include "base/clock.h"
#include "base/system.h"
#include "hub/modules/modules.h"

struct libevents {
    struct event_base *base;
    struct event timer;
    int scratch;       /* an epoll descriptor, to test descriptors with */
    bool may_be_stale; /* a stale registration may exist */
    bool is_stuck;     /* no descriptor was left to reinitialise the base */
    green_time reinitialised; /* last reinitialisation, or attempt */
};

struct watched {
    struct event event;
    struct green_hub *hub;
    uint64_t token;
    bool added;
    bool registered; /* epoll knows the file, unless it was closed for good */
    dev_t device;    /* of the file registered */
    ino_t inode;
};

/* The least time between two reinitialisations: each costs a system call per
 * watched descriptor. */
#define REINITIALISE_PERIOD (100 * GREEN_MSEC)
/* How long a wait pauses instead, while no descriptor is left for that. */
#define STUCK_PAUSE GREEN_MSEC

static void timer_fired(evutil_socket_t fd, short what, void *arg)
{
    /* Firing ends the wait; nothing else to do. */
    (void)fd;
    (void)what;
    (void)arg;
}

/* Whether enough descriptors are left for an event base, which makes one for
 * epoll, one for a timer and a pair for signals, and some to spare: 0, or -1
 * with errno. */
static int are_descriptors_left(void)
{
    int fds[8];
    size_t count = 0;
    int error = 0;

    while (count < sizeof fds / sizeof fds[0] && !error) {
        fds[count] = green__system.eventfd(0, EFD_CLOEXEC);
        if (fds[count] < 0)
            error = errno;
        else
            count++;
    }
    while (count > 0)
        green__system.close(fds[--count]);
    errno = error;
    return error ? -1 : 0;
}

static int open_libevent(struct green_hub *hub)
{
    struct libevents *libevents = green_hub_state(hub);
    struct event_config *config;

    if (are_descriptors_left() < 0) {
        green_hub_set_error("too few descriptors are left for libevent");
        return -1;
    }
    config = event_config_new();
    if (config) {
        event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
        event_config_set_flag(config, EVENT_BASE_FLAG_PRECISE_TIMER);
        libevents->base = event_base_new_with_config(config);
        event_config_free(config);
    }
    if (!libevents->base) {
        green_hub_set_error("libevent gives no event base");
        return green__refuse(ENOSYS);
    }
    libevents->scratch = epoll_create1(EPOLL_CLOEXEC);
    if (libevents->scratch < 0) {
        event_base_free(libevents->base);
        green_hub_set_error("too few descriptors are left for libevent");
        return -1;
    }
    evtimer_assign(&libevents->timer, libevents->base, timer_fired, NULL);
    return 0;
}

static void close_libevent(struct green_hub *hub)
{
    struct libevents *libevents = green_hub_state(hub);

    /* If the program has closed all, libevent would close what is the program's
     * now: its base stays. */
    if (green__own_descriptor_is_lost(libevents->scratch))
        return;
    event_base_free(libevents->base);
    green__system.close(libevents->scratch);
}

static void after_fork(struct green_hub *hub)
{
    struct libevents *libevents = green_hub_state(hub);

    event_reinit(libevents->base);
    event_base_free(libevents->base);
    /* a copy; holds no registrations */
    green__system.close(libevents->scratch);
}

static void is_ready(evutil_socket_t fd, short what, void *arg)
{
    struct watched *watched = arg;

    (void)fd;
    green_hub_ready(watched->hub, watched->token,
                    (what & EV_READ ? GREEN_READ : 0) |
                        (what & EV_WRITE ? GREEN_WRITE : 0));
}

/* Whether libevent would refuse the descriptor, and print a warning: 0 if not,
 * or -1 with errno. */
static int test_descriptor(const struct libevents *libevents, int fd,
                           mode_t mode)
{
    struct epoll_event event = {.events = EPOLLIN};

    if (S_ISSOCK(mode) || S_ISFIFO(mode))
        return 0;
    if (epoll_ctl(libevents->scratch, EPOLL_CTL_ADD, fd, &event) < 0)
        return -1;
    return epoll_ctl(libevents->scratch, EPOLL_CTL_DEL, fd, &event);
}

/* Removes the event. That removes the registration only if the number is still
 * the file registered; a duplicate may keep it otherwise. `now` is the number's
 * file, NULL if it is closed. */
static void remove_event(struct libevents *libevents, struct watched *watched,
                         const struct stat *now)
{
    if (watched->added)
        event_del(&watched->event);
    if (watched->registered && (!now || now->st_ino != watched->inode ||
                                now->st_dev != watched->device))
        libevents->may_be_stale = true;
    watched->added = watched->registered = false;
}

static int add_event(struct libevents *libevents, struct watched *watched,
                     int fd, unsigned to)
{
    short events = (short)((to & GREEN_READ ? EV_READ : 0) |
                           (to & GREEN_WRITE ? EV_WRITE : 0) | EV_PERSIST);

    if (event_assign(&watched->event, libevents->base, fd, events, is_ready,
                     watched) < 0 ||
        event_add(&watched->event, NULL) < 0)
        return green__refuse(ENOMEM);
    watched->added = watched->registered = true;
    return 0;
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct libevents *libevents = green_hub_state(hub);
    struct watched *watched = green_hub_descriptor_state(hub, fd);
    struct stat status;
    bool is_open = fstat(fd, &status) == 0;

    (void)from;
    remove_event(libevents, watched, is_open ? &status : NULL);
    if (!to)
        return 0;
    if (!is_open)
        return green__refuse(EBADF);
    if (test_descriptor(libevents, fd, status.st_mode) < 0)
        return -1;
    watched->hub = hub;
    watched->token = token;
    watched->device = status.st_dev;
    watched->inode = status.st_ino;
    return add_event(libevents, watched, fd, to);
}

/* Replaces a wait, which would end at once, or loop inside libevent. Returns
 * the remaining timeout, 0: libevent then only looks. */
static green_time pause_instead(green_time timeout)
{
    struct timespec time =
        green__timespec(timeout < STUCK_PAUSE ? timeout : STUCK_PAUSE);

    if (timeout)
        green__system.ppoll(NULL, 0, &time, NULL);
    return 0;
}

/* Returns how long the wait may take. */
static GREEN__COLD green_time reinitialise(struct libevents *libevents,
                                           green_time timeout)
{
    green_time now = green__clock();
    bool is_early = now - libevents->reinitialised < REINITIALISE_PERIOD;

    if (is_early && !libevents->is_stuck)
        return timeout < REINITIALISE_PERIOD ? timeout : REINITIALISE_PERIOD;
    if (is_early)
        return pause_instead(timeout);
    libevents->reinitialised = now;
    libevents->is_stuck = are_descriptors_left() < 0;
    if (libevents->is_stuck)
        return pause_instead(timeout);
    libevents->may_be_stale = event_reinit(libevents->base) < 0;
    return timeout;
}

static int wait_libevent(struct green_hub *hub, green_time timeout)
{
    struct libevents *libevents = green_hub_state(hub);
    bool timed;
    int flags, result;

    if (green__unlikely(libevents->may_be_stale))
        timeout = reinitialise(libevents, timeout);
    flags = EVLOOP_ONCE | (timeout ? 0 : EVLOOP_NONBLOCK);
    timed = timeout && timeout != GREEN_FOREVER;
    if (timed) {
        green_time us = green__time_in(timeout, GREEN_USEC);
        struct timeval time = {.tv_sec = us / 1000000, .tv_usec = us % 1000000};

        if (event_add(&libevents->timer, &time) < 0)
            return green__refuse(ENOMEM);
    }
    result = event_base_loop(libevents->base, flags | EVLOOP_NO_EXIT_ON_EMPTY);
    if (timed)
        event_del(&libevents->timer);
    return result < 0 ? -1 : 0;
}

const struct green_hub_module green__hub_libevent = {
    .abi = GREEN_HUB_ABI,
    .name = "libevent",
    .description = "libevent 2",
    .state_size = sizeof(struct libevents),
    .descriptor_size = (sizeof(struct watched) + 15) / 16 * 16,
    .open = open_libevent,
    .close = close_libevent,
    .interest = interest,
    .wait = wait_libevent,
    .after_fork = after_fork,
};
