/* Park, wake, switch: the run queue and the hub's own context. */
#include "greenthread/scheduler.h"

#include <errno.h>

#include "base/chaos.h"
#include "context/context.h"

/*
 * Fairness. Greenthreads hand over to each other directly, so code that only
 * yields would never let the hub look at its descriptors. After a budget of
 * hand-overs the clock is looked at, and after RUN_LIMIT the hub gets a turn: a
 * look at the clock costs about 25 ns, a turn of epoll about 250, a hand-over 9.
 * The budget adapts, so that the clock is looked at in time when greenthreads
 * run for long between two hand-overs.
 */
#define BUDGET_MAX 64
#define RUN_LIMIT (250 * GREEN_USEC)

/* A look by poll or select at thousands of descriptors takes longer than that:
 * it may take one part in so many of the time, up to a limit. */
#define LOOK_SHARE 32
#define RUN_LIMIT_MAX (2 * GREEN_MSEC)

/* ---- The switch ------------------------------------------------------ */

/* Not inlined: green__context_switch counts on being called from one place. */
GREEN__NOINLINE void green__switch_to(struct green__scheduler *s,
                                      struct green_thread *to)
{
    struct green_thread *from = s->current;
    int saved_errno = *s->errno_place;

    s->current = to;
    s->hub->stats.switches++;
    green__notes_before_switch(&from->context, &to->context, false);
    green__context_switch(&from->context.sp, to->context.sp);
    green__notes_after_switch(&from->context);
    *s->errno_place = saved_errno;
    if (green__unlikely(s->inspect != NULL))
        s->inspect(s);
}

/* The budget is used up: how long did it last? True if the hub is to have a
 * turn. */
static GREEN__COLD bool budget_spent(struct green__scheduler *s)
{
    green_time now = green__clock();
    green_time each = (now - s->granted) / s->budget_size;
    green_time ran = now - s->hub->run_start;
    bool late = ran >= RUN_LIMIT_MAX ||
                (ran >= RUN_LIMIT && ran >= LOOK_SHARE * s->hub->look_cost);
    int size = s->budget_size * 2;

    if (each > 0 && RUN_LIMIT / each < size)
        size = (int)(RUN_LIMIT / each);
    s->budget_size = size < 1 ? 1 : size > BUDGET_MAX ? BUDGET_MAX : size;
    s->budget = s->budget_size;
    s->granted = now;
    return late || green__chaos(2);
}

/* Whose turn it is. */
static inline struct green_thread *take_next(struct green__scheduler *s)
{
    struct green_thread *next = s->run_first;

    if (green__unlikely(!next) ||
        (green__unlikely(--s->budget <= 0) && budget_spent(s)))
        return &s->hub_thread;
    s->run_first = next->next;
    next->state = GREEN__RUNNING;
    return next;
}

static inline void hand_over(struct green__scheduler *s)
{
    struct green_thread *next = take_next(s);

    if (green__likely(next != s->current))
        green__switch_to(s, next);
}

void green__switch_away(struct green__scheduler *s)
{
    hand_over(s);
}

GREEN__NO_SANITIZE void *green__switch_last(struct green__scheduler *s)
{
    struct green_thread *from = s->current, *to = take_next(s);

    s->current = to;
    s->hub->stats.switches++;
    green__notes_before_switch(&from->context, &to->context, true);
    return to->context.sp;
}

/* The hub can never wait again: nobody may wait for it in vain. */
static GREEN__COLD void interrupt_all(struct green__scheduler *s, int error)
{
    struct green_list *link;

    green__list_each (&s->all, link)
        green__interrupt(container_of(link, struct green_thread, all), error);
}

/* The hub's own context: a turn of the loop, then whoever is runnable. */
static void *hub_main(void *arg)
{
    struct green__scheduler *s = arg;

    green__notes_after_switch(&s->hub_thread.context);
    for (;;) {
        struct green_thread *next;

        green__lifecycle_check(s);
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
    return NULL; /* never */
}

void green__hub_thread_make(struct green__scheduler *s)
{
    struct green__stack *stack = s->hub_thread.stack;
    char *bottom = green__stack_bottom(&s->stacks, stack);
    char *top = green__stack_top(&s->stacks, stack);

    if (s->hub_thread.context.sp)
        green__notes_done(&s->hub_thread.context, true);
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
    struct green__scheduler *s = green__self()->scheduler;

    waiter->kind = kind;
    waiter->thread = green__likely(s && s->hub && !s->hub->dispatching)
                         ? s->current
                         : green__current();
}

int green__park(struct green__waiter *waiter)
{
    if (green__unlikely(!waiter->thread)) {
        if (green__current())
            errno = EDEADLK;
        return -1;
    }
    return green__park_on(green__self()->scheduler, waiter);
}

int green__park_on(struct green__scheduler *s, struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;
    int error;

    if (green__unlikely(thread->alarms)) {
        error = green__interruption(thread);
        if (error) {
            errno = error;
            return -1;
        }
    }
    waiter->since = s->hub->turn_time;
    thread->waiter = waiter;
    thread->state = GREEN__PARKED;
    hand_over(s);
    thread->waiter = NULL;
    if (green__likely(!thread->interrupt))
        return 0;
    errno = thread->interrupt;
    thread->interrupt = 0;
    return -1;
}

int green__yield(void)
{
    struct green__scheduler *s = green__self()->scheduler;
    struct green_thread *thread;
    int error;

    if (green__unlikely(!s || !s->hub || s->hub->dispatching)) {
        if (!green__current())
            return -1;
        s = green__self()->scheduler;
    }
    thread = s->current;
    if (green__unlikely(thread->alarms)) {
        error = green__interruption(thread);
        if (error) {
            errno = error;
            return -1;
        }
    }
    green__make_runnable(s, thread);
    hand_over(s);
    return 0;
}

void green__wake(struct green__waiter *waiter)
{
    green__wake_on(green__self()->scheduler, waiter);
}

void green__interrupt(struct green_thread *thread, int error)
{
    if (thread->state != GREEN__PARKED)
        return;
    thread->interrupt = error;
    green__make_runnable(green__self()->scheduler, thread);
}
