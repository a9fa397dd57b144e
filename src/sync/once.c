/* Runs a function once. */
#include "sync/waiters.h"

static const struct green__wait_kind waiting = {.name = "once", .inside = true};

/* Runs fn; if it fails, the first waiter runs its own. */
static int run(struct green_once *once, int (*fn)(void *arg), void *arg)
{
    struct green_place *next;

    if (fn(arg) == 0) {
        once->internal.done = true;
        once->internal.runner = NULL;
        green__line_wake_all(&once->internal.waiters);
        return 0;
    }
    if (green__line_empty(&once->internal.waiters)) {
        once->internal.runner = NULL;
        return -1;
    }
    next = green__line_take(&once->internal.waiters);
    once->internal.runner = next->waiter.thread;
    green__line_wake(next);
    return -1;
}

int green_once_run(struct green_once *once, int (*fn)(void *arg), void *arg)
{
    struct green_place here;
    struct green_thread *self;

    if (!once || !fn)
        return green__refuse(EINVAL);
    if (green__likely(once->internal.done))
        return green__call_nothing();
    self = green__current();
    if (!self)
        return -1;
    if (once->internal.runner == self)
        return green__refuse(EDEADLK);
    if (once->internal.runner) {
        if (green__line_wait(&once->internal.waiters, &here, &waiting) < 0)
            return -1;
        if (once->internal.done)
            return 0;
    }
    once->internal.runner = self;
    return run(once, fn, arg);
}
