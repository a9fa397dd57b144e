/* An event: is sent once, with a value or an error, until a reset. */
#include "sync/outcome.h"
#include "sync/waiters.h"

/* Holds a copy of the value, so that waiters keep it after a reset. */
struct event_place {
    struct green_place place;
    void *value;
    int error;
};

static const struct green__wait_kind waiting = {.name = "event",
                                                .inside = true};

static int settle(struct green_event *event, void *value, int error)
{
    struct green_waiters *line;

    if (event->internal.sent)
        return green__refuse(EALREADY);
    event->internal.sent = true;
    event->internal.value = value;
    event->internal.error = error;
    line = &event->internal.waiters;
    while (!green__line_empty(line)) {
        struct green_place *place = green__line_take(line);
        struct event_place *waiter =
            container_of(place, struct event_place, place);

        waiter->value = value;
        waiter->error = error;
        green__line_wake(place);
    }
    return 0;
}

int green_event_send(struct green_event *event, void *value)
{
    return event ? settle(event, value, 0) : green__refuse(EINVAL);
}

int green_event_fail(struct green_event *event, int error)
{
    if (!event || error <= 0)
        return green__refuse(EINVAL);
    return settle(event, NULL, error);
}

int green_event_try_wait(struct green_event *event, void **value)
{
    if (!event)
        return green__refuse(EINVAL);
    if (!event->internal.sent)
        return green__refuse(EAGAIN);
    return green__outcome(event->internal.value, event->internal.error, value);
}

int green_event_wait(struct green_event *event, void **value)
{
    struct event_place here;

    if (!event)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (event->internal.sent)
        return green__call_done(green_event_try_wait(event, value));
    if (green__line_wait(&event->internal.waiters, &here.place, &waiting) < 0)
        return -1;
    /* NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): by green_event_send */
    return green__outcome(here.value, here.error, value);
}

bool green_event_ready(const struct green_event *event)
{
    return event && event->internal.sent;
}

int green_event_error(const struct green_event *event)
{
    return event ? event->internal.error : 0;
}

int green_event_reset(struct green_event *event)
{
    if (!event)
        return green__refuse(EINVAL);
    if (!event->internal.sent)
        return green__refuse(EALREADY);
    event->internal.sent = false;
    event->internal.value = NULL;
    event->internal.error = 0;
    return 0;
}
