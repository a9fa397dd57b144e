/*
 * A complete hub module, on poll(2), as short as possible. Built as
 * greenhub_hub_test_good.so; the second symbol is for "FILE.so:SYMBOL".
 */
#include <greenhub.h>

#include <errno.h>
#include <poll.h>

#define MOST 64

struct state {
    struct pollfd fds[MOST];
    uint64_t tokens[MOST];
};

static int start(struct green_hub *hub)
{
    struct state *state = green_hub_state(hub);

    for (int i = 0; i < MOST; i++)
        state->fds[i].fd = -1;
    return 0;
}

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct state *state = green_hub_state(hub);

    (void)from;
    if (fd >= MOST) {
        errno = ENOSPC;
        return -1;
    }
    state->fds[fd].fd = to ? fd : -1;
    state->fds[fd].events = (short)((to & GREEN_READ ? POLLIN : 0) |
                                    (to & GREEN_WRITE ? POLLOUT : 0));
    state->tokens[fd] = token;
    return 0;
}

static int wait(struct green_hub *hub, green_time timeout)
{
    struct state *state = green_hub_state(hub);
    struct timespec time = {.tv_sec = timeout / GREEN_SEC,
                            .tv_nsec = timeout % GREEN_SEC};
    int count =
        ppoll(state->fds, MOST, timeout == GREEN_FOREVER ? NULL : &time, NULL);

    for (int i = 0; i < MOST && count > 0; i++) {
        int seen = state->fds[i].revents;

        if (state->fds[i].fd >= 0 && seen)
            green_hub_ready(hub, state->tokens[i],
                            (seen & POLLIN ? GREEN_READ : 0) |
                                (seen & POLLOUT ? GREEN_WRITE : 0) |
                                (seen & POLLERR ? GREEN_ERROR : 0) |
                                (seen & POLLHUP ? GREEN_HANGUP : 0) |
                                (seen & POLLNVAL ? GREEN_CLOSED : 0));
    }
    return count < 0 && errno != EINTR ? -1 : 0;
}

GREEN_API extern const struct green_hub_module green_hub_module;
GREEN_API extern const struct green_hub_module another_module;

const struct green_hub_module green_hub_module = {
    .abi = GREEN_HUB_ABI,
    .name = "test_good",
    .description = "a hub for tests",
    .state_size = sizeof(struct state),
    .open = start,
    .interest = interest,
    .wait = wait,
};

const struct green_hub_module another_module = {
    .abi = GREEN_HUB_ABI,
    .name = "test_another",
    .state_size = sizeof(struct state),
    .open = start,
    .interest = interest,
    .wait = wait,
};
