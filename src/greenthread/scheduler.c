/* Park, wake, switch: the run queue and the hub's own context. */
#include "greenthread/scheduler.h"

#include <errno.h>

#include "base/chaos.h"

/*
 * Fairness. Greenthreads hand over to each other directly, so code that only
 * yields would never let the hub look at its descriptors; and a call that need not
 * wait hands over to nobody, so one fast peer would keep all others waiting. Both
 * count against a budget. When it is used up the clock is looked at, and after
 * RUN_LIMIT the hub gets a turn: a look at the clock costs about 25 ns, a turn of
 * epoll about 250, a hand-over 8. RUN_LIMIT is about what those take whom one turn
 * wakes (GREEN__MOST_A_TURN) in a server: some microseconds of system calls each.
 * A greenthread that has used up a whole budget alone makes way for the others.
 * The budget adapts to last for SLICE at most, so that the clock is looked at in
 * time when greenthreads run for long between two hand-overs.
 */
#define BUDGET_MAX 256
#define RUN_LIMIT GREEN_MSEC
#define SLICE (GREEN_MSEC / 4)

/* A look by poll or select at thousands of descriptors takes some hundred
 * microseconds: it may take one part in so many of the time, up to a limit. */
#define LOOK_SHARE 32
#define RUN_LIMIT_MAX (10 * GREEN_MSEC)

/* How often the hub looks whether C++ has come into the process. */
#define LOOK_FOR_RUNTIMES (10 * GREEN_MSEC)

/* ---- The switch ------------------------------------------------------ */

static inline int hand_over(struct green__scheduler *s, struct green_thread *to)
{
    struct green_thread *from = s->current;
    int *place = s->errno_place, result;

    from->saved_errno = *place;
    *place = to->saved_errno;
    s->current = to;
    green__notes_before_switch(&from->context, &to->context, false);
    result = green__context_switch(&from->context.sp, to->context.sp, to);
    green__notes_after_switch(&from->context);
    return result;
}

/* In a process that has C++: see exceptions.h. */
static GREEN__NOINLINE int hand_over_in_cxx(struct green__scheduler *s,
                                            struct green_thread *to)
{
    struct green__exceptions kept[GREEN__RUNTIMES];
    unsigned count;
    int result;

    if (green__likely(!green__exceptions_in_use(&s->runtimes)))
        return hand_over(s, to);
    count = green__exceptions_take(&s->runtimes, kept);
    result = hand_over(s, to);
    green__exceptions_put(&s->runtimes, kept, count);
    return result;
}

/* Not inlined: one place for the notes, and the switch is called from it. In a
 * build without notes it ends in a jump, and costs no frame. */
GREEN__NOINLINE int green__switch_to(struct green__scheduler *s,
                                     struct green_thread *to)
{
    if (green__unlikely(s->runtimes.count))
        return hand_over_in_cxx(s, to);
    return hand_over(s, to);
}

/* A new budget, and when it began. */
static void grant(struct green__scheduler *s, green_time now)
{
    s->limit = s->switches + s->budget;
    s->switches_then = s->switches;
    s->granted = now;
}

/* How long did it last? */
GREEN__COLD bool green__budget_spent(struct green__scheduler *s)
{
    green_time now = green__clock();
    green_time each = (now - s->granted) / s->budget;
    green_time ran = now - s->hub->run_start;
    bool late = ran >= RUN_LIMIT_MAX ||
                (ran >= RUN_LIMIT && ran >= LOOK_SHARE * s->hub->look_cost);
    int size = s->budget * 2;

    if (each > 0 && SLICE / each < size)
        size = (int)(SLICE / each);
    s->budget = size < 1 ? 1 : size > BUDGET_MAX ? BUDGET_MAX : size;
    grant(s, now);
    return late || green__chaos(2);
}

struct green_thread *green__replace_by_hub(struct green__scheduler *s)
{
    struct green_thread *hub = &s->hub_thread, *first = s->current->next;

    if (first == s->current) {
        hub->next = hub;
        s->last = hub;
    } else {
        hub->next = first;
        s->last->next = hub;
    }
    return hub;
}

/* It comes between the current one, which is the last now, and the queue. */
static GREEN__COLD struct green_thread *insert_hub(struct green__scheduler *s)
{
    struct green_thread *hub = &s->hub_thread;

    hub->next = s->current->next;
    s->current->next = hub;
    s->last = s->current;
    return hub;
}

static void interrupt_one(struct green_thread *thread, void *arg)
{
    green__interrupt(thread, *(const int *)arg);
}

/* The hub can never wait again: nobody may wait for it in vain. */
static GREEN__COLD void interrupt_all(struct green__scheduler *s)
{
    int error = errno;

    green__each_thread(s, interrupt_one, &error);
}

/* A plugin may have brought C++ into the process. */
static GREEN__COLD void look_for_runtimes(struct green__scheduler *s)
{
    s->runtimes.looked = s->hub->run_start;
    green__runtimes_look(&s->runtimes);
}

/* The hub's own context: a turn of the loop, then whoever is runnable. */
static struct green__next_context hub_main(void *arg)
{
    struct green__scheduler *s =
        container_of(arg, struct green__scheduler, hub_thread);

    green__notes_after_switch(&s->hub_thread.context);
    for (;;) {
        struct green_thread *first;

        green__lifecycle_check(s);
        if (!green__others_runnable(s) && !s->hub->timers.levels &&
            green__is_deadlocked(s))
            green__deadlock_end(s);
        if (green_hub_wait(s->hub,
                           green__others_runnable(s) ? 0 : GREEN_FOREVER) < 0)
            interrupt_all(s);
        if (s->hub->run_start - s->runtimes.looked >= LOOK_FOR_RUNTIMES)
            look_for_runtimes(s);
        green_hub_dispatch(s->hub);
        green__lifecycle_check(s);
        first = s->hub_thread.next;
        if (first == &s->hub_thread)
            continue;
        s->last->next = first;
        s->switches++;
        grant(s, s->hub->run_start);
        green__switch_to(s, first);
    }
    return (struct green__next_context){NULL, NULL}; /* never */
}

void green__hub_thread_make(struct green__scheduler *s)
{
    struct green__stack *stack = s->hub_thread.stack;
    char *bottom = stack->bottom, *top = stack->top;

    if (s->hub_thread.context.sp)
        green__notes_done(&s->hub_thread.context, true);
    green__notes_stack_fresh(bottom, (size_t)(top - bottom));
    s->hub_thread.context.sp = green__context_make(top, hub_main);
    green__notes_init(&s->hub_thread.context, bottom, (size_t)(top - bottom));
    s->hub_thread.state = GREEN__PARKED;
    s->budget = BUDGET_MAX / 4;
    grant(s, green__clock());
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
    struct green__scheduler *s = green__running();

    waiter->kind = kind;
    waiter->thread = green__likely(s != NULL) ? s->current : green__current();
}

GREEN__COLD int green__park_refused(struct green_thread *thread)
{
    int error = green__interruption(thread);

    if (!error)
        return 0;
    thread->flags &= (uint8_t)~GREEN__ALARMED;
    return green__refuse(error);
}

GREEN__COLD int green__park_interrupted(struct green_thread *thread)
{
    errno = thread->interrupt;
    thread->interrupt = 0;
    return -1;
}

static GREEN__COLD int park_nobody(void)
{
    return green__current() ? green__refuse(EDEADLK) : -1;
}

int green__park(struct green__waiter *waiter)
{
    if (green__unlikely(!waiter->thread))
        return park_nobody();
    return green__park_on(green__self_here.scheduler, waiter);
}

/* Apart and not inlined, so that a yield needs no frame for them. */
static GREEN__COLD int rotate_at_budgets_end(struct green__scheduler *s)
{
    struct green_thread *next = s->current->next;

    if (green__budget_spent(s))
        return green__switch_to(s, insert_hub(s));
    s->last = s->current;
    return next == s->current ? 0 : green__switch_to(s, next);
}

/*
 * A call that need not wait fails with what has not been seen yet, and later with
 * one in MOST_OVERLOOKED: what a killed greenthread still has to say it can, and a
 * loop ends all the same.
 */
#define MOST_OVERLOOKED 64

GREEN__COLD int green__call_refused(struct green_thread *thread)
{
    int error = green__interruption(thread);

    if (!error)
        return 0;
    if (!(thread->flags & GREEN__ALARMED) &&
        ++thread->overlooked < MOST_OVERLOOKED)
        return 0;
    thread->flags &= (uint8_t)~GREEN__ALARMED;
    thread->overlooked = 0;
    return green__refuse(error);
}

/*
 * The budget is used up, by the current greenthread alone or with others. One that
 * goes on without waiting is late sooner than those who hand over: however long the
 * hub's look takes, after RUN_LIMIT it has one.
 */
GREEN__COLD int green__make_way(struct green__scheduler *s)
{
    bool spent = s->switches >= s->limit;
    bool alone = spent && s->switches == s->switches_then;
    bool late = spent && green__budget_spent(s);

    if (late || (alone && s->granted - s->hub->run_start >= RUN_LIMIT))
        return green__switch_to(s, insert_hub(s));
    if ((alone || green__chaos(2)) && green__others_runnable(s))
        return green__rotate(s);
    return 0;
}

/* In a callback; or there are no greenthreads here yet, but a hub, which must not
 * wait for the first call that blocks. */
GREEN__COLD void green__call_ends_first(void)
{
    struct green_hub *hub = green__hub_here();
    int saved = errno;

    if (hub && !hub->dispatching)
        (void)green__scheduler();
    errno = saved;
}

static GREEN__COLD int yield_with_checks(void)
{
    struct green_thread *thread = green__current();

    if (!thread || (thread->alarms && green__park_refused(thread) < 0))
        return -1;
    return green__rotate(green__running());
}

int green__rotate(struct green__scheduler *s)
{
    struct green_thread *thread = s->current, *next = thread->next;

    if (green__unlikely(++s->switches >= s->limit))
        return rotate_at_budgets_end(s);
    if (green__unlikely(next == thread))
        return 0;
    s->last = thread;
    return green__switch_to(s, next);
}

int green__yield(void)
{
    struct green__scheduler *s = green__running();

    if (green__unlikely(!s || s->current->alarms))
        return yield_with_checks();
    return green__rotate(s);
}

void green__wake(struct green__waiter *waiter)
{
    green__wake_thread(green__self_here.scheduler, waiter->thread);
}

void green__interrupt(struct green_thread *thread, int error)
{
    if (thread->state != GREEN__PARKED)
        return;
    thread->interrupt = error;
    green__make_runnable(green__self_here.scheduler, thread);
}
