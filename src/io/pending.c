#include "io/pending.h"

#include "greenthread/scheduler.h"

void green__pending_has_ended(struct green_operation *operation)
{
    struct green__pending *pending = operation->arg;

    pending->ended = true;
    green__wake(&pending->place.waiter);
}

static void cancel(struct green__pending *pending, int reason)
{
    if (pending->ended)
        return;
    if (!pending->reason)
        pending->reason = reason;
    green_hub_cancel_operation(pending->io->hub, pending->operation);
}

static void is_closed_or_to_renew(struct green__io_waiter *io_waiter,
                                  unsigned events)
{
    struct green__pending *pending =
        container_of(io_waiter, struct green__pending, place.io_waiter);

    if (!(events & GREEN__RENEW)) {
        cancel(pending, EBADF);
    } else if (!pending->ended) {
        pending->renew = true;
        green_hub_cancel_operation(pending->io->hub, pending->operation);
    }
}

/*
 * The kernel still uses the buffers, whatever ended the wait, so wait until the
 * operation ends. (A hub that has failed for good has ended every operation.)
 */
static GREEN__COLD void await_end(struct green__pending *pending)
{
    struct green_shield shield;

    green_shield_begin(&shield);
    while (!pending->ended && pending->io->hub->operations)
        green__park(&pending->place.waiter);
    green_shield_end(&shield);
}

int green__pending_run(struct green__pending *pending, unsigned directions,
                       green_time deadline)
{
    struct green__io *io = pending->io;
    int started;

    pending->ended = false;
    pending->renew = false;
    pending->operation->internal.state = 0;
    started = green__operation_start(io->hub, pending->operation);
    if (green__unlikely(started != 0)) {
        pending->ended = started > 0;
        return started < 0 ? -1 : 0;
    }
    if (green__likely(io->d != NULL)) {
        pending->place.io_waiter.callback = is_closed_or_to_renew;
        green__place_line_up(&pending->place, io, GREEN__OPERATES, directions);
        if (directions)
            io->ticket = pending->place.io_waiter.ticket;
    } else {
        green__list_init(&pending->place.io_waiter.link);
    }
    if (green__unlikely(
            (green__likely(deadline == GREEN_FOREVER)
                 ? green__park(&pending->place.waiter)
                 : green__park_until(&pending->place.waiter, deadline)) < 0)) {
        cancel(pending, errno);
        await_end(pending);
    }
    green__list_remove(&pending->place.io_waiter.link);
    return 0;
}
