/* Park, wake, switch: the run queue and the hub's own context. */
#include "greenthread/scheduler.h"

#include <errno.h>

#include "base/chaos.h"
#include "context/context.h"

/*
 * Fairness. Greenthreads hand over to each other directly, so code that only
 * yields would never let the hub look at its descriptors. After a budget of
 * hand-overs the clock is looked at, and after RUN_LIMIT the hub gets a turn: a
 * look at the clock costs about 25 ns, a turn of epoll about 250, a hand-over 5.
 * The budget adapts, so that slow greenthreads are looked at more often.
 */
#define BUDGET_MAX 64
#define RUN_LIMIT (50 * GREEN_USEC)

/* ---- The run queue --------------------------------------------------- */

void green__make_runnable(struct green__scheduler *s,
                          struct green_thread *thread)
{
    thread->state = GREEN__RUNNABLE;
    thread->next = NULL;
    if (s->run_first)
        s->run_last->next = thread;
    else
        s->run_first = thread;
    s->run_last = thread;
}

/* ---- The switch ------------------------------------------------------ */

void green__arrive(struct green_thread *thread)
{
    green__notes_after_switch(&thread->context);
    errno = thread->saved_errno;
}

void green__switch_to(struct green__scheduler *s, struct green_thread *to)
{
    struct green_thread *from = s->current;

    from->saved_errno = errno;
    s->current = to;
    s->hub->stats.switches++;
    green__notes_before_switch(&from->context, &to->context,
                               from->state == GREEN__FINISHED);
    green__context_switch(&from->context.sp, to->context.sp);
    green__arrive(from);
    if (green__unlikely(s->inspect != NULL))
        s->inspect(s);
}

/* The budget is used up: how long did it last? True if the hub is to have a
 * turn. */
static GREEN__COLD bool budget_spent(struct green__scheduler *s)
{
    green_time now = green__clock();
    green_time each = (now - s->granted) / s->budget_size;
    bool late = now - s->hub->run_start >= RUN_LIMIT;
    int size = s->budget_size * 2;

    if (each > 0 && RUN_LIMIT / each < size)
        size = (int)(RUN_LIMIT / each);
    s->budget_size = size < 1 ? 1 : size > BUDGET_MAX ? BUDGET_MAX : size;
    s->budget = s->budget_size;
    s->granted = now;
    return late || green__chaos(2);
}

void green__switch_away(struct green__scheduler *s)
{
    struct green_thread *next = s->run_first;

    if (green__likely(next != NULL)) {
        if (green__unlikely(--s->budget <= 0) && budget_spent(s)) {
            next = &s->hub_thread;
        } else {
            s->run_first = next->next;
            next->state = GREEN__RUNNING;
        }
    } else {
        next = &s->hub_thread;
    }
    if (next != s->current)
        green__switch_to(s, next);
}

/* The hub can never wait again: nobody may wait for it in vain. */
static GREEN__COLD void interrupt_all(struct green__scheduler *s, int error)
{
    struct green_list *link;

    green__list_each (&s->all, link)
        green__interrupt(container_of(link, struct green_thread, all), error);
}

/* The hub's own context: a turn of the loop, then whoever is runnable. */
static void hub_main(void *arg)
{
    struct green__scheduler *s = arg;

    green__arrive(&s->hub_thread);
    for (;;) {
        struct green_thread *next;

        if (green_hub_wait(s->hub, s->run_first ? 0 : GREEN_FOREVER) < 0)
            interrupt_all(s, errno);
        green_hub_dispatch(s->hub);
        green__lifecycle_check(s);
        next = s->run_first;
        if (!next)
            continue;
        s->run_first = next->next;
        next->state = GREEN__RUNNING;
        s->budget = s->budget_size;
        s->granted = s->hub->run_start;
        green__switch_to(s, next);
    }
}

void green__hub_thread_make(struct green__scheduler *s)
{
    struct green__stack *stack = s->hub_thread.stack;
    char *bottom = green__stack_bottom(&s->stacks, stack);
    char *top = green__stack_top(&s->stacks, stack);

    if (s->hub_thread.context.sp)
        green__notes_done(&s->hub_thread.context);
    green__notes_stack_fresh(bottom, (size_t)(top - bottom));
    s->hub_thread.context.sp = green__context_make(top, hub_main, s);
    green__notes_init(&s->hub_thread.context, bottom, (size_t)(top - bottom));
    s->hub_thread.state = GREEN__PARKED;
    s->budget_size = 1;
    s->budget = 1;
}

/* ---- Park and wake --------------------------------------------------- */

struct green_thread *green__current(void)
{
    struct green__scheduler *s = green__scheduler();

    if (!s)
        return NULL;
    if (green__unlikely(s->hub->dispatching)) {
        errno = EDEADLK;
        return NULL;
    }
    return s->current;
}

void green__waiter_init(struct green__waiter *waiter,
                        const struct green__wait_kind *kind)
{
    waiter->thread = green__current();
    waiter->kind = kind;
}

int green__park(struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;
    struct green__scheduler *s;
    int error;

    if (green__unlikely(!thread)) {
        if (green__current())
            errno = EDEADLK;
        return -1;
    }
    if (green__unlikely(thread->alarms)) {
        error = green__interruption(thread);
        if (error) {
            errno = error;
            return -1;
        }
    }
    s = green__self()->scheduler;
    waiter->since = s->hub->turn_time;
    thread->waiter = waiter;
    thread->state = GREEN__PARKED;
    green__switch_away(s);
    thread->waiter = NULL;
    if (green__likely(!thread->interrupt))
        return 0;
    errno = thread->interrupt;
    thread->interrupt = 0;
    return -1;
}

void green__wake(struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;

    if (green__likely(thread->state == GREEN__PARKED))
        green__make_runnable(green__self()->scheduler, thread);
    else
        thread->interrupt = 0; /* interrupted, but it has not run yet */
}

void green__interrupt(struct green_thread *thread, int error)
{
    if (thread->state != GREEN__PARKED)
        return;
    thread->interrupt = error;
    green__make_runnable(green__self()->scheduler, thread);
}
