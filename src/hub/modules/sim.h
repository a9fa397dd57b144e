/* How the sim hub looks for descriptors that are ready: by epoll (sim_epoll.c) or by
 * poll (sim_poll.c); the build takes one. */
#ifndef GREEN_HUB_SIM_H
#define GREEN_HUB_SIM_H

#include <greenhub/hub_module.h>

#include "base/clock.h"

struct pollfd;

struct green__sim {
    green_time now;
    int fd; /* epoll, level-triggered */
    struct pollfd *fds;
    uint64_t *tokens;
    size_t count, room;
    unsigned long *refused; /* see poll_refused.h */
};

int green__sim_open(struct green__sim *sim);
void green__sim_close(struct green__sim *sim);

/* As a module's `interest`. */
int green__sim_interest(struct green_hub *hub, int fd, uint64_t token,
                        unsigned from, unsigned to);

/* Reports what is ready; `waits` until something is. Returns how many, 0 if a signal
 * has ended it, or -1 with errno. */
int green__sim_look(struct green_hub *hub, bool waits);

#endif
