/* The line of those who wait for a descriptor, beyond what the module is told. */
#include "hub/hub.h"

bool green__edge_pass_turn(struct green__descriptor *d, unsigned direction)
{
    struct green_list *link;

    green__list_each (&d->edges, link) {
        struct green__edge *edge = container_of(link, struct green__edge, link);

        if (edge->events & GREEN__TURN(direction)) {
            green__list_remove(link);
            edge->callback(edge, direction);
            return true;
        }
    }
    return false;
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
