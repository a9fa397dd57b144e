/*
 * The line of those who wait for a descriptor: first come, first served.
 */
#ifndef GREEN_IO_WAITER_H
#define GREEN_IO_WAITER_H

#include "hub/table.h"

/* How often those who wait are looked at: sweep.c. */
#define GREEN__SWEEP_PERIOD GREEN_SEC

/* The first in line for any of these directions, in one of these roles (1u <<
 * enum green__io_waiter_role, or GREEN__ANY_ROLE); NULL: none. */
#define GREEN__ANY_ROLE (~0u)

static inline struct green__io_waiter *
green__io_waiter_find(const struct green__descriptor *d, unsigned directions,
                      unsigned roles)
{
    struct green_list *link;

    green__list_each (&d->io_waiters, link) {
        struct green__io_waiter *io_waiter = green__io_waiter_of(link);

        if ((io_waiter->events & directions) && (1u << io_waiter->role & roles))
            return io_waiter;
    }
    return NULL;
}

/*
 * Waits: links the edge at the end of the queue and sees to it that the hub is
 * told. 0, or -1 with errno and not linked; EPERM: always ready.
 */
int green__io_waiter_add(struct green_hub *hub, struct green__descriptor *d,
                         struct green__io_waiter *io_waiter);

/* Links an edge that waits for its turn, or holds it: nobody is told. */
void green__io_waiter_queue(struct green_hub *hub, struct green__descriptor *d,
                            struct green__io_waiter *io_waiter);

/* The turn in this direction goes to the next in line, if there is one. */
bool green__io_waiter_pass_turn(struct green__descriptor *d,
                                unsigned direction);

/* Has sweep.c look at those who wait, in a while. */
void green__descriptors_sweep_later(struct green_hub *hub);

/* Has whoever operates on it withdraw and submit anew. */
void green__io_waiters_renew(struct green__descriptor *d);

/* Takes an edge back that was not called. */
void green__io_waiter_remove(struct green_hub *hub,
                             struct green__io_waiter *io_waiter);

/*
 * One that only looked leaves the line, whether it was called or not: it has used
 * nothing up, so whoever waited behind it is told, or has its turn.
 */
void green__io_waiter_leave(struct green_hub *hub,
                            struct green__io_waiter *io_waiter, bool called);

/* Passes a readiness that the caller has not used up on to the next in line. */
void green__io_waiter_pass(struct green__descriptor *d, unsigned events);

#endif
