/* Joining and detaching greenthreads. */
#include <errno.h>

#include "greenthread/scheduler.h"

static const struct green__wait_kind joining = {.name = "join", .inside = true};

/* Sets errno to the reason why a greenthread cannot be joined; returns -1. */
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

/* A callback may join only a finished greenthread, since it cannot wait. */
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
