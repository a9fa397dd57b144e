/* The run queue: park, wake, switch and budget. */
#include "greenthread/scheduler.h"

#include <errno.h>

#include "base/chaos.h"

/*
 * Fairness. Greenthreads switch to each other directly, so code that only
 * yields would never let the hub look at its descriptors; and a call that need
 * not wait does not switch, so one fast peer would keep all others waiting.
 * Both count against a budget. When it is used up the scheduler reads the
 * clock, and after RUN_LIMIT it runs the hub: reading the clock costs about 25
 * ns, an iteration on epoll about 250, a switch 8. RUN_LIMIT is about as long
 * as the greenthreads take that one iteration wakes in a server
 * (GREEN__MAX_EVENTS_PER_ITERATION): some microseconds of system calls each. A
 * greenthread that uses up a whole budget without a switch lets the others run.
 * The budget adapts to last for SLICE at most, so that the clock is read in
 * time when greenthreads run for long between two switches.
 */
#define BUDGET_MAX 256
/* For a greenthread that runs alone: its calls may suddenly take long. */
#define BUDGET_ALONE 64
#define RUN_LIMIT GREEN_MSEC
#define SLICE (GREEN_MSEC / 4)

/* poll or select takes some hundred microseconds for thousands of descriptors.
 * Such a wait may take 1/LOOK_SHARE of the time, until RUN_LIMIT_MAX. */
#define LOOK_SHARE 32
#define RUN_LIMIT_MAX (10 * GREEN_MSEC)

/* ---- The switch ------------------------------------------------------ */

/*
 * A greenthread with thread-local data of its own has its own errno there, and
 * nobody else changes that. What is saved for it is then the errno of the OS
 * thread's data, which nobody reads: it costs less than to ask.
 */
static inline int switch_stacks(struct green__scheduler *s,
                                struct green_thread *to)
{
    struct green_thread *from = s->current;
    int *place = s->errno_place, result;

    GREEN__PROBE2(switch, from, to);
    from->saved_errno = *place;
    *place = to->saved_errno;
    s->current = to;
    green__sanitizer_before_switch(&from->context, &to->context, false);
    result = green__context_switch(&from->context.sp, to->context.sp, to);
    green__sanitizer_after_switch(&from->context);
    return result;
}

static GREEN__NOINLINE int switch_with_exceptions(struct green__scheduler *s,
                                                  struct green_thread *to)
{
    struct green__exceptions kept[GREEN__RUNTIMES];
    unsigned count;
    int result;

    count = green__exceptions_take(&s->runtimes, kept);
    result = switch_stacks(s, to);
    green__exceptions_put(&s->runtimes, kept, count);
    return result;
}

/* Exceptions are looked after in a process that has C++, see exceptions.h;
 * those of a greenthread with thread-local data of its own are there. */
static GREEN__NOINLINE int switch_carrying(struct green__scheduler *s,
                                           struct green_thread *to)
{
    green__switch_carries(s, to);
    if (green__unlikely(green__exceptions_in_use(&s->runtimes)))
        return switch_with_exceptions(s, to);
    return switch_stacks(s, to);
}

/* Not inlined: the sanitizer calls and the switch stand in one place. In a
 * build without sanitizers it ends in a jump, and needs no frame. */
GREEN__NOINLINE int green__switch_to(struct green__scheduler *s,
                                     struct green_thread *to)
{
    if (green__unlikely(s->carries))
        return switch_carrying(s, to);
    return switch_stacks(s, to);
}

/* Measures how long the budget lasted. */
GREEN__COLD bool green__budget_spent(struct green__scheduler *s)
{
    green_time now = green__clock();
    green_time each = (now - s->granted) / s->budget;
    green_time ran = now - s->hub->run_start;
    bool late = ran >= RUN_LIMIT_MAX ||
                (ran >= RUN_LIMIT && ran >= LOOK_SHARE * s->hub->look_cost);
    bool alone = s->switches == s->switches_then;
    int most = alone ? BUDGET_ALONE : BUDGET_MAX, size = s->budget * 2;

    if (each > 0 && SLICE / each < size)
        size = (int)(SLICE / each);
    s->budget = size < 1 ? 1 : size > most ? most : size;
    green__budget_grant(s, now);
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

/* Inserts the hub between the current greenthread, which becomes the last, and
 * the queue. */
static GREEN__COLD struct green_thread *insert_hub(struct green__scheduler *s)
{
    struct green_thread *hub = &s->hub_thread;

    hub->next = s->current->next;
    s->current->next = hub;
    s->last = s->current;
    return hub;
}

/* ---- Park and wake --------------------------------------------------- */

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

/* Not inlined, so that a yield needs no frame. */
static GREEN__COLD int rotate_at_budgets_end(struct green__scheduler *s)
{
    struct green_thread *next = s->current->next;

    if (green__budget_spent(s))
        return green__switch_to(s, insert_hub(s));
    s->last = s->current;
    return next == s->current ? 0 : green__switch_to(s, next);
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

/*
 * The budget is used up, by the current greenthread alone or with others. If it
 * was alone and goes on without waiting, it runs the hub after RUN_LIMIT,
 * however long the hub's wait takes; switching greenthreads may have more time.
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

void green__interrupt(struct green_thread *thread, int error)
{
    if (thread->state != GREEN__PARKED)
        return;
    thread->interrupt = error;
    green__run_again(green__self_here()->scheduler, thread);
}
