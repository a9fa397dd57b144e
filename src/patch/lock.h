/*
 * What the hooks of mutexes, conditions, rwlocks and semaphores share.
 *
 * POSIX has no error for a wait for a lock that is given up. So kills and
 * timeouts do not end the waits for mutexes, conditions, rwlocks, barriers and
 * pthread_once: they take effect at the greenthread's next other call. They do
 * end those for semaphores and futexes.
 */
#ifndef GREEN_PATCH_LOCK_H
#define GREEN_PATCH_LOCK_H

#include "patch/lot.h"
#include "patch/rule.h"

/* Learns what has to be known of libc's locks. 0, or -1 with errno, and words
 * for ENOTSUP. */
int green__locks_prepare(void);

/* From here on libc knows the greenthreads of this OS thread apart as owners of
 * its locks. */
void green__owners_begin(struct green__scheduler *s);

/* The id by which libc knows the caller as an owner. */
int green__owner_here(void);

/* Whether the calling greenthread's call is green. */
static inline bool green__lock_is_green(void)
{
    struct green__scheduler *s;

    if (!(__atomic_load_n(&green__patched, __ATOMIC_RELAXED) &
          GREEN_PATCH_LOCKS))
        return false;
    s = green__running();
    if (!s || (s->current->flags & GREEN__NATIVE))
        return false;
    if (green__unlikely(!s->tid_place))
        green__owners_begin(s);
    return true;
}

/* ---- Time limits ---------------------------------------------------------- */

struct green__limit {
    clockid_t clock;
    const struct timespec *until; /* NULL: none */
    green_time deadline;          /* on the hub's clock */
};

#define GREEN__NO_LIMIT                                                        \
    (&(struct green__limit){.until = NULL, .deadline = GREEN_FOREVER})

static inline bool green__limit_has_clock(clockid_t clock)
{
    return clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC;
}

/* Sets the deadline. As in libc only nanoseconds can be invalid. */
bool green__limit_begin(struct green__limit *limit);

static inline bool green__limit_is_over(const struct green__limit *limit)
{
    return limit->until && green_now() >= limit->deadline;
}

/* ---- Locks that do not wait in the lot ------------------------------------ */

/*
 * Tries until it is no longer busy, and sleeps in between. try_lock returns
 * EBUSY if it is. Returns ETIMEDOUT at the limit. No kill or timeout ends it.
 */
int green__lock_by_trying(int (*try_lock)(void *lock), void *lock,
                          const struct green__limit *limit);

/* One sleep of such a wait; *nap is 0 at first. */
void green__lock_nap(green_time *nap, const struct green__limit *limit);

/* ---- Mutexes -------------------------------------------------------------- */

/* The calling greenthread locks it: errors as pthread_mutex_lock. */
int green__mutex_lock(pthread_mutex_t *mutex, struct green__limit *limit);

/* Of C11: from an error of pthread's. */
int green__thread_result(int error);

#endif
