/* Park, wake and yield, for callers that may have no hub yet. */
#include <errno.h>

#include "greenthread/scheduler.h"

struct green_thread *green__current(void)
{
    struct green__scheduler *s = green__scheduler();

    if (!s)
        return NULL;
    if (green__unlikely(s->hub->dispatching)) {
        errno = EDEADLK;
        return NULL;
    }
    return s->current;
}

void green__waiter_init(struct green__waiter *waiter,
                        const struct green__wait_kind *kind)
{
    struct green__scheduler *s = green__running();

    waiter->kind = kind;
    waiter->thread = green__likely(s != NULL) ? s->current : green__current();
}

static GREEN__COLD int park_without_thread(void)
{
    return green__current() ? green__refuse(EDEADLK) : -1;
}

int green__park(struct green__waiter *waiter)
{
    if (green__unlikely(!waiter->thread))
        return park_without_thread();
    return green__park_on(green__self_here()->scheduler, waiter);
}

static void deadline_expired(struct green_timer *timer)
{
    green__interrupt(timer->arg, EAGAIN);
}

int green__park_until(struct green__waiter *waiter, green_time deadline)
{
    struct green_timer timer = {.callback = deadline_expired,
                                .arg = waiter->thread};
    int result, error;

    if (deadline == GREEN_FOREVER || !waiter->thread)
        return green__park(waiter);
    green_hub_schedule(green__hub_here(), &timer, deadline);
    result = green__park(waiter);
    error = errno;
    green_hub_cancel(green__hub_here(), &timer);
    errno = error;
    return result;
}

static GREEN__COLD int yield_with_checks(void)
{
    struct green_thread *thread = green__current();

    if (!thread || (thread->alarms && green__park_refused(thread) < 0))
        return -1;
    return green__rotate(green__running());
}

int green__yield(void)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(!s || s->current->alarms))
        return yield_with_checks();
    return green__rotate(s);
}

void green__wake(struct green__waiter *waiter)
{
    green__wake_thread(green__self_here()->scheduler, waiter->thread);
}
