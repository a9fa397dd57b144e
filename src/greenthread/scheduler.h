/* Runs greenthreads: the run queue, the budget, the switch, park and wake. */
#ifndef GREEN_SCHEDULER_H
#define GREEN_SCHEDULER_H

#include "base/chaos.h"
#include "context/thread_pointer.h"
#include "greenthread/gauge.h"
#include "greenthread/park.h"
#include "greenthread/thread.h"
#include "greenthread/trace.h"

/* Returns this OS thread's scheduler, made on first use; NULL with errno as
 * green_get_hub. */
GREEN__PRIVATE struct green__scheduler *green__scheduler(void);

/* Returns the calling greenthread; NULL with errno in a hub's callback, or when
 * there can be no hub. */
GREEN__PRIVATE struct green_thread *green__current(void);

/* ---- The hub's context ------------------------------------------------ */

/* Replaces the current greenthread in the ring by the hub's context. */
struct green_thread *green__replace_by_hub(struct green__scheduler *s);

/* The first budget, in switches; scheduler.c adapts it. */
#define GREEN__FIRST_BUDGET 64

/* Grants a new budget, from `now` on. */
static inline void green__budget_grant(struct green__scheduler *s,
                                       green_time now)
{
    s->limit = s->switches + s->budget;
    s->switches_then = s->switches;
    s->granted = now;
}

/* Adapts a used-up budget and grants a new one. Returns true if the hub should
 * run. */
bool green__budget_spent(struct green__scheduler *s);

/* ---- Leaving the ring ------------------------------------------------ */

/* Takes the current greenthread out of the ring. Returns the one to run
 * next. */
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
 * Prefetches the stack of the greenthread that runs after the next, so that it
 * is in the cache by then. With thousands of connections each stack has long
 * left the near caches: an echo at 5,000 took 9.25 us of CPU time without this,
 * 8.62 with it (8.15 in a hand-written event loop). One step ahead would be too
 * late, and a whole batch too early: the kernel's work for each evicts it
 * again.
 */
static inline void green__prefetch_ahead(const struct green_thread *current)
{
    const struct green_thread *second = current->next->next;
    /* As a number, since it is NULL if there is no stack yet. */
    const uintptr_t sp = (uintptr_t)second->context.sp;

    for (unsigned line = 0; line < 8; line++)
        __builtin_prefetch((const void *)(sp + 64 * (uintptr_t)line));
    __builtin_prefetch(second->next);
}

/* ---- Identity: see identity.h ----------------------------------------- */

/*
 * Unique among living greenthreads: their structs are at least 128 bytes apart,
 * in memory of one allocator, whose mappings are less than 64 GiB apart.
 */
static inline int green__tid_of(const struct green__scheduler *s,
                                const struct green_thread *thread)
{
    if (thread == &s->main || thread == &s->hub_thread)
        return s->os_tid;
    /* It has an id in its own block; other OS threads read the OS thread's. */
    if (thread->identity && thread->identity->thread_pointer)
        return s->os_tid;
    return GREEN__TID_FIRST | (int)((uintptr_t)thread >> 7 & 0x1fffffff);
}

/* Changes to the thread pointer of a greenthread. */
static inline void green__thread_pointer_follow(struct green__scheduler *s,
                                                const struct green_thread *to)
{
    void *pointer = to->identity ? to->identity->thread_pointer : NULL;

    if (!pointer)
        pointer = s->os_thread_pointer;
    if (pointer == s->thread_pointer)
        return;
    s->thread_pointer = pointer;
    green__thread_pointer_change(pointer);
}

/* The C library takes the OS thread for this greenthread from now on. */
static inline void green__identity_follow(struct green__scheduler *s,
                                          const struct green_thread *to)
{
    if (s->carries & GREEN__CARRIES_IDENTITIES)
        green__thread_pointer_follow(s, to);
    if (s->carries & GREEN__CARRIES_TIDS)
        *s->tid_place = green__tid_of(s, to);
}

/* Looks for C++ runtimes. */
static inline void green__scheduler_look(struct green__scheduler *s)
{
    green__runtimes_look(&s->runtimes);
    if (s->runtimes.count)
        s->carries |= GREEN__CARRIES_EXCEPTIONS;
}

/* ---- Switch, park, wake ---------------------------------------------- */

/* The only function that switches between stacks. Returns 0. */
int green__switch_to(struct green__scheduler *s, struct green_thread *to);

/* What a switch from s->current has to do if anything is carried. */
static inline void green__switch_carries(struct green__scheduler *s,
                                         const struct green_thread *to)
{
    green__identity_follow(s, to);
    if (green__traced(s))
        green__trace_switch(s, s->current, to);
    if (green__unlikely(s->carries & GREEN__CARRIES_GAUGE))
        green__gauge_switch(s, to);
}

/* The last switch of a finished greenthread. Its context must end with the
 * result at once. */
GREEN__NO_SANITIZE static inline struct green__next_context
green__switch_last(struct green__scheduler *s, struct green_thread *from)
{
    struct green_thread *to = green__leave_ring(s, from);

    *s->errno_place = to->saved_errno;
    if (green__unlikely(s->carries))
        green__switch_carries(s, to);
    s->current = to;
    GREEN__PROBE2(switch, from, to);
    green__sanitizer_before_switch(&from->context, &to->context, true);
    return (struct green__next_context){.load = to->context.sp, .arg = to};
}

/* Rare cases of a park: killed or timed out before it or during it. Return 0,
 * or -1 with errno. */
int green__park_refused(struct green_thread *thread);
int green__park_interrupted(struct green_thread *thread);

/* green__park for a waiter of this scheduler's current greenthread. Inlined
 * where every instruction counts. */
static inline int green__park_on(struct green__scheduler *s,
                                 struct green__waiter *waiter)
{
    struct green_thread *thread = waiter->thread;

    if (green__unlikely(thread->alarms) && green__park_refused(thread) < 0)
        return -1;
    waiter->since = s->hub->iteration_time;
    thread->waiter = waiter;
    thread->state = GREEN__PARKED;
    GREEN__PROBE2(park, thread, waiter->kind);
    green__switch_to(s, green__leave_ring(s, thread));
    thread->waiter = NULL;
    if (green__unlikely(thread->interrupt))
        return green__park_interrupted(thread);
    return 0;
}

/* It waits no longer. */
static inline void green__run_again(struct green__scheduler *s,
                                    struct green_thread *thread)
{
    GREEN__PROBE2(wake, thread, s->current);
    green__make_runnable(s, thread);
    if (green__traced(s))
        green__trace_wake(thread); /* last: callers save no registers for it */
}

/* green__wake, given the waiting greenthread. */
static inline void green__wake_thread(struct green__scheduler *s,
                                      struct green_thread *thread)
{
    if (green__likely(thread->state == GREEN__PARKED)) {
        green__run_again(s, thread);
    } else if (thread->interrupt) { /* interrupted, but has not run yet */
        thread->interrupt = 0;
        if (thread->alarms) /* not only a deadline */
            thread->flags |= GREEN__ALARMED;
    }
}

/* Moves the current greenthread to the end of the run queue and switches. As
 * green__park: 0, or -1 with errno. */
int green__yield(void);

/* The same, even if killed. Returns 0. */
int green__rotate(struct green__scheduler *s);

/* Called when the budget is used up: runs the hub if it is time, or else the
 * others. Returns 0. */
GREEN__PRIVATE int green__make_way(struct green__scheduler *s);

/* green__wake for a waiter of this scheduler's greenthreads. */
static inline void green__wake_on(struct green__scheduler *s,
                                  struct green__waiter *waiter)
{
    green__wake_thread(s, waiter->thread);
}

/* Ends the greenthread's park with an error, if it is parked. */
GREEN__PRIVATE void green__interrupt(struct green_thread *thread, int error);

/* ---- Parts ----------------------------------------------------------- */

/* dump.c: describes a code address, by its function's name if known. */
void green__describe_place(void *address, char *text, size_t size);

/* dump.c: the greenthread's state in words. */
const char *green__state_name(const struct green__scheduler *s,
                              const struct green_thread *thread);

/* hub_context.c: ends the OS thread when nothing is left to run. */
void green__lifecycle_check(struct green__scheduler *s);

/* deadlock.c: whether nothing can wake any greenthread, checked when the hub is
 * about to wait without a limit; and ending the deadlock. */
bool green__is_deadlocked(struct green__scheduler *s);
void green__deadlock_end(struct green__scheduler *s);

/* hub_context.c: makes a new context for the hub, on its old stack. */
void green__hub_thread_make(struct green__scheduler *s);

/* overflow.c: the OS thread starts, or stops, using greenthreads. */
void green__overflow_thread_begins(void);
void green__overflow_thread_ends(void);

#endif
