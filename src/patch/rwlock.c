/* Read-write locks. */
#include <errno.h>

#include "greenthread/call.h"
#include "patch/count.h"
#include "patch/lock.h"

static const struct green__wait_kind waiting_to_read = {.name =
                                                            "rwlock (read)"},
                                     waiting_to_write = {.name =
                                                             "rwlock (write)"};

/* One side of the lock. */
struct side {
    int (*try_lock)(pthread_rwlock_t *lock);
    int (*lock)(pthread_rwlock_t *lock);
    int (*lock_until)(pthread_rwlock_t *lock, clockid_t clock,
                      const struct timespec *until);
    const struct green__wait_kind *kind;
};

static struct side reading(void)
{
    const struct green__real *real = green__real();

    return (struct side){pthread_rwlock_tryrdlock, real->pthread_rwlock_rdlock,
                         real->pthread_rwlock_clockrdlock, &waiting_to_read};
}

static struct side writing(void)
{
    const struct green__real *real = green__real();

    return (struct side){real->pthread_rwlock_trywrlock,
                         real->pthread_rwlock_wrlock,
                         real->pthread_rwlock_clockwrlock, &waiting_to_write};
}

static int lock_natively(pthread_rwlock_t *lock, const struct side *side,
                         const struct green__limit *limit)
{
    green__count(&green__counted.native_instead);
    return limit->until ? side->lock_until(lock, limit->clock, limit->until)
                        : side->lock(lock);
}

/* Returns EBUSY after a wait. */
static int wait_and_try(pthread_rwlock_t *lock, const struct side *side,
                        const struct green__limit *limit)
{
    struct green__lot_place here;
    int result;

    if (green__lot_enter(&here, lock, side->kind) < 0)
        return lock_natively(lock, side, limit);
    result = side->try_lock(lock);
    if (result != EBUSY || green__limit_is_over(limit)) {
        green__lot_leave(&here); /* an unlock wakes all */
        return result == EBUSY ? ETIMEDOUT : result;
    }
    if (green__lot_park_shielded(&here, limit->deadline) < 0 && errno != EAGAIN)
        return lock_natively(lock, side, limit);
    return side->try_lock(lock);
}

static int wait_for_rwlock(pthread_rwlock_t *lock, const struct side *side,
                           struct green__limit *limit)
{
    int result = EBUSY;
    green_time nap = 0;

    green__limit_begin(limit);
    while (result == EBUSY) {
        if (!lock->__data.__shared) {
            result = wait_and_try(lock, side, limit);
            continue;
        }
        if (green__limit_is_over(limit))
            return ETIMEDOUT;
        green__lock_nap(&nap, limit);
        result = side->try_lock(lock);
    }
    return result;
}

static int lock_greenly(pthread_rwlock_t *lock, const struct side *side,
                        struct green__limit *limit)
{
    int saved = errno, result;

    green__call_ends(GREEN__COST_CALL);
    result = side->try_lock(lock);
    if (green__likely(result != EBUSY))
        return result;
    if (lock->__data.__cur_writer == green__owner_here())
        return EDEADLK;
    result = wait_for_rwlock(lock, side, limit);
    errno = saved;
    return result;
}

/* Unlike mutexes, libc checks the time even if the lock is free. */
static int lock_until(pthread_rwlock_t *lock, const struct side *side,
                      clockid_t clock, const struct timespec *until)
{
    struct green__limit limit = {.clock = clock, .until = until};

    if (!green__lock_is_green())
        return side->lock_until(lock, clock, until);
    if (!green__limit_has_clock(clock) || !green__limit_begin(&limit))
        return EINVAL;
    return lock_greenly(lock, side, &limit);
}

/* ---- The functions --------------------------------------------------------- */

GREEN__HOOK int pthread_rwlock_rdlock(pthread_rwlock_t *lock)
{
    struct side side;

    if (!green__lock_is_green())
        return green__real()->pthread_rwlock_rdlock(lock);
    side = reading();
    return lock_greenly(lock, &side, GREEN__NO_LIMIT);
}

GREEN__HOOK int pthread_rwlock_wrlock(pthread_rwlock_t *lock)
{
    struct side side;

    if (!green__lock_is_green())
        return green__real()->pthread_rwlock_wrlock(lock);
    side = writing();
    return lock_greenly(lock, &side, GREEN__NO_LIMIT);
}

GREEN__HOOK int pthread_rwlock_clockrdlock(pthread_rwlock_t *lock,
                                           clockid_t clock,
                                           const struct timespec *until)
{
    struct side side = reading();

    return lock_until(lock, &side, clock, until);
}

GREEN__HOOK int pthread_rwlock_clockwrlock(pthread_rwlock_t *lock,
                                           clockid_t clock,
                                           const struct timespec *until)
{
    struct side side = writing();

    return lock_until(lock, &side, clock, until);
}

GREEN__HOOK int pthread_rwlock_timedrdlock(pthread_rwlock_t *lock,
                                           const struct timespec *until)
{
    return pthread_rwlock_clockrdlock(lock, CLOCK_REALTIME, until);
}

GREEN__HOOK int pthread_rwlock_timedwrlock(pthread_rwlock_t *lock,
                                           const struct timespec *until)
{
    return pthread_rwlock_clockwrlock(lock, CLOCK_REALTIME, until);
}

/* It has to know the caller as the owner. */
GREEN__HOOK int pthread_rwlock_trywrlock(pthread_rwlock_t *lock)
{
    (void)green__lock_is_green();
    return green__real()->pthread_rwlock_trywrlock(lock);
}

/* Which of those that wait can have it, libc decides: all try. */
GREEN__HOOK int pthread_rwlock_unlock(pthread_rwlock_t *lock)
{
    int result = green__real()->pthread_rwlock_unlock(lock);

    if (green__likely(result == 0))
        green__lot_wake(lock, GREEN__LOT_ALL);
    return result;
}

GREEN__HOOK int pthread_rwlock_init(pthread_rwlock_t *lock,
                                    const pthread_rwlockattr_t *attr)
{
    green__lot_forget(lock);
    return green__real()->pthread_rwlock_init(lock, attr);
}

GREEN__HOOK int pthread_rwlock_destroy(pthread_rwlock_t *lock)
{
    green__lot_forget(lock);
    return green__real()->pthread_rwlock_destroy(lock);
}
