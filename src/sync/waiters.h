/*
 * Lines of waiting greenthreads, the base of all primitives.
 *
 *     struct green_place place;            on the blocked stack
 *
 *     if (green__line_wait(&x->waiters, &place, &kind) < 0)
 *         fail with errno; the place is in no line
 *
 * The waker never switches, and may be a hub's callback:
 *
 *     place = green__line_take(&x->waiters);
 *     store the waiter's result;
 *     green__line_wake(place);
 *
 * Every place in a line can be served, even if a kill or a timeout has ended
 * its wait but the greenthread has not run since: green__wake undoes that. So
 * the waker need not check.
 *
 * A line is two pointers, both NULL when it is empty, so that a primitive can
 * be zero-initialised, and moved while no greenthread waits.
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
        *scheduler; /* its OS thread's, so that a wake needs no look-up */
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

/* Takes the first place from a line, which must not be empty. */
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

/* Takes and wakes the first, if there is one. Returns whether there was. */
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

/* Initialises a place for the calling greenthread. Returns 0, or -1 with errno:
 * EDEADLK in a hub's callback. */
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

/* Parks the calling greenthread, whose place is in the line. Returns 0 when
 * taken and woken; or -1 with errno, and the place is in no line. */
static inline int green__line_park(struct green_waiters *line,
                                   struct green_place *place)
{
    if (green__likely(green__park_on(place->scheduler, &place->waiter) == 0))
        return 0;
    green__line_remove(line, place);
    return -1;
}

/* The common case: waits at the end of the line for no value. */
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
