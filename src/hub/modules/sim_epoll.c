/* See sim.h. */
#include <errno.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/own_descriptor.h"
#include "base/system.h"
#include "hub/modules/sim.h"

#define BATCH 64

int green__sim_open(struct green__sim *sim)
{
    sim->fd = green__own_descriptor(epoll_create1(EPOLL_CLOEXEC));
    return sim->fd < 0 ? -1 : 0;
}

void green__sim_close(struct green__sim *sim)
{
    green__own_descriptor_close(sim->fd);
}

int green__sim_interest(struct green_hub *hub, int fd, uint64_t token,
                        unsigned from, unsigned to)
{
    struct green__sim *sim = green_hub_state(hub);
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

int green__sim_look(struct green_hub *hub, bool waits)
{
    struct green__sim *sim = green_hub_state(hub);
    struct epoll_event events[BATCH];
    int count =
        green__system.epoll_wait(sim->fd, events, BATCH, waits ? -1 : 0);

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
