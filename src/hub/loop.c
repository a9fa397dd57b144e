/* The loop: opening and closing a hub, and its iterations. */
#include <errno.h>

#include "base/probe.h"
#include "base/system.h"
#include "base/trace.h"
#include "hub/descriptor.h"
#include "hub/hub.h"

green_time green_now(void)
{
    struct green_hub *hub = green__hub_here();

    return hub ? green__hub_now(hub) : green__clock();
}

green_time green_after(green_time duration)
{
    return green__time_add(green_now(), duration < 0 ? 0 : duration);
}

/* ---- Opening and closing --------------------------------------------- */

struct green_hub *green__hub_open(const struct green_hub_module *module,
                                  void *library)
{
    const size_t hub_size = (sizeof(struct green_hub) + 63) / 64 * 64;
    struct green_hub *hub;

    hub = green__system.allocate(1, hub_size + module->state_size);
    if (!hub) {
        green__fail(ENOMEM, "no memory for a hub");
        return NULL;
    }
    hub->module = module;
    hub->state = (char *)hub + hub_size;
    hub->library = library;
    hub->owner = green__self();
    hub->wakeup = GREEN__NO_WAKEUP;
    hub->forks = __atomic_load_n(&green__forks, __ATOMIC_RELAXED);
    green__list_init(&hub->refs);
    green__descriptors_init(hub);
    green__sweep_open(hub);
    hub->owner->error[0] = '\0';
    if (module->open && module->open(hub) < 0)
        goto free_hub;
    if (green__calls_open(hub) < 0)
        goto close_module;
    green__operations_open(hub);
    hub->run_start = green__clock();
    hub->iteration_time = green__hub_now(hub);
    green__timers_init(&hub->timers, hub->iteration_time);
    return hub;

close_module:
    if (module->close)
        module->close(hub);
free_hub:
    errno = green__module_error();
    if (!hub->owner->error[0])
        green__fail(errno, "the hub %s cannot be opened: errno %d",
                    module->name, errno);
    green__descriptors_free(hub);
    green__system.release(hub);
    return NULL;
}

void green__hub_disown(struct green_hub *hub)
{
    green__timers_forget(&hub->timers);
    green__descriptors_forget(hub);
    green__calls_forget(hub);
}

static void free_hub(struct green_hub *hub)
{
    void *library = hub->library;

    green__descriptors_free(hub);
    green__system.release(hub);
    green__library_close(library);
}

/* Latest first: queued work is taken back before the hub waits for work that
 * has started. */
static void end_refs(struct green_hub *hub, bool forked)
{
    while (!green__list_empty(&hub->refs)) {
        struct green__hub_ref *hub_ref =
            container_of(hub->refs.prev, struct green__hub_ref, link);

        green__list_remove(&hub_ref->link);
        hub_ref->end(hub_ref, forked);
    }
}

void green__hub_close(struct green_hub *hub)
{
    end_refs(hub, false);
    green__calls_await_callers(hub);
    /* Close the wake-up descriptor last: the module watches it. */
    if (hub->module->close)
        hub->module->close(hub);
    green__calls_close(hub);
    free_hub(hub);
}

void green__hub_forget_after_fork(struct green_hub *hub)
{
    end_refs(hub, true);
    if (hub->module->after_fork)
        hub->module->after_fork(hub);
    green__calls_close(hub);
    /* After a fork in a callback, its dispatch must still return through this
     * hub. */
    hub->dead = true;
    if (!hub->dispatching)
        free_hub(hub);
}

void *green_hub_state(struct green_hub *hub)
{
    return hub->state;
}

const char *green_hub_name(const struct green_hub *hub)
{
    if (!hub) {
        errno = EINVAL;
        return NULL;
    }
    return hub->module->name;
}

const struct green_hub_module *green_hub_get_module(const struct green_hub *hub)
{
    if (!hub) {
        errno = EINVAL;
        return NULL;
    }
    return hub->module;
}

int green_hub_stats(const struct green_hub *hub, struct green_hub_stats *stats)
{
    if (!hub || !stats)
        return green__refuse(EINVAL);
    if (hub->owner->scheduler)
        hub->owner->scheduler_layer->count(hub->owner);
    *stats = hub->stats;
    return 0;
}

/* ---- An iteration ---------------------------------------------------- */

/* Limits the timeout to the time until the next timer. */
static green_time shorten(struct green_hub *hub, green_time timeout,
                          green_time now)
{
    green_time next = green__timers_next(&hub->timers);

    if (next == GREEN_FOREVER)
        return timeout;
    if (next <= now)
        return 0;
    return next - now < timeout ? next - now : timeout;
}

/* Returns how long to wait: 0 if work is due already. Updates
 * stats.longest_run. */
static green_time begin_wait(struct green_hub *hub, green_time timeout,
                             green_time clock)
{
    green_time ran = clock - hub->run_start;

    if (ran > hub->slowest) {
        hub->slowest = ran;
        if (ran > hub->stats.longest_run)
            hub->stats.longest_run = ran;
    }
    if (green__descriptors_prepare(hub) || green__calls_prepare(hub) ||
        hub->completed)
        return 0;
    if (timeout == 0)
        return 0;
    return shorten(hub, timeout,
                   hub->module->now ? hub->module->now(hub) : clock);
}

int green_hub_wait(struct green_hub *hub, green_time timeout)
{
    green_time clock;
    int result, error;

    if (!hub || timeout < 0)
        return green__refuse(EINVAL);
    if (hub->dispatching)
        return green__refuse(EBUSY);
    clock = green__clock();
    timeout = begin_wait(hub, timeout, clock);
    if (timeout > 0) {
        hub->stats.waits++;
        hub->wait_start = clock;
    }
    GREEN__PROBE2(hub_wait, hub, timeout);
    /* Deliver earlier reports first: see green__descriptors_dispatch. */
    result = hub->descriptors.owed ? 0 : hub->module->wait(hub, timeout);
    error = green__likely(result >= 0) ? errno : green__module_error();
    /* The module can never wait again, nor report the end of an operation. */
    if (green__unlikely(result < 0))
        hub->operations = 0;
    hub->run_start = green__clock();
    if (hub->wait_start) {
        hub->waited += hub->run_start - hub->wait_start;
        hub->wait_start = 0;
    }
    GREEN__PROBE2(hub_wake, hub, result);
    if (green__tracing())
        green__trace_wait(clock, hub->run_start);
    if (timeout == 0 && !hub->descriptors.owed)
        hub->look_cost = hub->run_start - clock;
    hub->iteration_time =
        hub->module->now ? hub->module->now(hub) : hub->run_start;
    errno = error;
    return result;
}

int green_hub_dispatch(struct green_hub *hub)
{
    if (!hub)
        return green__refuse(EINVAL);
    if (hub->dispatching)
        return green__refuse(EBUSY);
    green__dispatch_begins(hub);
    hub->stats.iterations++;
    if (green__calls_pending(hub))
        green__calls_dispatch(hub);
    if (!hub->dead)
        hub->stats.fired +=
            green__timers_fire(&hub->timers, hub->iteration_time, &hub->dead);
    if (green__unlikely(hub->completed != NULL) && !hub->dead)
        green__operations_dispatch(hub);
    if (!hub->dead)
        green__descriptors_dispatch(hub);
    green__dispatch_ends(hub);
    return 0;
}

int green_hub_run(struct green_hub *hub)
{
    int result = 0;

    if (!hub)
        return green__refuse(EINVAL);
    if (hub->running || hub->dispatching)
        return green__refuse(EBUSY);
    hub->running = true;
    while (!hub->aborted && result == 0) {
        bool busy = hub->between_iterations && hub->between_iterations(hub);

        if (hub->aborted)
            break;
        result = green_hub_wait(hub, busy ? 0 : GREEN_FOREVER);
        if (result == 0)
            green_hub_dispatch(hub);
        if (hub->dead)
            return green__refuse(ECANCELED);
    }
    hub->running = false;
    hub->aborted = false;
    return result;
}

int green_hub_abort(struct green_hub *hub)
{
    if (!hub)
        return green__refuse(EINVAL);
    hub->aborted = true;
    return 0;
}
