/* Waiting for a greenthread's end: join, detach, link. */
#include <errno.h>

#include "base/system.h"
#include "greenthread/scheduler.h"

static const struct green__wait_kind joining = {.name = "join"};

static int wait_for_end(struct green__scheduler *s, struct green_thread *thread)
{
    struct green__waiter waiter = {.thread = s->current, .kind = &joining};

    if (green__unlikely(s->hub->dispatching))
        return green__refuse(EDEADLK);
    thread->joiner = &waiter;
    if (green__likely(green__park_on(s, &waiter) == 0))
        return 0;
    thread->joiner = NULL;
    return -1;
}

int green_join(struct green_thread *thread, void **result)
{
    struct green__scheduler *s = green__scheduler();
    bool cancelled;

    if (!s)
        return -1;
    if (!thread || (thread->flags & GREEN__DETACHED) || thread->joiner)
        return green__refuse(EINVAL);
    if (thread == s->current || thread == &s->main)
        return green__refuse(EDEADLK);
    if (thread->state != GREEN__FINISHED && wait_for_end(s, thread) < 0)
        return -1;
    cancelled = thread->flags & GREEN__CANCELLED;
    if (result)
        *result = cancelled ? NULL : thread->arg;
    green__thread_free(s, thread);
    return cancelled ? green__refuse(ECANCELED) : 0;
}

int green_detach(struct green_thread *thread)
{
    struct green__scheduler *s = green__scheduler();

    if (!s)
        return -1;
    if (!thread || (thread->flags & GREEN__DETACHED) || thread->joiner ||
        thread == &s->main)
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
