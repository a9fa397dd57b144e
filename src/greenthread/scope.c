/*
 * What ends a greenthread's blocking calls early: kill and timeouts; and what
 * keeps them off: shields. Timeouts and shields are scopes on a greenthread's
 * stack, linked from the innermost outwards.
 */
#include <errno.h>

#include "greenthread/scheduler.h"

enum scope_kind { TIMEOUT = 0x71e0, SHIELD = 0x5e1d };

static struct green_timeout *timeout_of(struct green_scope *scope)
{
    return container_of(scope, struct green_timeout, internal.scope);
}

int green__interruption(const struct green_thread *thread)
{
    bool fired = false;

    for (struct green_scope *s = thread->scopes; s; s = s->outer) {
        if (s->kind == SHIELD)
            return fired ? ETIMEDOUT : 0;
        fired |= timeout_of(s)->internal.fired;
    }
    if (thread->flags & GREEN__KILLED)
        return ECANCELED;
    return fired ? ETIMEDOUT : 0;
}

/* Something has come up: it ends the park, unless there is a shield. */
static void alarm_thread(struct green_thread *thread)
{
    int error;

    thread->alarms++;
    if (thread->state != GREEN__PARKED)
        return;
    error = green__interruption(thread);
    if (error)
        green__interrupt(thread, error);
}

/* ---- Scopes ---------------------------------------------------------- */

static int enter(struct green_scope *scope, unsigned kind)
{
    struct green_thread *thread = green__current();

    if (!thread)
        return -1;
    scope->outer = thread->scopes;
    scope->thread = thread;
    scope->kind = kind;
    thread->scopes = scope;
    return 0;
}

/* Only the innermost can be left, and by its own greenthread. */
static int leave(struct green_scope *scope, unsigned kind)
{
    struct green_thread *thread = green__current();

    if (!thread || thread->scopes != scope || scope->kind != kind)
        return green__refuse(EINVAL);
    thread->scopes = scope->outer;
    scope->kind = 0;
    return 0;
}

int green_shield_begin(struct green_shield *shield)
{
    return shield ? enter(&shield->internal, SHIELD) : green__refuse(EINVAL);
}

int green_shield_end(struct green_shield *shield)
{
    return shield ? leave(&shield->internal, SHIELD) : green__refuse(EINVAL);
}

/* ---- Timeouts -------------------------------------------------------- */

static void fire(struct green_timer *timer)
{
    struct green_timeout *timeout = timer->arg;

    timeout->internal.fired = true;
    alarm_thread(timeout->internal.scope.thread);
}

int green_timeout_start(struct green_timeout *timeout, green_time duration)
{
    struct green_hub *hub;

    if (!timeout || duration < 0)
        return green__refuse(EINVAL);
    if (enter(&timeout->internal.scope, TIMEOUT) < 0)
        return -1;
    timeout->internal.fired = false;
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

    if (!timeout || leave(&timeout->internal.scope, TIMEOUT) < 0)
        return green__refuse(EINVAL);
    if (timeout->internal.fired)
        timeout->internal.scope.thread->alarms--;
    else
        green_hub_cancel(green__hub_here(), &timeout->internal.timer);
    errno = saved;
    return 0;
}

bool green_timeout_fired(const struct green_timeout *timeout)
{
    return timeout && timeout->internal.fired;
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
    alarm_thread(thread);
    return 0;
}

bool green_killed(void)
{
    struct green_thread *thread = green__current();

    return thread && (thread->flags & GREEN__KILLED);
}
