/* The events of a hub, GREEN_READ and so on, in the terms of poll(2). */
#ifndef GREEN_POLL_EVENTS_H
#define GREEN_POLL_EVENTS_H

#include <poll.h>

#include <greenhub/hub.h>

/* Converts GREEN_READ and GREEN_WRITE to requested events. */
static inline short green__to_poll(unsigned events)
{
    return (short)((events & GREEN_READ ? POLLIN : 0) |
                   (events & GREEN_WRITE ? POLLOUT : 0));
}

/* Converts returned events; POLLNVAL becomes GREEN_CLOSED. */
static inline unsigned green__from_poll(int events)
{
    return (events & POLLIN ? GREEN_READ : 0u) |
           (events & POLLOUT ? GREEN_WRITE : 0u) |
           (events & POLLERR ? GREEN_ERROR : 0u) |
           (events & POLLHUP ? GREEN_HANGUP : 0u) |
           (events & POLLNVAL ? GREEN_CLOSED : 0u);
}

#endif
