/* A third-party hub, in a file of its own: poll(2), and it counts waits.
 * Try it: greenhub check ./counting_hub.so. Use it: see counting_hub_demo.c, or
 * GREENHUB_HUB=./counting_hub.so greenhub serve --echo */
#include <greenhub.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

struct state {
    struct pollfd *fds; /* fds[N] is descriptor N's, or -1: poll skips it */
    int count;
    unsigned long waits;
};

static int interest(struct green_hub *hub, int fd, uint64_t token,
                    unsigned from, unsigned to)
{
    struct state *me = green_hub_state(hub);
    struct pollfd *fds = me->fds;

    if (from == 0 && fd >= me->count) {
        fds = realloc(fds, ((size_t)fd + 1) * sizeof *fds);
        if (fds == NULL)
            return -1;
        me->fds = fds;
        while (me->count <= fd)
            fds[me->count++].fd = -1;
    }
    fds[fd].fd = to != 0 ? fd : -1;
    fds[fd].events = to & GREEN_READ ? POLLIN : 0;
    fds[fd].events |= to & GREEN_WRITE ? POLLOUT : 0;
    *(uint64_t *)green_hub_descriptor_state(hub, fd) = token; /* for us */
    return 0;
}

static unsigned translate(int found)
{
    return (found & POLLIN ? GREEN_READ : 0) |
           (found & POLLOUT ? GREEN_WRITE : 0) |
           (found & (POLLERR | POLLHUP) ? GREEN_ERROR | GREEN_HANGUP : 0) |
           (found & POLLNVAL ? GREEN_CLOSED : 0);
}

static int wait(struct green_hub *hub, green_time timeout)
{
    struct state *me = green_hub_state(hub);
    struct timespec t = {timeout / GREEN_SEC, timeout % GREEN_SEC};
    uint64_t *token;

    me->waits++;
    if (ppoll(me->fds, (nfds_t)me->count, timeout == GREEN_FOREVER ? NULL : &t,
              NULL) < 0)
        return errno == EINTR ? 0 : -1;
    for (int fd = 0; fd < me->count; fd++) {
        token = green_hub_descriptor_state(hub, fd);
        if (me->fds[fd].revents != 0)
            green_hub_ready(hub, *token, translate(me->fds[fd].revents));
    }
    return 0;
}

static void end(struct green_hub *hub)
{
    struct state *me = green_hub_state(hub);
    if (getenv("COUNTING_HUB_REPORT") != NULL)
        fprintf(stderr, "counting_hub: %lu waits\n", me->waits);
    free(me->fds);
}

const struct green_hub_module green_hub_module = {
    .abi = GREEN_HUB_ABI,
    .name = "counting",
    .state_size = sizeof(struct state),
    .descriptor_size = sizeof(uint64_t),
    .interest = interest,
    .wait = wait,
    .close = end,
};
