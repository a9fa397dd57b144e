/*
 * Public listeners: adding, removing and calling. While the hub calls listeners
 * they are in a separate list, so that callbacks may add and remove any of
 * them.
 */
#include "hub/listener.h"

#include <errno.h>

#include "hub/hub.h"

void green__listeners_forget(struct green_list *listeners)
{
    while (!green__list_empty(listeners)) {
        green__listener_of(listeners->next)->internal.added = false;
        green__list_remove(listeners->next);
    }
}

/* ---- Listeners ------------------------------------------------------- */

int green_hub_add(struct green_hub *hub, struct green_listener *listener)
{
    struct green__descriptor *d;

    if (!hub || !listener || !listener->callback || !listener->events ||
        (listener->events & ~GREEN__READ_WRITE)) {
        errno = EINVAL;
        return -1;
    }
    if (listener->internal.added) {
        errno = EEXIST;
        return -1;
    }
    d = green__descriptor_get(hub, listener->fd);
    if (!d)
        return -1;
    /* The number may stand for a new file now, which need not be always
     * ready. */
    if (d->flags & GREEN__ALWAYS_READY)
        d->reported = 0;
    d->flags &= (uint8_t)~GREEN__ALWAYS_READY;
    green__list_append(&d->listeners, &listener->internal.link);
    if (green__descriptor_tell_of_more(hub, d) < 0) {
        if (errno != EPERM) {
            green__list_remove(&listener->internal.link);
            return -1;
        }
        green__descriptor_queue_always(hub, d);
    }
    listener->internal.iteration = hub->stats.iterations;
    listener->internal.added = true;
    hub->listeners++;
    return 0;
}

int green_hub_remove(struct green_hub *hub, struct green_listener *listener)
{
    struct green__descriptor *d;

    if (!hub || !listener) {
        errno = EINVAL;
        return -1;
    }
    if (!listener->internal.added) {
        errno = ENOENT;
        return -1;
    }
    d = green__descriptor_peek(hub, listener->fd);
    listener->internal.added = false;
    hub->listeners--;
    green__list_remove(&listener->internal.link);
    if (d)
        green__descriptor_changed(hub, d);
    return 0;
}

/* ---- Calling --------------------------------------------------------- */

static void aside_begin(struct green_hub *hub, struct green__aside *aside)
{
    green__list_init(&aside->listeners);
    aside->outer = hub->descriptors.asides;
    hub->descriptors.asides = aside;
}

static void aside_end(struct green_hub *hub, const struct green__aside *aside)
{
    hub->descriptors.asides = aside->outer;
}

static void notify_one(struct green_hub *hub, struct green_listener *listener)
{
    green__list_remove(&listener->internal.link);
    listener->internal.added = false;
    hub->listeners--;
    listener->callback(listener, GREEN__ALL_CLOSED);
}

static void notify_all(struct green_hub *hub, struct green__aside *closed)
{
    while (!green__list_empty(&closed->listeners) && !hub->dead)
        notify_one(hub, green__listener_of(closed->listeners.next));
}

/* A listener that adds itself again waits for the number's next life. Outside
 * of an iteration the callbacks are a dispatch of their own. */
void green__listeners_tell_closed(struct green_hub *hub,
                                  struct green__descriptor *d)
{
    bool nested = hub->dispatching;
    struct green__aside closed;

    if (green__list_empty(&d->listeners))
        return;
    if (!nested)
        green__dispatch_begins(hub);
    aside_begin(hub, &closed);
    green__list_splice(&closed.listeners, &d->listeners);
    notify_all(hub, &closed);
    aside_end(hub, &closed);
    if (!nested)
        green__dispatch_ends(hub);
}

static void call_one(struct green_hub *hub, struct green_listener *listener,
                     unsigned events)
{
    if (listener->internal.iteration != hub->stats.iterations &&
        (listener->events & events))
        listener->callback(listener,
                           events & (listener->events | ~GREEN__READ_WRITE));
}

void green__listeners_call(struct green_hub *hub, struct green__descriptor *d,
                           unsigned events)
{
    uint32_t generation = d->generation;
    uint8_t interest = d->interest;
    struct green__aside done;

    aside_begin(hub, &done);
    while (!green__list_empty(&d->listeners) && d->generation == generation &&
           !hub->dead) {
        struct green_list *link = d->listeners.next;

        green__list_remove(link);
        green__list_append(&done.listeners, link);
        call_one(hub, green__listener_of(link), events);
    }
    /* A callback closed the descriptor: notify also the listeners already
     * called. */
    if (d->generation != generation)
        notify_all(hub, &done);
    else if (!hub->dead)
        green__list_splice_front(&d->listeners, &done.listeners);
    aside_end(hub, &done);
    /* Who was added meanwhile was told to the module without those aside. */
    if (d->interest != interest)
        green__descriptor_changed(hub, d);
}
