/* See sim.h. Looks through all descriptors each time: the hub is for tests. */
#include <errno.h>
#include <poll.h>

#include "base/system.h"
#include "hub/modules/poll_refused.h"
#include "hub/modules/sim.h"
#include "hub/poll_events.h"

int green__sim_open(struct green__sim *sim)
{
    (void)sim;
    return 0;
}

void green__sim_close(struct green__sim *sim)
{
    green__system.release(sim->fds);
    green__system.release(sim->tokens);
    green__system.release(sim->refused);
    sim->refused = NULL;
    sim->fds = NULL;
    sim->tokens = NULL;
}

static int make_room(struct green__sim *sim)
{
    size_t room = sim->room ? sim->room * 2 : 64;
    struct pollfd *fds;
    uint64_t *tokens;

    if (sim->count < sim->room)
        return 0;
    fds = green__system.reallocate(sim->fds, room * sizeof *fds);
    if (!fds)
        return -1;
    sim->fds = fds;
    tokens = green__system.reallocate(sim->tokens, room * sizeof *tokens);
    if (!tokens)
        return -1;
    sim->tokens = tokens;
    sim->room = room;
    return 0;
}

static void remove_at(struct green__sim *sim, size_t index)
{
    sim->count--;
    sim->fds[index] = sim->fds[sim->count];
    sim->tokens[index] = sim->tokens[sim->count];
}

int green__sim_interest(struct green_hub *hub, int fd, uint64_t token,
                        unsigned from, unsigned to)
{
    struct green__sim *sim = green_hub_state(hub);
    size_t at = 0;

    (void)from;
    while (at < sim->count && sim->fds[at].fd != fd)
        at++;
    if (!to) {
        if (at < sim->count)
            remove_at(sim, at);
        return 0;
    }
    if (at == sim->count && (!green__is_open(fd) || make_room(sim) < 0))
        return -1;
    if (at == sim->count)
        sim->count++;
    sim->fds[at] = (struct pollfd){.fd = fd, .events = green__to_poll(to)};
    sim->tokens[at] = token;
    return 0;
}

int green__sim_look(struct green_hub *hub, bool waits)
{
    struct green__sim *sim = green_hub_state(hub);
    int count = green__system.poll(sim->fds, sim->count, waits ? -1 : 0);

    if (count < 0 && errno == EINVAL)
        count = green__poll_refused(&sim->refused, sim->fds, sim->count,
                                    waits ? GREEN_FOREVER : 0);
    for (size_t i = 0; count > 0 && i < sim->count; i++)
        if (sim->fds[i].revents)
            green_hub_ready(hub, sim->tokens[i],
                            green__from_poll(sim->fds[i].revents));
    return count < 0 && errno == EINTR ? 0 : count;
}
