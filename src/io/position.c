#include "io/position.h"

#include <stdio.h>

#include "greenthread/scheduler.h"

static void describe_position(const struct green__waiter *waiter, char *text,
                              size_t size)
{
    (void)waiter;
    snprintf(text, size, "of a file");
}

static const struct green__wait_kind in_line = {.name = "position",
                                                .describe = describe_position};

/* A greenthread that was killed may still write: shield its wait for the
 * position. The calls ahead of it end soon. */
static int await_position(struct green__place *place)
{
    const struct green_thread *thread = place->waiter.thread;
    bool is_late = thread->alarms && green__interruption(thread);
    struct green_shield shield;
    int result, error;

    if (is_late)
        green_shield_begin(&shield);
    result = green__park(&place->waiter);
    error = errno;
    if (is_late)
        green_shield_end(&shield);
    if (result == 0 && !(place->events & GREEN_CLOSED))
        return 0;
    green__list_remove(&place->io_waiter.link);
    return green__refuse(result < 0 ? error : EBADF);
}

int green__position_take(struct green__io *io, struct green__place *place)
{
    bool is_held;

    if (!io->d)
        io->d = green__descriptor_get(io->hub, io->fd);
    green__place_init(place, io, &in_line);
    place->io_waiter.events = 0;
    place->events = 0;
    green__list_init(&place->io_waiter.link);
    if (!io->d || !place->waiter.thread)
        return 0; /* go on without the position */
    is_held = green__io_waiter_find(io->d, GREEN__POSITION, 1u << GREEN__HOLDS);
    green__place_line_up(place, io, is_held ? GREEN__QUEUES : GREEN__HOLDS,
                         GREEN__POSITION);
    return is_held ? await_position(place) : 0;
}

void green__position_pass(struct green__io *io, struct green__place *place)
{
    struct green__io_waiter *next;

    green__list_remove(&place->io_waiter.link);
    if ((place->events & GREEN_CLOSED) || !place->io_waiter.events)
        return; /* the others know of the close; or it has no place in line */
    next = green__io_waiter_find(io->d, GREEN__POSITION, 1u << GREEN__QUEUES);
    if (!next)
        return;
    next->role = GREEN__HOLDS;
    green__wake(&container_of(next, struct green__place, io_waiter)->waiter);
}
