/*
 * The sim hub, for tests: real descriptors, with a virtual clock.
 *
 * Time stands still while code runs. When nothing is ready, a wait with a
 * timeout does not wait: it advances the clock by the timeout. So a test of an
 * hour takes no time, and gives the same result on a slow machine. A wait
 * without a timeout really waits, for other OS threads or processes; a test
 * that needs their actions within a time must not use this hub.
 */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/own_descriptor.h"
#include "base/clock.h"
#include "base/system.h"
#include "hub/modules/modules.h"

#define BATCH 64

struct sim {
    int fd; /* epoll, level-triggered; a wait with a timeout only polls it */
    green_time now;
};

static int open_sim(struct green_hub *hub)
{
    struct sim *sim = green_hub_state(hub);

    sim->now = green__clock();
    sim->fd = green__own_descriptor(epoll_create1(EPOLL_CLOEXEC));
    return sim->fd < 0 ? -1 : 0;
}

static void close_sim(struct green_hub *hub)
{
    struct sim *sim = green_hub_state(hub);

    green__own_descriptor_close(sim->fd);
}

static green_time sim_now(struct green_hub *hub)
{
    struct sim *sim = green_hub_state(hub);

    return sim->now;
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct sim *sim = green_hub_state(hub);
    struct epoll_event event = {
        .events = (to & GREEN_READ ? (unsigned)EPOLLIN : 0u) |
                  (to & GREEN_WRITE ? (unsigned)EPOLLOUT : 0u),
        .data.u64 = token,
    };

    (void)from;
    if (!to)
        return epoll_ctl(sim->fd, EPOLL_CTL_DEL, fd, &event);
    if (epoll_ctl(sim->fd, EPOLL_CTL_MOD, fd, &event) == 0)
        return 0;
    return errno == ENOENT ? epoll_ctl(sim->fd, EPOLL_CTL_ADD, fd, &event) : -1;
}

static int look(struct green_hub *hub, int timeout_ms)
{
    struct sim *sim = green_hub_state(hub);
    struct epoll_event events[BATCH];
    int count = green__system.epoll_wait(sim->fd, events, BATCH, timeout_ms);

    for (int i = 0; i < count; i++) {
        uint32_t seen = events[i].events;

        green_hub_ready(hub, events[i].data.u64,
                        (seen & EPOLLIN ? GREEN_READ : 0) |
                            (seen & EPOLLOUT ? GREEN_WRITE : 0) |
                            (seen & EPOLLERR ? GREEN_ERROR : 0) |
                            (seen & EPOLLHUP ? GREEN_HANGUP : 0));
    }
    return count < 0 && errno == EINTR ? 0 : count;
}

static int wait_sim(struct green_hub *hub, green_time timeout)
{
    struct sim *sim = green_hub_state(hub);
    int count = look(hub, timeout == GREEN_FOREVER ? -1 : 0);

    if (count == 0 && timeout != GREEN_FOREVER)
        sim->now = green__time_add(sim->now, timeout);
    return count < 0 ? -1 : 0;
}

const struct green_hub_module green__hub_sim = {
    .abi = GREEN_HUB_ABI,
    .name = "sim",
    .description = "virtual time, for tests",
    .capabilities = GREEN_HUB_VIRTUAL_TIME,
    .state_size = sizeof(struct sim),
    .open = open_sim,
    .close = close_sim,
    .interest = interest,
    .wait = wait_sim,
    .after_fork = close_sim,
    .now = sim_now,
};
