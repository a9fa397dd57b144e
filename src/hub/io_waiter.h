/* The queue of a descriptor's I/O waiters: first come, first served. */
#ifndef GREEN_IO_WAITER_H
#define GREEN_IO_WAITER_H

#include "hub/table.h"

/* The period at which sweep.c checks the waiters. */
#define GREEN__SWEEP_PERIOD GREEN_SEC

/* Returns the first I/O waiter for any of these directions in one of these
 * roles (1u << enum green__io_waiter_role, or GREEN__ANY_ROLE), or NULL. */
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
 * Appends the I/O waiter to the queue and registers its events with the module.
 * Returns 0, or -1 with errno and not queued; EPERM: the descriptor is always
 * ready.
 */
int green__io_waiter_add(struct green_hub *hub, struct green__descriptor *d,
                         struct green__io_waiter *io_waiter);

/* Queues an I/O waiter that waits for its turn, or holds it, without telling
 * the module. */
void green__io_waiter_queue(struct green_hub *hub, struct green__descriptor *d,
                            struct green__io_waiter *io_waiter);

/* Passes the turn in this direction to the next waiter. Returns false if there
 * is none. */
bool green__io_waiter_pass_turn(struct green__descriptor *d,
                                unsigned direction);

/* Schedules sweep.c's next check of the waiters. */
void green__descriptors_sweep_later(struct green_hub *hub);

/* Has each waiter with an operation in flight withdraw it and submit it
 * anew. */
void green__io_waiters_renew(struct green__descriptor *d);

/* Removes an I/O waiter that was not called. */
void green__io_waiter_remove(struct green_hub *hub,
                             struct green__io_waiter *io_waiter);

/*
 * A waiter in the role GREEN__LOOKS leaves the queue, called or not. It has
 * used up no readiness, so the waiter behind it is called, or gets its turn.
 */
void green__io_waiter_leave(struct green_hub *hub,
                            struct green__io_waiter *io_waiter, bool called);

/* Passes readiness that the caller has not used up to the next waiter. */
void green__io_waiter_pass(struct green__descriptor *d, unsigned events);

#endif
