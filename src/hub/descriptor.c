#include "hub/descriptor.h"

#include <errno.h>

#include "hub/io_waiter.h"
#include "hub/lives.h"
#include "hub/hub.h"
#include "hub/listener.h"

/* ---- Opening and closing --------------------------------------------- */

/* Notifies all I/O waiters and listeners; each is off the list before its
 * callback runs. */
static void notify_closed(struct green_hub *hub, struct green__descriptor *d)
{
    while (!green__list_empty(&d->io_waiters)) {
        struct green__io_waiter *io_waiter =
            green__io_waiter_of(d->io_waiters.next);

        green__list_remove(&io_waiter->link);
        io_waiter->callback(io_waiter, GREEN__ALL_CLOSED);
    }
    green__listeners_tell_closed(hub, d);
}

/* Ends one life of the descriptor's number and resets the entry for the
 * next. */
static void end_life(struct green_hub *hub, struct green__descriptor *d)
{
    if (d->interest)
        green__descriptor_tell(hub, d, 0);
    d->generation++;
    d->ready = 0;
    d->reported = 0;
    d->flags &= GREEN__CHANGED | GREEN__QUEUED;
    d->file = 0;
    if (!green__list_empty(&d->io_waiters) || !green__list_empty(&d->listeners))
        notify_closed(hub, d);
    if (green__unlikely(hub->module->release != NULL) && !hub->dead)
        hub->module->release(hub, d->fd);
}

void green__descriptor_ended(struct green_hub *hub, struct green__descriptor *d)
{
    end_life(hub, d);
}

void green__descriptor_closed(struct green_hub *hub, int fd)
{
    uint32_t life = green__life_ends(fd);
    struct green__descriptor *d = green__descriptor_peek(hub, fd);

    if (!d)
        return;
    end_life(hub, d);
    if (green__unlikely(life))
        d->generation = life;
}

struct green__descriptor *green__descriptor_opened(struct green_hub *hub,
                                                   int fd)
{
    uint32_t life = green__life_begins(fd);
    struct green__descriptor *d = green__descriptor_get(hub, fd);

    if (!d)
        return NULL;
    end_life(hub, d);
    if (green__unlikely(life))
        d->generation = life;
    d->flags |= GREEN__TRUSTED;
    d->ready = GREEN__READ_WRITE; /* not known yet: the first call tries */
    return d;
}

int green_hub_forget(struct green_hub *hub, int fd)
{
    if (!hub) {
        errno = EINVAL;
        return -1;
    }
    if (fd < 0) {
        errno = EBADF;
        return -1;
    }
    green__descriptor_closed(hub, fd);
    return 0;
}

/* ---- Closing the hub ------------------------------------------------- */

static void drop_waiters(struct green__descriptor *d)
{
    while (!green__list_empty(&d->io_waiters))
        green__list_remove(d->io_waiters.next);
    green__listeners_forget(&d->listeners);
}

void green__descriptors_forget(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;

    for (struct green__aside *aside = table->asides; aside;
         aside = aside->outer)
        green__listeners_forget(&aside->listeners);
    for (size_t i = 0; i < table->chunk_count; i++)
        for (size_t j = 0; table->chunks[i] && j < GREEN__CHUNK; j++)
            drop_waiters(&table->chunks[i]->entries[j]);
}

/* ---- Delivery -------------------------------------------------------- */

static void deliver(struct green_hub *hub, struct green__descriptor *d)
{
    unsigned events = d->reported;

    d->reported = 0;
    d->flags &= (uint8_t) ~(GREEN__QUEUED | GREEN__QUIET | GREEN__RENEWED);
    if (green__unlikely(events & GREEN_CLOSED)) {
        end_life(hub, d);
        return;
    }
    if (events & (GREEN_ERROR | GREEN_HANGUP)) {
        d->flags |= GREEN__ENDED;
        events |= GREEN__READ_WRITE;
    }
    d->ready |= events & GREEN__READ_WRITE;
    if (!green__list_empty(&d->io_waiters)) {
        green__io_waiter_pass(d, events);
        if (!(d->interest & GREEN_EDGE))
            green__descriptor_changed(hub, d);
    }
    if (!green__list_empty(&d->listeners))
        green__listeners_call(hub, d, events);
    if (green__unlikely(d->flags & GREEN__ALWAYS_READY) && !hub->dead &&
        !green__list_empty(&d->listeners))
        green__descriptor_queue_always(hub, d);
}

/*
 * Delivers in portions, so that woken greenthreads run before the memory that
 * the wake-ups touched, and the sockets that the kernel has just looked at,
 * leave the cache. The rest is owed: until it is delivered, the hub does not
 * ask the module again.
 */
void green__descriptors_dispatch(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;
    size_t count;

    if (!table->owed)
        table->owed = table->queued;
    count = table->owed < GREEN__MAX_EVENTS_PER_ITERATION
                ? table->owed
                : GREEN__MAX_EVENTS_PER_ITERATION;
    table->owed -= count;
    table->queued -= count;
    while (count-- > 0 && !hub->dead) {
        struct green__descriptor *d = table->ready;

        table->ready = d->next_ready;
        if (!table->ready)
            table->ready_end = &table->ready;
        deliver(hub, d);
    }
}
