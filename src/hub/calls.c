/* Functions that the hub calls soon, requested by its own or another OS
 * thread. */
#include <errno.h>

#include "base/own_descriptor.h"
#include "base/wakeup.h"
#include "base/system.h"
#include "hub/hub.h"

static int open_wakeup(struct green_hub *hub);

/* The program closes numbers that it does not know, as daemons do: the hub must
 * not read what the program has there now. */
static GREEN__COLD void renew_wakeup(struct green_hub *hub)
{
    green_hub_remove(hub, &hub->wakeup_listener);
    green__own_descriptor_forget(hub->wakeup.fd);
    green__wakeup_close_end(&hub->wakeup);
    (void)open_wakeup(hub); /* without it, other OS threads wake the hub late */
}

static void drain_wakeup(struct green_listener *listener, unsigned events)
{
    struct green_hub *hub =
        container_of(listener, struct green_hub, wakeup_listener);

    (void)events;
    if (green__own_descriptor_is_lost(listener->fd))
        renew_wakeup(hub);
    else
        /* An error loses nothing: the hub is awake already. */
        (void)green__wakeup_drain(&hub->wakeup);
}

/* Any OS thread may claim the call, and only one succeeds. */
static int claim(struct green_call *call)
{
    if (!__atomic_exchange_n(&call->internal.pending, true, __ATOMIC_ACQ_REL))
        return 0;
    errno = EALREADY;
    return -1;
}

static void release(struct green_call *call)
{
    __atomic_store_n(&call->internal.pending, false, __ATOMIC_RELEASE);
}

static void append(struct green_hub *hub, struct green_call *call)
{
    call->internal.next = NULL;
    *hub->calls_end = call;
    hub->calls_end = &call->internal.next;
}

/* Appends the calls that other OS threads requested, oldest first. */
static void take_foreign(struct green_hub *hub)
{
    struct green_call *call, *oldest = NULL;

    if (!atomic_load_explicit(&hub->foreign_calls, memory_order_relaxed))
        return;
    call = atomic_exchange(&hub->foreign_calls, NULL);
    while (call) {
        struct green_call *next = call->internal.next;

        call->internal.next = oldest;
        oldest = call;
        call = next;
    }
    while (oldest) {
        struct green_call *next = oldest->internal.next;

        append(hub, oldest);
        oldest = next;
    }
}

static void release_all(struct green_call *call)
{
    for (; call; call = call->internal.next)
        release(call);
}

void green__calls_forget(struct green_hub *hub)
{
    take_foreign(hub);
    release_all(hub->due_calls);
    release_all(hub->calls);
    hub->due_calls = NULL;
    hub->calls = NULL;
    hub->calls_end = &hub->calls;
}

void green__calls_close(struct green_hub *hub)
{
    int saved = errno;

    if (hub->wakeup.fd >= 0)
        green__own_descriptor_close(hub->wakeup.fd);
    green__wakeup_close_end(&hub->wakeup);
    hub->wakeup.fd = -1;
    errno = saved;
}

/*
 * Waits until no caller is inside green_hub_call_threadsafe. Its call may have
 * run, and the hub may be closing, while the caller is still inside the
 * wake-up.
 */
void green__calls_await_callers(struct green_hub *hub)
{
    unsigned round = 0;

    while (atomic_load(&hub->callers) > 0)
        green__back_off(&round);
}

static int open_wakeup(struct green_hub *hub)
{
    if (green__wakeup_open(&hub->wakeup) < 0)
        return -1;
    hub->wakeup.fd = green__own_descriptor(hub->wakeup.fd);
    hub->wakeup_listener = (struct green_listener){
        .fd = hub->wakeup.fd,
        .events = GREEN_READ,
        .callback = drain_wakeup,
    };
    return green_hub_add(hub, &hub->wakeup_listener);
}

int green__calls_open(struct green_hub *hub)
{
    hub->calls_end = &hub->calls;
    hub->wakeup = GREEN__NO_WAKEUP;
    if (hub->module->wakeup || open_wakeup(hub) == 0)
        return 0;
    green__fail(errno, hub->wakeup.fd < 0
                           ? "no descriptor for waking the hub"
                           : "the hub cannot watch its own wake-up descriptor");
    green__calls_close(hub);
    return -1;
}

static void wake(struct green_hub *hub)
{
    int saved = errno;

    if (hub->module->wakeup)
        hub->module->wakeup(hub);
    else if (green__wakeup_send(&hub->wakeup) < 0)
        /* the next caller tries again */
        atomic_store(&hub->wakeup_sent, false);
    errno = saved;
}

int green_hub_call(struct green_hub *hub, struct green_call *call)
{
    if (!hub || !call || !call->callback) {
        errno = EINVAL;
        return -1;
    }
    if (claim(call) < 0)
        return -1;
    append(hub, call);
    return 0;
}

int green_hub_call_threadsafe(struct green_hub *hub, struct green_call *call)
{
    struct green_call *head;

    if (!hub || !call || !call->callback) {
        errno = EINVAL;
        return -1;
    }
    if (claim(call) < 0)
        return -1;
    atomic_fetch_add(&hub->callers, 1);
    head = atomic_load_explicit(&hub->foreign_calls, memory_order_relaxed);
    do
        call->internal.next = head;
    while (!atomic_compare_exchange_weak(&hub->foreign_calls, &head, call));
    if (!__atomic_load_n(&hub->called, __ATOMIC_RELAXED))
        __atomic_store_n(&hub->called, true, __ATOMIC_RELAXED);
    if (!atomic_exchange(&hub->wakeup_sent, true))
        wake(hub);
    atomic_fetch_sub(&hub->callers, 1); /* the hub may be gone from here on */
    return 0;
}

bool green__calls_pending(struct green_hub *hub)
{
    return hub->calls ||
           atomic_load_explicit(&hub->foreign_calls, memory_order_relaxed);
}

/*
 * Clears wakeup_sent before it reads foreign_calls, so that a caller that adds
 * a call from here on wakes the hub again, and a call added before is seen.
 * Clear wakeup_sent here, not when draining: a wake-up may arrive after its
 * call was taken.
 */
bool green__calls_prepare(struct green_hub *hub)
{
    if (atomic_load_explicit(&hub->wakeup_sent, memory_order_relaxed))
        atomic_store(&hub->wakeup_sent, false);
    return hub->calls || atomic_load(&hub->foreign_calls);
}

void green__calls_dispatch(struct green_hub *hub)
{
    struct green_call *call;

    take_foreign(hub);
    hub->due_calls = hub->calls;
    hub->calls = NULL;
    hub->calls_end = &hub->calls;
    while ((call = hub->due_calls) != NULL) {
        hub->due_calls = call->internal.next;
        release(call);
        hub->stats.calls++;
        call->callback(call); /* may free it */
    }
}
