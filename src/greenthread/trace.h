/*
 * What happens to greenthreads, for a trace (base/trace.h). While none is on, a
 * switch knows nothing of it: GREEN__CARRIES_TRACE is not set. Everything else
 * tests that bit or green__trace_on.
 */
#ifndef GREEN_GREENTHREAD_TRACE_H
#define GREEN_GREENTHREAD_TRACE_H

#include "base/probe.h"
#include "base/trace.h"
#include "greenthread/thread.h"

static inline bool green__traced(const struct green__scheduler *s)
{
    return green__unlikely(s->carries & GREEN__CARRIES_TRACE);
}

/* Has the switches of this OS thread traced from now on, or no longer. */
GREEN__COLD void green__trace_follow_change(struct green__scheduler *s);

/* Called in each iteration, since other OS threads turn a trace on and off. */
static inline void green__trace_follow(struct green__scheduler *s)
{
    if (green__unlikely(__atomic_load_n(&green__trace_on, __ATOMIC_RELAXED) !=
                        (bool)(s->carries & GREEN__CARRIES_TRACE)))
        green__trace_follow_change(s);
}

/* The OS thread is about to switch from `from` to `to`. */
void green__trace_switch(const struct green__scheduler *s,
                         const struct green_thread *from,
                         const struct green_thread *to);

/* The greenthread was made, or made runnable. */
GREEN__COLD void green__trace_spawn(const struct green_thread *thread);
GREEN__PRIVATE GREEN__COLD void
green__trace_wake(const struct green_thread *thread);

/*
 * green_trace_start and green_trace_stop for a caller that has a descriptor: begins
 * a trace without a file, which green__trace_stop_to writes to fd, or throws away if
 * fd is negative. Returns 0, or an errno: EBUSY; ENOENT, ENOMEM and the errors of
 * write. green_trace_stop does not end it.
 */
int green__trace_start(size_t events);
int green__trace_stop_to(int fd);

/* Begins a trace if the environment asks for one. */
void green__trace_begin_by_environment(void);

#endif
