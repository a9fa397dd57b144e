/*
 * What runs greenthreads: the run queue, the budget, the switch, park and wake.
 */
#ifndef GREEN_SCHEDULER_H
#define GREEN_SCHEDULER_H

#include "base/chaos.h"
#include "greenthread/park.h"
#include "greenthread/thread.h"

/* This OS thread's, made on first use; NULL with errno as green_get_hub. */
struct green__scheduler *green__scheduler(void);

/* The greenthread that is calling; NULL in a hub's callback, or with errno when
 * there can be no hub. */
struct green_thread *green__current(void);

/* ---- The hub's context ------------------------------------------------ */

/* The hub's context takes the current one's place. */
struct green_thread *green__replace_by_hub(struct green__scheduler *s);

/* Hand-overs that are granted at first: scheduler.c finds how many are right. */
#define GREEN__FIRST_BUDGET 64

/* A new budget, and when it began. */
static inline void green__budget_grant(struct green__scheduler *s,
                                       green_time now)
{
    s->limit = s->switches + s->budget;
    s->switches_then = s->switches;
    s->granted = now;
}

/* The budget is used up. True if the hub is to have a turn. */
bool green__budget_spent(struct green__scheduler *s);

/* ---- The ring, left -------------------------------------------------- */

/* The current one leaves the ring. Returns whose turn it is. */
static inline struct green_thread *
green__leave_ring(struct green__scheduler *s,
                  const struct green_thread *current)
{
    struct green_thread *first = current->next;

    if (green__unlikely(first == current) ||
        (green__unlikely(++s->switches >= s->limit) && green__budget_spent(s)))
        return green__replace_by_hub(s);
    s->last->next = first;
    return first;
}

/*
 * Has the processor fetch the stack of the one that runs after the next: by the
 * time of its turn it is there. With thousands of connections each stack has long
 * left the near caches: an echo at 5,000 took 9.25 us of CPU time without this, 8.62
 * with it (8.15 by hand). One step ahead would be too late, and a whole batch too
 * early: the kernel's work for each has driven it out again.
 */
static inline void green__prefetch_ahead(const struct green_thread *current)
{
    const struct green_thread *second = current->next->next;
    /* A number: it is NULL in one that has no stack yet. */
    const uintptr_t sp = (uintptr_t)second->context.sp;

    for (unsigned line = 0; line < 8; line++)
        __builtin_prefetch((const void *)(sp + 64 * (uintptr_t)line));
    __builtin_prefetch(second->next);
}

/* ---- Switch, park, wake ---------------------------------------------- */

/* The one function that switches between stacks. Returns 0. */
int green__switch_to(struct green__scheduler *s, struct green_thread *to);

/* The current one has finished and hands over for ever: returns what its own
 * context is to end with, at once. */
GREEN__NO_SANITIZE static inline struct green__next_context
green__switch_last(struct green__scheduler *s, struct green_thread *from)
{
    struct green_thread *to = green__leave_ring(s, from);

    *s->errno_place = to->saved_errno;
    s->current = to;
    green__sanitizer_before_switch(&from->context, &to->context, true);
    return (struct green__next_context){.load = to->context.sp, .arg = to};
}

/* What few parks meet: killed or timed out, before or during it. 0, or -1 with
 * errno. */
int green__park_refused(struct green_thread *thread);
int green__park_interrupted(struct green_thread *thread);

/* green__park for a waiter of this scheduler's current greenthread. Inlined where
 * each instruction counts. */
static inline int green__park_on(struct green__scheduler *s,
                                 struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;

    if (green__unlikely(thread->alarms) && green__park_refused(thread) < 0)
        return -1;
    waiter->since = s->hub->iteration_time;
    thread->waiter = waiter;
    thread->state = GREEN__PARKED;
    green__switch_to(s, green__leave_ring(s, thread));
    thread->waiter = NULL;
    if (green__unlikely(thread->interrupt))
        return green__park_interrupted(thread);
    return 0;
}

/* green__wake, by the greenthread that waits. */
static inline void green__wake_thread(struct green__scheduler *s,
                                      struct green_thread *thread)
{
    if (green__likely(thread->state == GREEN__PARKED)) {
        green__make_runnable(s, thread);
    } else if (thread->interrupt) { /* but it has not run yet */
        thread->interrupt = 0;
        if (thread->alarms) /* not a deadline alone */
            thread->flags |= GREEN__ALARMED;
    }
}

/* The current one goes to the end of the run queue, and hands over. As
 * green__park: 0, or -1 with errno. */
int green__yield(void);

/* The same, killed or not. Returns 0. */
int green__rotate(struct green__scheduler *s);

/* The budget is used up: the hub has a turn if it is time, or the others run.
 * Returns 0. */
int green__make_way(struct green__scheduler *s);

/* green__wake for a waiter of this scheduler's greenthreads. */
static inline void green__wake_on(struct green__scheduler *s,
                                  struct green__waiter *waiter)
{
    green__wake_thread(s, waiter->thread);
}

/* Ends a park with an error, if the greenthread is parked. */
void green__interrupt(struct green_thread *thread, int error);

/* ---- Parts ----------------------------------------------------------- */

/* dump.c: a code address, by its function's name if that is known. */
void green__describe_place(void *address, char *text, size_t size);

/* hub_context.c: ends the OS thread when nothing is left that could go on. */
void green__lifecycle_check(struct green__scheduler *s);

/* deadlock.c: whether nothing can ever wake anybody, when the hub is about to wait
 * without a limit; and the end of that. */
bool green__is_deadlocked(struct green__scheduler *s);
void green__deadlock_end(struct green__scheduler *s);

/* hub_context.c: a fresh context for the hub, on its old stack. */
void green__hub_thread_make(struct green__scheduler *s);

/* overflow.c: the OS thread has begun, or ended, to use greenthreads. */
void green__overflow_thread_begins(void);
void green__overflow_thread_ends(void);

#endif
