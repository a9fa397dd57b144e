/* The queue of a descriptor's I/O waiters. */
#include "hub/io_waiter.h"

#include "base/clock.h"
#include "hub/hub.h"

static void link_by_ticket(struct green_hub *hub, struct green__descriptor *d,
                           struct green__io_waiter *io_waiter)
{
    struct green_list *position;

    if (io_waiter->ticket == 0) {
        io_waiter->ticket = ++hub->descriptors.tickets;
        green__list_append(&d->io_waiters, &io_waiter->link);
        return;
    }
    /* It was first and waits again: insert it before all that came later. */
    green__list_each (&d->io_waiters, position)
        if ((int32_t)(green__io_waiter_of(position)->ticket -
                      io_waiter->ticket) > 0)
            break;
    green__list_insert(position, &io_waiter->link);
}

void green__descriptors_sweep_later(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;

    table->sweeping = true;
    green_hub_schedule(
        hub, &table->sweep_timer,
        green__time_add(green__hub_now(hub), GREEN__SWEEP_PERIOD));
}

/* A waiter was queued: restart the sweep's check of this descriptor. */
static inline void note_new_waiter(struct green_hub *hub,
                                   struct green__descriptor *d)
{
    d->flags &= (uint8_t) ~(GREEN__QUIET | GREEN__RENEWED);
    if (green__unlikely(!hub->descriptors.sweeping))
        green__descriptors_sweep_later(hub);
}

int green__io_waiter_add(struct green_hub *hub, struct green__descriptor *d,
                         struct green__io_waiter *io_waiter)
{
    bool registered = (d->flags & GREEN__TRUSTED) &&
                      (d->interest & io_waiter->events) == io_waiter->events;

    link_by_ticket(hub, d, io_waiter);
    if (!registered &&
        green__unlikely(green__descriptor_tell_of_more(hub, d) < 0)) {
        green__list_remove(&io_waiter->link);
        return -1;
    }
    note_new_waiter(hub, d);
    return 0;
}

void green__io_waiter_queue(struct green_hub *hub, struct green__descriptor *d,
                            struct green__io_waiter *io_waiter)
{
    link_by_ticket(hub, d, io_waiter);
    note_new_waiter(hub, d);
}

void green__io_waiter_remove(struct green_hub *hub,
                             struct green__io_waiter *io_waiter)
{
    struct green__descriptor *d = green__descriptor_peek(hub, io_waiter->fd);

    green__list_remove(&io_waiter->link);
    if (d && !(d->interest & GREEN_EDGE))
        green__descriptor_changed(hub, d);
}

/* Calls an I/O waiter whose event or turn has come. */
static inline void call_waiter(struct green__io_waiter *io_waiter,
                               unsigned events)
{
    if (green__unlikely(io_waiter->role == GREEN__LOOKS))
        green__list_remove(&io_waiter->link);
    else
        io_waiter->role = GREEN__HOLDS;
    io_waiter->callback(io_waiter, events);
}

static void wake_first(struct green__descriptor *d, unsigned direction,
                       unsigned events)
{
    struct green__io_waiter *io_waiter = green__io_waiter_find(
        d, direction, GREEN__ANY_ROLE & ~(1u << GREEN__OPERATES));

    /* A waiter that holds its place continues by itself, before all behind
     * it. */
    if (io_waiter && io_waiter->role != GREEN__HOLDS)
        call_waiter(io_waiter, events);
}

void green__io_waiter_pass(struct green__descriptor *d, unsigned events)
{
    if (events & GREEN_READ)
        wake_first(d, GREEN_READ, events);
    if (events & GREEN_WRITE)
        wake_first(d, GREEN_WRITE, events);
}

bool green__io_waiter_pass_turn(struct green__descriptor *d, unsigned direction)
{
    struct green__io_waiter *io_waiter = green__io_waiter_find(
        d, direction, 1u << GREEN__HOLDS | 1u << GREEN__QUEUES);

    if (!io_waiter)
        return false;
    /* A waiter that holds its place passes the turn on itself. */
    if (io_waiter->role == GREEN__QUEUES)
        call_waiter(io_waiter, direction);
    return true;
}

void green__io_waiter_leave(struct green_hub *hub,
                            struct green__io_waiter *io_waiter, bool called)
{
    struct green__descriptor *d = green__descriptor_peek(hub, io_waiter->fd);

    if (!called)
        green__io_waiter_remove(hub, io_waiter);
    if (!d || green__list_empty(&d->io_waiters))
        return;
    for (unsigned direction = GREEN_READ; direction <= GREEN_WRITE;
         direction <<= 1)
        if ((io_waiter->events & direction) &&
            !(hub->operations && green__io_waiter_pass_turn(d, direction)) &&
            called)
            green__io_waiter_pass(d, direction);
}

void green__io_waiters_renew(struct green__descriptor *d)
{
    struct green_list *link;

    green__list_each (&d->io_waiters, link) {
        struct green__io_waiter *io_waiter = green__io_waiter_of(link);

        if (io_waiter->role == GREEN__OPERATES &&
            (io_waiter->events & GREEN__READ_WRITE))
            io_waiter->callback(io_waiter, GREEN__RENEW);
    }
}
