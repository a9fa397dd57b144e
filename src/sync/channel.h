/*
 * Channels as green_choose sees them: places in a channel's lines may be those of
 * one who waits in several.
 */
#ifndef GREEN_CHANNEL_H
#define GREEN_CHANNEL_H

#include <greenhub/channel.h>

#include "sync/waiters.h"

/* A sender's or receiver's. */
struct green__channel_place {
    struct green_place place;
    union {
        const void *from; /* what is sent */
        void *to;         /* where it is received to; NULL: nowhere */
    };
    int error; /* EPIPE: it was closed */
    /* NULL, or called to wake in place of green__line_wake, when it is one of
     * several of a greenthread's places. */
    void (*chosen)(struct green__channel_place *place);
};

/* Whether it could be done at once, be it by failing with EPIPE. */
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
