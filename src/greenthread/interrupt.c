/* Ends greenthreads' blocking calls early: kill and timeouts. */
#include <errno.h>

#include "greenthread/cancel_scope.h"
#include "greenthread/scheduler.h"

/* ---- Timeouts -------------------------------------------------------- */

static void fire(struct green_timer *timer)
{
    struct green_timeout *timeout = timer->arg;

    green__cancel_scope_fire(&timeout->internal.cancel_scope, ETIMEDOUT);
}

static void end_timeout(struct green_cancel_scope *scope)
{
    green_timeout_cancel(
        container_of(scope, struct green_timeout, internal.cancel_scope));
}

int green_timeout_start(struct green_timeout *timeout, green_time duration)
{
    struct green_hub *hub;

    if (!timeout || duration < 0)
        return green__refuse(EINVAL);
    if (green__cancel_scope_enter(&timeout->internal.cancel_scope,
                                  GREEN__TIMEOUT, end_timeout,
                                  __builtin_return_address(0)) < 0)
        return -1;
    timeout->internal.timer =
        (struct green_timer){.callback = fire, .arg = timeout};
    if (duration == GREEN_FOREVER)
        return 0;
    hub = green__hub_here();
    return green_hub_schedule(hub, &timeout->internal.timer,
                              green__time_add(green__hub_now(hub), duration));
}

int green_timeout_cancel(struct green_timeout *timeout)
{
    int saved = errno;

    if (!timeout || green__cancel_scope_leave(&timeout->internal.cancel_scope,
                                              GREEN__TIMEOUT) < 0)
        return green__refuse(EINVAL);
    if (!timeout->internal.cancel_scope.error)
        green_hub_cancel(green__hub_here(), &timeout->internal.timer);
    errno = saved;
    return 0;
}

bool green_timeout_fired(const struct green_timeout *timeout)
{
    return timeout && timeout->internal.cancel_scope.error;
}

/* ---- Kill ------------------------------------------------------------ */

int green_kill(struct green_thread *thread)
{
    if (!thread)
        return green__refuse(EINVAL);
    if (thread->state == GREEN__FINISHED)
        return green__refuse(ESRCH);
    if (!(thread->flags & GREEN__STARTED))
        return green_cancel(thread);
    if (thread->flags & GREEN__KILLED)
        return 0;
    thread->flags |= GREEN__KILLED;
    green__alarm(thread);
    return 0;
}

bool green_killed(void)
{
    struct green_thread *thread = green__current();

    return thread && (thread->flags & GREEN__KILLED);
}

int green_with_timeout(green_time duration, int (*fn)(void *arg), void *arg)
{
    struct green_timeout timeout;
    int result;

    if (!fn)
        return green__refuse(EINVAL);
    if (green_timeout_start(&timeout, duration) < 0)
        return -1;
    result = fn(arg);
    green_timeout_cancel(&timeout);
    return result < 0 && green_timeout_fired(&timeout)
               ? green__refuse(ETIMEDOUT)
               : result;
}
