/*
 * Those who wait in line: what all primitives have in common.
 *
 *     struct green_place place;            on the blocked stack
 *
 *     if (green__line_wait(&x->waiters, &place, &kind) < 0)
 *         fail with errno; it is out of the line
 *
 * and on the other side, never switching, in a hub's callback too,
 *
 *     place = green__line_take(&x->waiters);
 *     hand over what is handed over;
 *     green__line_wake(place);
 *
 * One that is in the line can be served, also when a kill or a timeout has ended
 * its wait already but it has not run since: green__wake undoes that. So nobody
 * who is taken has to be asked whether it still wants to.
 *
 * A line is two pointers, both NULL when it is empty, so that a primitive can be
 * zero-initialised, and moved while nobody waits.
 */
#ifndef GREEN_WAITERS_H
#define GREEN_WAITERS_H

#include <greenhub/sync.h>

#include "base/attributes.h"
#include "base/self.h"
#include "greenthread/call.h"

struct green_place {
    struct green_place *next, *prev;
    struct green__scheduler
        *scheduler; /* its OS thread's: no look-up to wake */
    struct green__waiter waiter;
};

static inline bool green__line_empty(const struct green_waiters *line)
{
    return !line->first;
}

static inline void green__line_append(struct green_waiters *line,
                                      struct green_place *place)
{
    place->next = NULL;
    place->prev = line->last;
    if (line->last)
        line->last->next = place;
    else
        line->first = place;
    line->last = place;
}

static inline void green__line_remove(struct green_waiters *line,
                                      struct green_place *place)
{
    if (place->next)
        place->next->prev = place->prev;
    else
        line->last = place->prev;
    if (place->prev)
        place->prev->next = place->next;
    else
        line->first = place->next;
}

/* The first, taken out of the line. There is one. */
static inline struct green_place *green__line_take(struct green_waiters *line)
{
    struct green_place *place = line->first;

    line->first = place->next;
    if (place->next)
        place->next->prev = NULL;
    else
        line->last = NULL;
    return place;
}

static inline void green__line_wake(struct green_place *place)
{
    green__wake_on(place->scheduler, &place->waiter);
}

/* Takes and wakes the first, if there is one; whether there was. */
static inline bool green__line_wake_first(struct green_waiters *line)
{
    if (green__line_empty(line))
        return false;
    green__line_wake(green__line_take(line));
    return true;
}

static inline void green__line_wake_all(struct green_waiters *line)
{
    while (green__line_wake_first(line))
        ;
}

/* Makes a place the calling greenthread's. 0, or -1 with errno: EDEADLK in a
 * hub's callback. */
static inline int green__place_init(struct green_place *place,
                                    const struct green__wait_kind *kind)
{
    struct green__scheduler *s = green__self()->scheduler;

    if (green__unlikely(!s || !s->hub || s->hub->dispatching)) {
        if (!green__current())
            return -1;
        s = green__self()->scheduler;
    }
    place->scheduler = s;
    place->waiter.thread = s->current;
    place->waiter.kind = kind;
    return 0;
}

/* Parks one that is in the line, until it is taken and woken: 0; or -1 with
 * errno, and it is out of the line. */
static inline int green__line_park(struct green_waiters *line,
                                   struct green_place *place)
{
    if (green__likely(green__park_on(place->scheduler, &place->waiter) == 0))
        return 0;
    green__line_remove(line, place);
    return -1;
}

/* The common case: at the end of the line, with nothing to be handed over. */
static inline int green__line_wait(struct green_waiters *line,
                                   struct green_place *place,
                                   const struct green__wait_kind *kind)
{
    if (green__unlikely(green__place_init(place, kind) < 0))
        return -1;
    green__line_append(line, place);
    return green__line_park(line, place);
}

#endif
