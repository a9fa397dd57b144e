/*
 * The poll hub: poll(2), on every system. The shortest hub; read it first.
 *
 * poll takes the whole set at each call, so the module keeps it as an array,
 * and for each descriptor its index there.
 *
 * What the kernel really does:
 * - Errors and hang-ups are reported even if not requested.
 * - A descriptor that is not open is reported with POLLNVAL; the call does not
 *   fail.
 * - poll counts milliseconds; ppoll counts nanoseconds.
 * - More entries than RLIMIT_NOFILE fail with EINVAL, even if the descriptors
 *   are open: a process may lower the limit, even to 0, to get no more
 *   descriptors.
 * - POLLPRI reports urgent data for ever, since no plain read takes it; so the
 *   module does not ask for it.
 */
#include <errno.h>
#include <poll.h>

#include "base/clock.h"
#include "base/system.h"
#include "hub/modules/modules.h"
#include "hub/modules/poll_refused.h"
#include "hub/poll_events.h"

struct polls {
    struct pollfd *fds;
    uint64_t *tokens; /* parallel to fds */
    size_t count, room;
    unsigned long *refused; /* memory of green__poll_refused() */
};

struct place {
    size_t number; /* 1 + index into the arrays; 0: not in them */
};

static void close_poll(struct green_hub *hub)
{
    struct polls *polls = green_hub_state(hub);

    green__system.release(polls->fds);
    green__system.release(polls->tokens);
    green__system.release(polls->refused);
}

static int make_room(struct polls *polls)
{
    size_t room = polls->room ? polls->room * 2 : 64;
    struct pollfd *fds;
    uint64_t *tokens;

    if (polls->count < polls->room)
        return 0;
    fds = green__system.reallocate(polls->fds, room * sizeof *fds);
    if (!fds)
        return -1;
    polls->fds = fds;
    tokens = green__system.reallocate(polls->tokens, room * sizeof *tokens);
    if (!tokens)
        return -1;
    polls->tokens = tokens;
    polls->room = room;
    return 0;
}

/* Removes the entry; the last one takes its place. */
static void remove_entry(struct green_hub *hub, struct place *place)
{
    struct polls *polls = green_hub_state(hub);
    size_t index = place->number - 1, last = --polls->count;
    struct place *moved;

    place->number = 0;
    if (index == last)
        return;
    polls->fds[index] = polls->fds[last];
    polls->tokens[index] = polls->tokens[last];
    moved = green_hub_descriptor_state(hub, polls->fds[index].fd);
    moved->number = index + 1;
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct polls *polls = green_hub_state(hub);
    struct place *place = green_hub_descriptor_state(hub, fd);

    (void)from;
    if (!to) {
        if (place->number)
            remove_entry(hub, place);
        return 0;
    }
    if (!place->number) {
        /* poll itself would report this only in the next wait. */
        if (!green__is_open(fd) || make_room(polls) < 0)
            return -1;
        place->number = ++polls->count;
    }
    polls->tokens[place->number - 1] = token;
    polls->fds[place->number - 1] = (struct pollfd){
        .fd = fd,
        .events = green__to_poll(to),
    };
    return 0;
}

static int wait_poll(struct green_hub *hub, green_time timeout)
{
    struct polls *polls = green_hub_state(hub);
    struct timespec time = green__timespec(timeout);
    int ready =
        green__system.ppoll(polls->fds, polls->count,
                            timeout == GREEN_FOREVER ? NULL : &time, NULL);

    if (ready < 0 && errno == EINVAL)
        ready = green__poll_refused(&polls->refused, polls->fds, polls->count,
                                    timeout);
    if (ready < 0)
        return errno == EINTR ? 0 : -1;
    for (size_t i = 0; ready > 0 && i < polls->count; i++) {
        if (polls->fds[i].revents) {
            green_hub_ready(hub, polls->tokens[i],
                            green__from_poll(polls->fds[i].revents));
            ready--;
        }
    }
    return 0;
}

const struct green_hub_module green__hub_poll = {
    .abi = GREEN_HUB_ABI,
    .name = "poll",
    .description = "poll(2)",
    .state_size = sizeof(struct polls),
    .descriptor_size = sizeof(struct place),
    .close = close_poll,
    .interest = interest,
    .wait = wait_poll,
    .after_fork = close_poll,
};
