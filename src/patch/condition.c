/*
 * Condition variables, of POSIX and C11.
 *
 * libc's wait releases the mutex inside libc, and nobody would wake the
 * greenthreads that wait for it. So with locks patched OS threads too wait in
 * the lot, in one line with the greenthreads, and a signal wakes the first of
 * them. Waits in libc are those that began before, and those that other
 * processes may wake.
 */
#include <errno.h>

#include "patch/count.h"
#include "patch/kinds.h"
#include "patch/lock.h"
#include "patch/lot_native.h"
#include "patch/thread.h"

static const struct green__wait_kind waiting_for_condition = {
    .name = "condition variable"};

/* A thread has been woken, and cannot use the wake-up. */
static void pass_signal_on(pthread_cond_t *condition)
{
    pthread_cond_signal(condition);
}

/* ---- An OS thread ---------------------------------------------------------- */

struct native_wait {
    struct green__lot_native here;
    pthread_cond_t *condition;
    pthread_mutex_t *mutex;
};

/* The OS thread was cancelled: as in libc, it has the mutex in its clean-up,
 * and a signal is not lost. */
static void cancelled(void *arg)
{
    struct native_wait *wait = arg;

    if (green__lot_leave_native(&wait->here))
        pass_signal_on(wait->condition);
    pthread_mutex_lock(wait->mutex);
}

static int wait_natively(pthread_cond_t *condition, pthread_mutex_t *mutex,
                         const struct green__limit *limit)
{
    struct native_wait wait = {.condition = condition, .mutex = mutex};
    int result, error;

    green__lot_enter_native(&wait.here, condition);
    error = pthread_mutex_unlock(mutex);
    if (error) {
        if (green__lot_leave_native(&wait.here))
            pass_signal_on(condition);
        return error;
    }
    pthread_cleanup_push(cancelled, &wait);
    result = green__lot_wait_native(&wait.here, limit->clock, limit->until);
    pthread_cleanup_pop(0);
    error = pthread_mutex_lock(mutex);
    return error ? error : result;
}

/* ---- A greenthread --------------------------------------------------------- */

/* A cancellation ends the wait of a thread that is a greenthread; no kill or
 * timeout ends that of another one. */
static int park(struct green__lot_place *here, green_time deadline)
{
    if (green__pthread_here())
        return green__lot_park(here, deadline);
    return green__lot_park_shielded(here, deadline);
}

static int wait_in_lot(pthread_cond_t *condition, pthread_mutex_t *mutex,
                       const struct green__limit *limit)
{
    struct green__lot_place here;
    int result, error;

    if (green__lot_enter(&here, condition, &waiting_for_condition) < 0) {
        green__count(&green__counted.native_instead);
        return wait_natively(condition, mutex, limit);
    }
    error = pthread_mutex_unlock(mutex);
    if (error) {
        if (green__lot_leave(&here))
            pass_signal_on(condition);
        return error;
    }
    result = park(&here, limit->deadline);
    if (result < 0)
        result = errno == EAGAIN      ? ETIMEDOUT
                 : errno == ECANCELED ? ECANCELED
                                      : 0;
    error = green__mutex_lock(mutex, GREEN__NO_LIMIT);
    return error ? error : result;
}

/* Another process may signal, which cannot be seen: this comes back in a while,
 * as waits for conditions may. */
static int wait_in_vain(pthread_mutex_t *mutex,
                        const struct green__limit *limit)
{
    green_time nap = GREEN_MSEC / 2;
    int error = pthread_mutex_unlock(mutex);

    if (error)
        return error;
    green__lock_nap(&nap, limit);
    error = green__mutex_lock(mutex, GREEN__NO_LIMIT);
    if (error)
        return error;
    return green__limit_is_over(limit) ? ETIMEDOUT : 0;
}

/* The mutex is locked again, as clean-up handlers expect. If the thread is not
 * cancelled after all, its wake-up was a spurious one. */
static int cancelled_wait(int result)
{
    if (result != ECANCELED)
        return result;
    green__cancellation_point();
    return 0;
}

static int wait_greenly(pthread_cond_t *condition, pthread_mutex_t *mutex,
                        struct green__limit *limit)
{
    int saved = errno, result;

    if (!green__limit_begin(limit))
        return EINVAL;
    green__point_begins(green__running()->current);
    result = green__condition_is_shared(condition)
                 ? wait_in_vain(mutex, limit)
                 : wait_in_lot(condition, mutex, limit);
    errno = saved;
    return cancelled_wait(result);
}

/* Whether a native wait is in the lot. */
static bool uses_lot(const pthread_cond_t *condition)
{
    return (__atomic_load_n(&green__patched, __ATOMIC_RELAXED) &
            GREEN_PATCH_LOCKS) &&
           !green__condition_is_shared(condition);
}

/* ---- The functions --------------------------------------------------------- */

GREEN__HOOK int pthread_cond_wait(pthread_cond_t *condition,
                                  pthread_mutex_t *mutex)
{
    if (green__lock_is_green())
        return wait_greenly(condition, mutex, GREEN__NO_LIMIT);
    if (uses_lot(condition))
        return wait_natively(condition, mutex, GREEN__NO_LIMIT);
    return green__real()->pthread_cond_wait(condition, mutex);
}

static int wait_until(pthread_cond_t *condition, pthread_mutex_t *mutex,
                      struct green__limit *limit)
{
    if (green__lock_is_green())
        return wait_greenly(condition, mutex, limit);
    if (!green__limit_begin(limit))
        return EINVAL;
    return wait_natively(condition, mutex, limit);
}

GREEN__HOOK int pthread_cond_timedwait(pthread_cond_t *condition,
                                       pthread_mutex_t *mutex,
                                       const struct timespec *until)
{
    struct green__limit limit = {.clock = green__condition_clock(condition),
                                 .until = until};

    if (!green__lock_is_green() && !uses_lot(condition))
        return green__real()->pthread_cond_timedwait(condition, mutex, until);
    return wait_until(condition, mutex, &limit);
}

GREEN__HOOK int pthread_cond_clockwait(pthread_cond_t *condition,
                                       pthread_mutex_t *mutex, clockid_t clock,
                                       const struct timespec *until)
{
    struct green__limit limit = {.clock = clock, .until = until};

    if (!green__lock_is_green() && !uses_lot(condition))
        return green__real()->pthread_cond_clockwait(condition, mutex, clock,
                                                     until);
    if (!green__limit_has_clock(clock))
        return EINVAL;
    return wait_until(condition, mutex, &limit);
}

GREEN__HOOK int pthread_cond_signal(pthread_cond_t *condition)
{
    if (green__lot_wake(condition, 1))
        return 0;
    return green__real()->pthread_cond_signal(condition);
}

GREEN__HOOK int pthread_cond_broadcast(pthread_cond_t *condition)
{
    green__lot_wake(condition, GREEN__LOT_ALL);
    return green__real()->pthread_cond_broadcast(condition);
}

GREEN__HOOK int pthread_cond_init(pthread_cond_t *condition,
                                  const pthread_condattr_t *attr)
{
    green__lot_forget(condition);
    return green__real()->pthread_cond_init(condition, attr);
}

GREEN__HOOK int pthread_cond_destroy(pthread_cond_t *condition)
{
    green__lot_forget(condition);
    return green__real()->pthread_cond_destroy(condition);
}

/* ---- C11 ------------------------------------------------------------------- */

/* glibc's cnd_t and mtx_t are pthread's. */
static pthread_cond_t *condition_of(cnd_t *condition)
{
    return (pthread_cond_t *)condition;
}

GREEN__HOOK int cnd_init(cnd_t *condition)
{
    return green__thread_result(
        pthread_cond_init(condition_of(condition), NULL));
}

GREEN__HOOK void cnd_destroy(cnd_t *condition)
{
    pthread_cond_destroy(condition_of(condition));
}

GREEN__HOOK int cnd_wait(cnd_t *condition, mtx_t *mutex)
{
    return green__thread_result(
        pthread_cond_wait(condition_of(condition), (pthread_mutex_t *)mutex));
}

GREEN__HOOK int cnd_timedwait(cnd_t *restrict condition, mtx_t *restrict mutex,
                              const struct timespec *restrict until)
{
    return green__thread_result(pthread_cond_timedwait(
        condition_of(condition), (pthread_mutex_t *)mutex, until));
}

GREEN__HOOK int cnd_signal(cnd_t *condition)
{
    return green__thread_result(pthread_cond_signal(condition_of(condition)));
}

GREEN__HOOK int cnd_broadcast(cnd_t *condition)
{
    return green__thread_result(
        pthread_cond_broadcast(condition_of(condition)));
}
