/*
 * Channels for green_choose, whose caller may wait in the lines of several
 * channels at once.
 */
#ifndef GREEN_CHANNEL_H
#define GREEN_CHANNEL_H

#include <greenhub/channel.h>

#include "sync/waiters.h"

/* A place of a sender or receiver. */
struct green__channel_place {
    struct green_place place;
    union {
        const void *from; /* the value to send */
        void *to;         /* buffer to receive to; NULL: drop the value */
    };
    int error; /* EPIPE: the channel was closed */
    /* NULL, or called in place of green__line_wake, when the greenthread waits
     * on several places. */
    void (*chosen)(struct green__channel_place *place);
};

/* Whether the call returns without waiting; EPIPE counts. */
static inline bool green__channel_can_send(const struct green_channel *c)
{
    return c->internal.closed || !green__line_empty(&c->internal.receivers) ||
           c->internal.length < c->internal.capacity;
}

static inline bool green__channel_can_receive(const struct green_channel *c)
{
    return c->internal.length > 0 || c->internal.closed ||
           !green__line_empty(&c->internal.senders);
}

#endif
