/*
 * poll: check without waiting; if nothing is ready, wait for all of the
 * descriptors, and check again.
 */
#include "io/poll.h"

#include <errno.h>
#include <stdio.h>

#include <greenhub/channel.h>

#include "base/system.h"
#include "io/wait.h"

/* Up to this many descriptors need no memory from the heap. */
#define FEW 8

/* Checking this many descriptors costs as much of the budget as one switch. */
#define DESCRIPTORS_PER_SWITCH 16
#define MANY 65536

/* Some events the hub can report only together with others, which may be there
 * all the time. Descriptors with such events are checked this often. */
#define LOOK_PERIOD (20 * GREEN_MSEC)

struct poller {
    struct green__waiter waiter;
    struct green_hub *hub;
    struct pollfd *fds;
    struct entry *entries;
    nfds_t count;
    bool woken;
    bool rare; /* some are checked every LOOK_PERIOD */
};

struct entry {
    struct green__io_waiter io_waiter;
    struct poller *poller;
    uint32_t life; /* the number's life at the check */
    bool waits, called;
};

static void describe(const struct green__waiter *waiter, char *text,
                     size_t size)
{
    const struct poller *poller =
        container_of(waiter, const struct poller, waiter);

    if (poller->count == 1)
        snprintf(text, size, "descriptor %d", poller->fds[0].fd);
    else
        snprintf(text, size, "%lu descriptors", (unsigned long)poller->count);
}

static const struct green__wait_kind polling = {
    .name = "poll", .describe = describe, .signals = GREEN__INTERRUPTS};

static void wake_once(struct poller *poller)
{
    if (!poller->woken) {
        poller->woken = true;
        green__wake(&poller->waiter);
    }
}

static void is_ready(struct green__io_waiter *io_waiter, unsigned events)
{
    struct entry *entry = container_of(io_waiter, struct entry, io_waiter);

    (void)events;
    entry->waits = false;
    entry->called = true;
    wake_once(entry->poller);
}

static unsigned hub_events(short events)
{
    return (events & (POLLIN | POLLRDNORM) ? GREEN_READ : 0) |
           (events & (POLLOUT | POLLWRNORM) ? GREEN_WRITE : 0);
}

static int begin_wait(struct poller *poller, struct entry *entry,
                      const struct pollfd *poll_fd)
{
    unsigned events = hub_events(poll_fd->events);
    struct green__descriptor *d;

    *entry = (struct entry){.poller = poller};
    if (poll_fd->fd < 0)
        return 0;
    entry->life = green__io_life(poll_fd->fd);
    if (!events || (poll_fd->events & (POLLPRI | POLLRDBAND | POLLWRBAND)))
        poller->rare = true;
    if (!events)
        return 0;
    d = green__descriptor_get(poller->hub, poll_fd->fd);
    if (!d)
        return -1;
    entry->io_waiter.fd = poll_fd->fd;
    entry->io_waiter.events = events;
    entry->io_waiter.callback = is_ready;
    if (green__io_waiter_add(poller->hub, d, &entry->io_waiter) < 0) {
        /* Closed or always ready: the next check shows which. */
        poller->rare = true;
        return errno == ENOMEM || errno == ENOSPC ? -1 : 0;
    }
    entry->waits = true;
    return 0;
}

/* Stops waiting, and passes readiness on to the next in line. */
static void end_wait(struct poller *poller, nfds_t begun)
{
    for (nfds_t i = 0; i < begun; i++) {
        struct entry *entry = &poller->entries[i];

        if (entry->waits || entry->called)
            green__io_waiter_leave(poller->hub, &entry->io_waiter,
                                   entry->called);
    }
}

/* Waits once. 0: check again. */
static int wait_once(struct poller *poller, green_time deadline)
{
    nfds_t begun = 0;
    int result = 0, error;
    green_time until = deadline;

    poller->woken = false;
    poller->rare = false;
    green__waiter_init(&poller->waiter, &polling);
    while (begun < poller->count && result == 0) {
        result =
            begin_wait(poller, &poller->entries[begun], &poller->fds[begun]);
        begun += result == 0;
    }
    if (poller->rare) {
        green_time look =
            green__time_add(green__hub_now(poller->hub), LOOK_PERIOD);

        until = look < until ? look : until;
    }
    if (result == 0) {
        result = green__park_until(&poller->waiter, until);
        if (result < 0 && errno == EAGAIN)
            result = 0;
    }
    error = errno;
    end_wait(poller, begun);
    errno = error;
    return result;
}

static bool was_closed(const struct poller *poller, nfds_t i)
{
    int fd = poller->fds[i].fd;

    return fd >= 0 && green__io_life(fd) != poller->entries[i].life;
}

static bool any_was_closed(const struct poller *poller)
{
    for (nfds_t i = 0; i < poller->count; i++)
        if (was_closed(poller, i))
            return true;
    return false;
}

/* Reports a descriptor that was closed during the wait as POLLNVAL: its number
 * may have been reused. */
static GREEN__COLD int look_at_the_rest(struct poller *poller)
{
    int result = green__system.poll(poller->fds, poller->count, 0);

    for (nfds_t i = 0; i < poller->count && result >= 0; i++) {
        if (!was_closed(poller, i))
            continue;
        result += poller->fds[i].revents == 0;
        poller->fds[i].revents = POLLNVAL;
    }
    return result;
}

static int poll_until(struct poller *poller, green_time deadline)
{
    int result;

    while ((result = green__look(poller->fds, poller->count)) == 0) {
        if (green__hub_now(poller->hub) >= deadline)
            return 0;
        if (wait_once(poller, deadline) < 0)
            return -1;
        if (any_was_closed(poller))
            return look_at_the_rest(poller);
    }
    return result;
}

static int cost_of_many(nfds_t count)
{
    return (int)(count < MANY ? count : MANY) / DESCRIPTORS_PER_SWITCH;
}

int green__poll(struct pollfd *fds, nfds_t count, green_time timeout)
{
    struct entry few[FEW];
    struct poller poller = {.fds = fds, .count = count, .entries = few};
    int result, error;

    if (green__call_begins() < 0)
        return -1;
    result = green__look(fds, count);
    if (result != 0 || timeout == 0) {
        green__call_ends(GREEN__COST_SYSTEM_CALL + cost_of_many(count));
        return result;
    }
    poller.hub = green__hub_get();
    if (!poller.hub)
        return -1;
    if (count > FEW) {
        poller.entries = green__system.allocate(count, sizeof *few);
        if (!poller.entries)
            return green__refuse(ENOMEM);
    }
    result = poll_until(&poller,
                        green__time_add(green__hub_now(poller.hub), timeout));
    error = errno;
    if (poller.entries != few)
        green__system.release(poller.entries);
    errno = error;
    return result;
}

int green_wait(int fd, unsigned events, green_time deadline)
{
    struct green_case one = {
        .kind = GREEN_CASE_DESCRIPTOR, .fd = fd, .events = events};

    if (fd < 0)
        return green__refuse(EBADF);
    if (green_choose(&one, 1, deadline) < 0)
        return -1;
    return one.error ? green__refuse(one.error) : (int)one.ready;
}

int green_poll(struct pollfd *fds, nfds_t count, int timeout_ms)
{
    return green__poll(
        fds, count, timeout_ms < 0 ? GREEN_FOREVER : timeout_ms * GREEN_MSEC);
}
