/* Waiting for a greenthread's end: join, detach, link. */
#include <errno.h>

#include "base/system.h"
#include "greenthread/scheduler.h"

static const struct green__wait_kind joining = {.name = "join", .inside = true};

/* Why a greenthread cannot be joined: -1 with errno. */
static GREEN__COLD int refuse_join(const struct green_thread *thread)
{
    const struct green__scheduler *s = green__scheduler();

    if (!s)
        return -1;
    if (!thread || (thread->flags & GREEN__DETACHED) || thread->joiner)
        return green__refuse(EINVAL);
    return green__refuse(EDEADLK);
}

static bool can_be_joined(const struct green__scheduler *s,
                          const struct green_thread *thread)
{
    return thread && !(thread->flags & (GREEN__DETACHED | GREEN__MAIN)) &&
           !thread->joiner && thread != s->current;
}

/* Also in a callback, where there is no waiting. */
static GREEN__COLD struct green__scheduler *
find_scheduler(const struct green_thread *thread)
{
    struct green__scheduler *s = green__scheduler();

    if (!s || (thread && thread->state == GREEN__FINISHED))
        return s;
    refuse_join(thread);
    return NULL;
}

int green_join(struct green_thread *thread, void **result)
{
    struct green__scheduler *s = green__running();
    struct green__waiter waiter;

    if (green__unlikely(!s) && !(s = find_scheduler(thread)))
        return -1;
    if (green__unlikely(!can_be_joined(s, thread)))
        return refuse_join(thread);
    if (green__likely(thread->state != GREEN__FINISHED)) {
        waiter.thread = s->current;
        waiter.kind = &joining;
        thread->joiner = s->current;
        if (green__unlikely(green__park_on(s, &waiter) < 0)) {
            thread->joiner = NULL;
            return -1;
        }
    }
    if (result)
        *result =
            thread->flags & GREEN__CANCELLED ? GREEN_CANCELED : thread->arg;
    green__thread_free(s, thread);
    return 0;
}

int green_detach(struct green_thread *thread)
{
    struct green__scheduler *s = green__scheduler();

    if (!s)
        return -1;
    if (!thread || (thread->flags & (GREEN__DETACHED | GREEN__MAIN)) ||
        thread->joiner)
        return green__refuse(EINVAL);
    thread->flags |= GREEN__DETACHED;
    if (thread->state == GREEN__FINISHED)
        green__thread_free(s, thread);
    return 0;
}

/* ---- Links ----------------------------------------------------------- */

struct link {
    struct green_list list;
    void (*fn)(struct green_thread *thread, void *arg);
    void *arg;
};

int green_link(struct green_thread *thread,
               void (*fn)(struct green_thread *thread, void *arg), void *arg)
{
    struct green__extras *extras;
    struct link *link;

    if (!thread || !fn)
        return green__refuse(EINVAL);
    if (thread->state == GREEN__FINISHED) {
        fn(thread, arg);
        return 0;
    }
    extras = green__extras(thread);
    link = extras ? green__system.allocate(1, sizeof *link) : NULL;
    if (!link)
        return green__refuse(ENOMEM);
    link->fn = fn;
    link->arg = arg;
    green__list_append(&extras->links, &link->list);
    return 0;
}

int green_unlink(struct green_thread *thread,
                 void (*fn)(struct green_thread *thread, void *arg), void *arg)
{
    struct green_list *at;

    if (!thread || !fn)
        return green__refuse(EINVAL);
    if (!thread->extras)
        return green__refuse(ENOENT);
    green__list_each (&thread->extras->links, at) {
        struct link *link = container_of(at, struct link, list);

        if (link->fn == fn && link->arg == arg) {
            green__list_remove(at);
            green__system.release(link);
            return 0;
        }
    }
    return green__refuse(ENOENT);
}

void green__links_call(struct green_thread *thread)
{
    struct green_list *links = &thread->extras->links;

    while (!green__list_empty(links)) {
        struct link *link = container_of(links->next, struct link, list);
        struct link copy = *link;

        green__list_remove(&link->list);
        green__system.release(link);
        copy.fn(thread, copy.arg);
    }
}

void green__links_free(struct green__extras *extras)
{
    while (!green__list_empty(&extras->links)) {
        struct link *link = container_of(extras->links.next, struct link, list);

        green__list_remove(&link->list);
        green__system.release(link);
    }
}
