/* An event for greenthreads of several OS threads. */
#include <greenhub/shared.h>

#include "base/system.h"
#include "greenthread/call.h"
#include "sync/outcome.h"
#include "sync/visit.h"

struct green_shared_event {
    struct green__shared shared;
    struct green_list line;
    void *value;
    int error;
    bool sent;
};

static const struct green__wait_kind waiting = {.name = "shared event"};

struct green_shared_event *green_shared_event_create(void)
{
    struct green_shared_event *event = green__system.allocate(1, sizeof *event);

    if (!event) {
        errno = ENOMEM;
        return NULL;
    }
    green__list_init(&event->line);
    if (green__biased_lock_init(&event->shared.lock) == 0)
        return event;
    green__system.release(event);
    return NULL;
}

void green_shared_event_destroy(struct green_shared_event *event)
{
    if (!event)
        return;
    green__biased_lock_destroy(&event->shared.lock);
    green__system.release(event);
}

static int settle(struct green_shared_event *event, void *value, int error)
{
    struct green__visit visit;
    bool first;

    green__visit_begin(&visit, &event->shared);
    first = !event->sent;
    if (first) {
        event->sent = true;
        event->value = value;
        event->error = error;
    }
    while (!green__list_empty(&event->line)) {
        struct green__shared_place *place = green__shared_take(&event->line);

        place->value = value;
        green__shared_post(&visit, place, error);
    }
    green__visit_end(&visit);
    return first ? 0 : green__refuse(EALREADY);
}

int green_shared_event_send(struct green_shared_event *event, void *value)
{
    return event ? settle(event, value, 0) : green__refuse(EINVAL);
}

int green_shared_event_fail(struct green_shared_event *event, int error)
{
    if (!event || error <= 0)
        return green__refuse(EINVAL);
    return settle(event, NULL, error);
}

/* Leaves the lock first: once sent, the outcome does not change, and a caller
 * that has held the lock sees it. */
static int leave_with_outcome(struct green_shared_event *event,
                              struct green__visit *visit, void **value)
{
    green__visit_end(visit);
    return green__outcome(event->value, event->error, value);
}

int green_shared_event_try_wait(struct green_shared_event *event, void **value)
{
    struct green__visit visit;

    if (!event)
        return green__refuse(EINVAL);
    green__visit_begin(&visit, &event->shared);
    if (event->sent)
        return leave_with_outcome(event, &visit, value);
    green__visit_end(&visit);
    return green__refuse(EAGAIN);
}

int green_shared_event_wait(struct green_shared_event *event, void **value)
{
    struct green__shared_place here;
    struct green__visit visit;

    if (!event)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    green__visit_begin(&visit, &event->shared);
    if (event->sent)
        return green__call_done(leave_with_outcome(event, &visit, value));
    if (green__shared_wait(&visit, &event->line, &here, &waiting) < 0)
        return -1;
    return green__outcome(here.value, here.error, value);
}
