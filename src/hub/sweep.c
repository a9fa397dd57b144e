/*
 * A safety net for registrations that disappeared without the hub's knowledge.
 *
 * The hub assumes that a descriptor made by a green call stays registered until
 * green_close. If a program closes it with plain close, and gets the same
 * number for a new file by other means than a green call, a greenthread would
 * wait for the new file for ever. So once a second, while any waiter is queued,
 * the hub renews the registration of each descriptor whose waiters have
 * received no event for a second, once for each wait: about one system call for
 * a wait that lasts longer than a second.
 */
#include "hub/io_waiter.h"
#include "hub/hub.h"
#include "hub/lives.h"

/* Returns true if the descriptor must be checked again. */
static bool check_descriptor(struct green_hub *hub, struct green__descriptor *d)
{
    if (green__list_empty(&d->io_waiters))
        return false;
    if (green__lives_count)
        green__life_follow(hub, d); /* another hub may have closed it */
    if (green__list_empty(&d->io_waiters) || (d->flags & GREEN__RENEWED))
        return false;
    if (!(d->flags & GREEN__QUIET)) {
        d->flags |= GREEN__QUIET;
        return true;
    }
    d->flags |= GREEN__RENEWED;
    green__io_waiters_renew(d);
    if (d->interest && green__descriptor_tell(hub, d, d->interest) < 0) {
        /* The descriptor is closed. */
        d->generation++;
        green_hub_ready(hub, green__token_of(d), GREEN_CLOSED);
    }
    return false;
}

static void sweep(struct green_timer *timer)
{
    struct green_hub *hub = timer->arg;
    struct green__descriptors *table = &hub->descriptors;
    bool again = false;

    table->sweeping = false;
    for (size_t i = 0; i < table->chunk_count; i++)
        for (size_t j = 0; table->chunks[i] && j < GREEN__CHUNK; j++)
            again |= check_descriptor(hub, &table->chunks[i]->entries[j]);
    if (again)
        green__descriptors_sweep_later(hub);
}

void green__sweep_open(struct green_hub *hub)
{
    hub->descriptors.sweep_timer.callback = sweep;
    hub->descriptors.sweep_timer.arg = hub;
}
