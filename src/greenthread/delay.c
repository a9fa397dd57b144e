/* Greenthreads with a delayed start, and their cancellation. */
#include <errno.h>

#include "greenthread/scheduler.h"
#include "greenthread/spawn.h"

static void parent_ends(struct green_thread *parent, void *arg)
{
    struct green_thread *thread = arg;

    (void)parent;
    green__delay_of(thread)->parent = NULL;
    green_cancel(thread);
}

/* The delay has expired or was cancelled. */
static void end_delay(struct green_thread *thread)
{
    green__delay_forget(thread);
    green__run_again(green__self()->scheduler, thread);
}

static void delay_expired(struct green_timer *timer)
{
    end_delay(timer->arg);
}

static struct green_thread *spawn_later(green_time delay_time,
                                        void *(*fn)(void *), void *arg,
                                        bool local, void *spawned_at)
{
    struct green_thread *thread;
    struct green__delay *delay;
    struct green_hub *hub;

    if (delay_time < 0) {
        errno = EINVAL;
        return NULL;
    }
    thread = green__spawn_make(fn, arg, sizeof *delay, spawned_at);
    if (!thread)
        return NULL;
    delay = green__delay_of(thread);
    *delay = (struct green__delay){
        .timer = {.callback = delay_expired, .arg = thread},
        .parent = local ? green__current() : NULL,
        .parent_ends = parent_ends,
    };
    thread->state = GREEN__DELAYED;
    if (delay->parent && green_link(delay->parent, parent_ends, thread) < 0)
        return green__spawn_undo(thread);
    hub = green__hub_here();
    green_hub_schedule(hub, &delay->timer,
                       green__time_add(green__hub_now(hub), delay_time));
    return thread;
}

struct green_thread *green_spawn_after(green_time delay, void *(*fn)(void *),
                                       void *arg)
{
    if (delay == 0)
        return green_spawn(fn, arg);
    return spawn_later(delay, fn, arg, false, __builtin_return_address(0));
}

struct green_thread *green_spawn_after_local(green_time delay,
                                             void *(*fn)(void *), void *arg)
{
    return spawn_later(delay, fn, arg, true, __builtin_return_address(0));
}

int green_cancel(struct green_thread *thread)
{
    if (!thread)
        return green__refuse(EINVAL);
    if (thread->state == GREEN__FINISHED)
        return green__refuse(ESRCH);
    if (thread->flags & GREEN__STARTED)
        return green__refuse(EBUSY);
    /* The greenthread is still scheduled, to finish. */
    thread->flags |= GREEN__CANCELLED;
    if (thread->state == GREEN__DELAYED) {
        green_hub_cancel(green__hub_here(), &green__delay_of(thread)->timer);
        end_delay(thread);
    }
    return 0;
}
