/* The line of those who wait for a descriptor. */
#include "hub/edge.h"

#include "base/clock.h"
#include "hub/hub.h"

static void link_by_ticket(struct green_hub *hub, struct green__descriptor *d,
                           struct green__edge *edge)
{
    struct green_list *position;

    if (edge->ticket == 0) {
        edge->ticket = ++hub->descriptors.tickets;
        green__list_append(&d->edges, &edge->link);
        return;
    }
    /* It was first, and waits again: before all who came later. */
    green__list_each (&d->edges, position)
        if ((int32_t)(green__edge_of(position)->ticket - edge->ticket) > 0)
            break;
    green__list_insert(position, &edge->link);
}

void green__descriptors_sweep_later(struct green_hub *hub)
{
    struct green__descriptors *table = &hub->descriptors;

    table->sweeping = true;
    green_hub_schedule(
        hub, &table->sweep_timer,
        green__time_add(green__hub_now(hub), GREEN__SWEEP_PERIOD));
}

/* Somebody is in line, for whom the sweep is to look. */
static inline void is_in_line(struct green_hub *hub,
                              struct green__descriptor *d)
{
    d->flags &= (uint8_t) ~(GREEN__QUIET | GREEN__RENEWED);
    if (green__unlikely(!hub->descriptors.sweeping))
        green__descriptors_sweep_later(hub);
}

int green__edge_wait(struct green_hub *hub, struct green__descriptor *d,
                     struct green__edge *edge)
{
    bool told = (d->flags & GREEN__TRUSTED) &&
                (d->interest & edge->events) == edge->events;

    link_by_ticket(hub, d, edge);
    if (!told && green__unlikely(green__descriptor_tell_of_more(hub, d) < 0)) {
        green__list_remove(&edge->link);
        return -1;
    }
    is_in_line(hub, d);
    return 0;
}

void green__edge_line_up(struct green_hub *hub, struct green__descriptor *d,
                         struct green__edge *edge)
{
    link_by_ticket(hub, d, edge);
    is_in_line(hub, d);
}

void green__edge_stop(struct green_hub *hub, struct green__edge *edge)
{
    struct green__descriptor *d = green__descriptor_peek(hub, edge->fd);

    green__list_remove(&edge->link);
    if (d && !(d->interest & GREEN_EDGE))
        green__descriptor_changed(hub, d);
}

static void wake_first(struct green__descriptor *d, unsigned direction,
                       unsigned events)
{
    struct green__edge *edge = green__edge_find(
        d, direction, GREEN__ANY_ROLE & ~(1u << GREEN__OPERATES));

    /* One that holds its place goes on by itself, before all behind it. */
    if (!edge || edge->role == GREEN__HOLDS)
        return;
    green__list_remove(&edge->link);
    edge->callback(edge, events);
}

void green__edge_pass(struct green__descriptor *d, unsigned events)
{
    if (events & GREEN_READ)
        wake_first(d, GREEN_READ, events);
    if (events & GREEN_WRITE)
        wake_first(d, GREEN_WRITE, events);
}

bool green__edge_pass_turn(struct green__descriptor *d, unsigned direction)
{
    struct green__edge *edge =
        green__edge_find(d, direction, 1u << GREEN__QUEUES);

    if (!edge)
        return false;
    green__list_remove(&edge->link);
    edge->callback(edge, direction);
    return true;
}

void green__edge_leave(struct green_hub *hub, struct green__edge *edge,
                       bool called)
{
    struct green__descriptor *d = green__descriptor_peek(hub, edge->fd);

    if (!called)
        green__edge_stop(hub, edge);
    if (!d || green__list_empty(&d->edges))
        return;
    for (unsigned direction = GREEN_READ; direction <= GREEN_WRITE;
         direction <<= 1)
        if ((edge->events & direction) &&
            !(hub->operations && green__edge_pass_turn(d, direction)) && called)
            green__edge_pass(d, direction);
}

void green__edges_renew(struct green__descriptor *d)
{
    struct green_list *link;

    green__list_each (&d->edges, link) {
        struct green__edge *edge = green__edge_of(link);

        if (edge->role == GREEN__OPERATES && (edge->events & GREEN__READ_WRITE))
            edge->callback(edge, GREEN__RENEW);
    }
}
