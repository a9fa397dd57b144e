/* What few greenthreads have: a name, deferred functions. */
#include <errno.h>
#include <stdio.h>

#include "base/system.h"
#include "greenthread/scheduler.h"

struct green__extras *green__extras(struct green_thread *thread)
{
    struct green__extras *extras = thread->extras;

    if (extras)
        return extras;
    extras = green__system.allocate(1, sizeof *extras);
    if (!extras) {
        errno = ENOMEM;
        return NULL;
    }
    green__list_init(&extras->links);
    green__list_init(&extras->defers);
    thread->extras = extras;
    return extras;
}

void green__extras_free(struct green_thread *thread)
{
    struct green__extras *extras = thread->extras;

    if (!extras)
        return;
    thread->extras = NULL;
    green__links_free(extras);
    green__defers_free(extras);
    green__system.release(extras->locals);
    green__system.release(extras);
}

/* ---- Self and name --------------------------------------------------- */

struct green_thread *green_self(void)
{
    return green__current();
}

const char *green_name(const struct green_thread *thread)
{
    if (!thread) {
        errno = EINVAL;
        return NULL;
    }
    return thread->extras ? thread->extras->name : "";
}

int green_set_name(struct green_thread *thread, const char *name)
{
    struct green__extras *extras;

    if (!thread || !name) {
        errno = EINVAL;
        return -1;
    }
    extras = green__extras(thread);
    if (!extras)
        return -1;
    snprintf(extras->name, sizeof extras->name, "%s", name);
    return 0;
}

/* ---- Deferred functions ---------------------------------------------- */

struct defer {
    struct green_list list;
    void (*fn)(void *);
    void *arg;
};

int green_defer(void (*fn)(void *), void *arg)
{
    struct green_thread *thread;
    struct green__extras *extras;
    struct defer *defer;

    if (!fn) {
        errno = EINVAL;
        return -1;
    }
    thread = green__current();
    extras = thread ? green__extras(thread) : NULL;
    if (!extras)
        return -1;
    defer = green__system.allocate(1, sizeof *defer);
    if (!defer) {
        errno = ENOMEM;
        return -1;
    }
    defer->fn = fn;
    defer->arg = arg;
    green__list_prepend(&extras->defers, &defer->list);
    return 0;
}

/* Deferred functions may defer more. */
void green__defers_run(struct green_thread *thread)
{
    while (thread->extras && !green__list_empty(&thread->extras->defers)) {
        struct defer *defer =
            container_of(thread->extras->defers.next, struct defer, list);
        struct defer copy = *defer;

        green__list_remove(&defer->list);
        green__system.release(defer);
        copy.fn(copy.arg);
    }
}

void green__defers_free(struct green__extras *extras)
{
    while (!green__list_empty(&extras->defers)) {
        struct defer *defer =
            container_of(extras->defers.next, struct defer, list);

        green__list_remove(&defer->list);
        green__system.release(defer);
    }
}
