/*
 * What ends a greenthread's blocking calls early: kill, timeouts and scopes; and
 * what keeps them off: shields. All but kill are regions on a greenthread's
 * stack, linked from the innermost outwards.
 */
#include <errno.h>

#include "greenthread/scheduler.h"

/* The outermost one that has fired counts, but for what a shield keeps off. */
int green__interruption(const struct green_thread *thread)
{
    int error = 0;

    for (const struct green_region *r = thread->regions; r; r = r->outer) {
        if (r->kind == GREEN__SHIELD)
            return error;
        if (r->error)
            error = r->error;
    }
    return thread->flags & GREEN__KILLED ? ECANCELED : error;
}

/*
 * Something has come up: it ends the park, unless there is a shield. When there is
 * none to end, the next call fails, though it need not wait. But one who has killed
 * itself knows.
 */
static void alarm_thread(struct green_thread *thread)
{
    const struct green__scheduler *s = green__running();
    int error = 0;

    thread->alarms++;
    if (thread->state == GREEN__PARKED)
        error = green__interruption(thread);
    if (error)
        green__interrupt(thread, error);
    else if (!s || thread != s->current)
        thread->flags |= GREEN__ALARMED;
}

/* ---- Regions --------------------------------------------------------- */

int green__region_enter(struct green_region *region,
                        enum green__region_kind kind)
{
    struct green_thread *thread = green__current();

    if (!thread)
        return -1;
    *region = (struct green_region){
        .outer = thread->regions, .thread = thread, .kind = kind};
    thread->regions = region;
    return 0;
}

/* Only the innermost can be left, and by its own greenthread. `error` stays. */
int green__region_leave(struct green_region *region,
                        enum green__region_kind kind)
{
    struct green_thread *thread = green__current();

    if (!thread || thread->regions != region || region->kind != kind)
        return green__refuse(EINVAL);
    thread->regions = region->outer;
    region->kind = 0;
    if (region->error && --thread->alarms == 0)
        thread->flags &= (uint8_t)~GREEN__ALARMED;
    return 0;
}

void green__region_fire(struct green_region *region, int error)
{
    if (region->error)
        return;
    region->error = error;
    alarm_thread(region->thread);
}

/* ---- Shields --------------------------------------------------------- */

int green_shield_begin(struct green_shield *shield)
{
    if (!shield)
        return green__refuse(EINVAL);
    return green__region_enter(&shield->internal, GREEN__SHIELD);
}

int green_shield_end(struct green_shield *shield)
{
    if (!shield)
        return green__refuse(EINVAL);
    return green__region_leave(&shield->internal, GREEN__SHIELD);
}

/* ---- Timeouts -------------------------------------------------------- */

static void fire(struct green_timer *timer)
{
    struct green_timeout *timeout = timer->arg;

    green__region_fire(&timeout->internal.region, ETIMEDOUT);
}

int green_timeout_start(struct green_timeout *timeout, green_time duration)
{
    struct green_hub *hub;

    if (!timeout || duration < 0)
        return green__refuse(EINVAL);
    if (green__region_enter(&timeout->internal.region, GREEN__TIMEOUT) < 0)
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

    if (!timeout ||
        green__region_leave(&timeout->internal.region, GREEN__TIMEOUT) < 0)
        return green__refuse(EINVAL);
    if (!timeout->internal.region.error)
        green_hub_cancel(green__hub_here(), &timeout->internal.timer);
    errno = saved;
    return 0;
}

bool green_timeout_fired(const struct green_timeout *timeout)
{
    return timeout && timeout->internal.region.error;
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
