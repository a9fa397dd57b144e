/*
 * Cancellation of threads that are greenthreads. libc keeps a thread's state in
 * its control block, which greenthreads may share; so it is kept here.
 * Asynchronous cancellation waits for the next cancellation point: there is no
 * other thread that could interrupt the computation.
 */
#ifndef GREEN_PATCH_CANCEL_H
#define GREEN_PATCH_CANCEL_H

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <unwind.h>

#include "base/attributes.h"
#include "patch/rule.h"

struct green__pthread;

struct green__cancellation {
    atomic_bool requested; /* by pthread_cancel, of any OS thread */
    bool disabled;         /* PTHREAD_CANCEL_DISABLE */
    bool asynchronous; /* PTHREAD_CANCEL_ASYNCHRONOUS, as far as it is kept */
    bool exiting;      /* unwinding: no more cancellation */
    void *innermost;   /* __pthread_unwind_buf_t of pthread_cleanup_push */
    void *floor;       /* the frame to which pthread_exit unwinds */
    struct _Unwind_Exception exception;
};

/* Ends the thread as pthread_exit does: unwinds its stack, calling clean-up
 * handlers and C++ destructors. */
void green__pthread_unwind(struct green__pthread *it, void *result)
    __attribute__((noreturn));

/* On the carrier of a thread that has been cancelled: ends its wait. */
void green__cancel_here(struct green__pthread *it);

/* Ends the calling thread if it has been cancelled and allows it. */
void green__cancellation_point(void);

/* Before a hook that is a cancellation point waits; `thread` calls it. */
static inline void green__point_begins(const struct green_thread *thread)
{
    if (green__unlikely(thread->identity != NULL))
        green__cancellation_point();
}

/* green__is_green for a hook that is a cancellation point. */
static inline bool green__is_green_point(unsigned group)
{
    const struct green_thread *thread = green__patch_thread(group);

    if (thread)
        green__point_begins(thread);
    return thread != NULL;
}

/* After it: a wait that was cancelled has failed with ECANCELED. */
static inline long green__point_ends(long result)
{
    if (green__unlikely(result < 0 && errno == ECANCELED))
        green__cancellation_point();
    return result;
}

#endif
