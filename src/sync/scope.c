/*
 * Scopes. A child is a detached greenthread with a record on its own stack, in
 * its scope's list. A link, which runs as the last act of a greenthread,
 * removes the record: so the scope notices a child that was cancelled before it
 * began, and waits for one that still runs functions at exit.
 */
#include <greenhub/scope.h>

#include <errno.h>

#include "greenthread/cancel_scope.h"
#include "greenthread/scheduler.h"
#include "greenthread/spawn.h"

struct child {
    struct green_list list; /* in the scope */
    struct green_scope *scope;
    struct green_thread *thread;
    int (*fn)(void *arg);
    void *arg;
    int error; /* fn's errno, or 0 */
};

static const struct green__wait_kind ending = {.name = "end of scope",
                                               .inside = true};

static struct child *child_at(struct green_list *link)
{
    return container_of(link, struct child, list);
}

static bool is_open(const struct green_scope *scope)
{
    return scope && scope->internal.cancel_scope.kind == GREEN__SCOPE;
}

/* ---- Stopping -------------------------------------------------------- */

static void stop(struct green_scope *scope, int error)
{
    struct green_list *link;

    if (scope->internal.stopped)
        return;
    scope->internal.stopped = true;
    scope->internal.error = error;
    green__list_each (&scope->internal.children, link)
        green_kill(child_at(link)->thread);
    green__cancel_scope_fire(&scope->internal.cancel_scope,
                             error == ETIMEDOUT ? ETIMEDOUT : ECANCELED);
}

static void on_timeout(struct green_timer *timer)
{
    stop(timer->arg, ETIMEDOUT);
}

/*
 * If greenthreads were dropped since the last check, the children and their
 * records are gone, and the scope stops with ECANCELED.
 */
static void forget_dropped(struct green_scope *scope)
{
    unsigned drops = green__self()->scheduler->drops;

    if (green__likely(scope->internal.drops == drops))
        return;
    scope->internal.drops = drops;
    if (green__list_empty(&scope->internal.children))
        return;
    green__list_init(&scope->internal.children);
    stop(scope, ECANCELED);
}

int green_scope_stop(struct green_scope *scope)
{
    if (!is_open(scope))
        return green__refuse(EINVAL);
    forget_dropped(scope);
    stop(scope, ECANCELED);
    return 0;
}

bool green_scope_stopped(const struct green_scope *scope)
{
    return scope && scope->internal.stopped;
}

/* ---- Children -------------------------------------------------------- */

static void *child_main(void *arg)
{
    struct child *child = arg;

    if (child->fn(child->arg) < 0)
        child->error = errno ? errno : EIO;
    return NULL;
}

/* Runs in a child, as its last act. */
static void child_ends(struct green_thread *thread, void *arg)
{
    struct child *child = arg;
    struct green_scope *scope = child->scope;
    int error = child->error;

    if (!error && (thread->flags & (GREEN__KILLED | GREEN__CANCELLED)))
        error = ECANCELED;
    green__list_remove(&child->list);
    if (error)
        stop(scope, error);
    if (scope->internal.waiter &&
        green__list_empty(&scope->internal.children)) {
        green__wake(scope->internal.waiter);
        scope->internal.waiter = NULL;
    }
}

int green_scope_spawn(struct green_scope *scope, int (*fn)(void *arg),
                      void *arg)
{
    struct green_thread *thread;
    struct child *child;

    if (!is_open(scope) || !fn)
        return green__refuse(EINVAL);
    forget_dropped(scope);
    if (scope->internal.stopped)
        return green__refuse(ECANCELED);
    thread = green__spawn_prepare(child_main, sizeof *child, child_ends,
                                  __builtin_return_address(0));
    if (!thread)
        return -1;
    thread->flags |= GREEN__DETACHED;
    child = green__record_of(thread, sizeof *child);
    *child =
        (struct child){.scope = scope, .thread = thread, .fn = fn, .arg = arg};
    green__list_append(&scope->internal.children, &child->list);
    green__spawn_start(thread);
    return 0;
}

/* ---- Beginning and end ----------------------------------------------- */

/* Its children hold its address, so they end first. */
static void end_scope(struct green_cancel_scope *cancel_scope)
{
    struct green_scope *scope =
        container_of(cancel_scope, struct green_scope, internal.cancel_scope);

    green_scope_stop(scope);
    green_scope_end(scope);
}

int green_scope_begin(struct green_scope *scope, green_time duration)
{
    struct green_hub *hub;

    if (!scope || duration < 0)
        return green__refuse(EINVAL);
    if (green__cancel_scope_enter(&scope->internal.cancel_scope, GREEN__SCOPE,
                                  end_scope, __builtin_return_address(0)) < 0)
        return -1;
    scope->internal.timer =
        (struct green_timer){.callback = on_timeout, .arg = scope};
    green__list_init(&scope->internal.children);
    scope->internal.waiter = NULL;
    scope->internal.drops = green__scheduler()->drops;
    scope->internal.error = 0;
    scope->internal.stopped = false;
    if (duration == GREEN_FOREVER)
        return 0;
    hub = green__hub_here();
    return green_hub_schedule(hub, &scope->internal.timer,
                              green__time_add(green__hub_now(hub), duration));
}

/* Returns 0, or the errno of an interruption. */
static int wait_for_children(struct green_scope *scope)
{
    struct green__waiter waiter;
    int error = 0;

    /* Repeats if another child was spawned after the last had ended. */
    while (!error && !green__list_empty(&scope->internal.children)) {
        green__waiter_init(&waiter, &ending);
        scope->internal.waiter = &waiter;
        if (green__park(&waiter) < 0)
            error = errno;
        scope->internal.waiter = NULL;
    }
    return error;
}

static void join(struct green_scope *scope)
{
    int error = wait_for_children(scope);
    struct green_shield shield;

    if (!error)
        return;
    stop(scope, error);
    green_shield_begin(&shield);
    while (wait_for_children(scope) != 0)
        continue;
    green_shield_end(&shield);
}

int green_scope_end(struct green_scope *scope)
{
    struct green_thread *thread = green__current();

    if (!thread)
        return -1;
    if (!is_open(scope) ||
        thread->cancel_scopes != &scope->internal.cancel_scope)
        return green__refuse(EINVAL);
    forget_dropped(scope);
    join(scope);
    green_hub_cancel(green__hub_here(), &scope->internal.timer);
    green__cancel_scope_leave(&scope->internal.cancel_scope, GREEN__SCOPE);
    if (!scope->internal.error)
        return 0;
    return green__refuse(scope->internal.error);
}
