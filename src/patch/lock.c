/* Mutexes, of POSIX and C11. */
#include "patch/lock.h"

#include <errno.h>
#include <sys/single_threaded.h>
#include <threads.h>

#include <greenhub/thread.h>

#include "greenthread/call.h"
#include "patch/count.h"
#include "patch/kinds.h"
#include "patch/times.h"
#include "patch/tls.h"

static const struct green__wait_kind waiting_for_mutex = {.name = "mutex"};

/* ---- Time limits ---------------------------------------------------------- */

bool green__limit_begin(struct green__limit *limit)
{
    limit->deadline = GREEN_FOREVER;
    if (!limit->until)
        return true;
    if (limit->until->tv_nsec < 0 || limit->until->tv_nsec >= GREEN_SEC)
        return false;
    limit->deadline = limit->until->tv_sec < 0
                          ? 0
                          : green__deadline_of(limit->clock, limit->until);
    return true;
}

/* ---- Owners whom the kernel knows ------------------------------------------ */

/*
 * The kernel compares the owner of such a mutex with the OS thread, and finds
 * robust ones by a list in the OS thread's control block. So it is the OS
 * thread's, and its greenthreads are not known apart.
 */
static int call_as_os_thread(int (*call)(pthread_mutex_t *mutex),
                             pthread_mutex_t *mutex)
{
    struct green__scheduler *s = green__running();
    void *entered;
    int result;

    if (!s || !s->tid_place)
        return call(mutex);
    entered = green__tls_enter_os();
    *s->tid_place = s->os_tid;
    result = call(mutex);
    *s->tid_place = green__tid_of(s, s->current);
    green__tls_leave_os(entered);
    return result;
}

static int try_to_lock(pthread_mutex_t *mutex)
{
    if (green__mutex_has_tid(mutex))
        return call_as_os_thread(green__real()->pthread_mutex_trylock, mutex);
    return green__real()->pthread_mutex_trylock(mutex);
}

/* ---- Locking by trying ---------------------------------------------------- */

#define FIRST_NAP (20 * GREEN_USEC)
#define LONGEST_NAP GREEN_MSEC

void green__lock_nap(green_time *nap, const struct green__limit *limit)
{
    struct green_shield shield;
    green_time left = limit->until ? limit->deadline - green_now() : *nap;
    bool shielded = green_shield_begin(&shield) == 0;

    *nap = *nap == 0                 ? FIRST_NAP
           : *nap >= LONGEST_NAP / 2 ? LONGEST_NAP
                                     : 2 * *nap;
    if (limit->until && left < *nap)
        green_sleep(left > 0 ? left : 0);
    else
        green_sleep(*nap);
    if (shielded)
        green_shield_end(&shield);
}

int green__lock_by_trying(int (*try_lock)(void *lock), void *lock,
                          const struct green__limit *limit)
{
    int saved = errno, result;
    green_time nap = 0;

    while ((result = try_lock(lock)) == EBUSY) {
        if (green__limit_is_over(limit)) {
            result = ETIMEDOUT;
            break;
        }
        green__lock_nap(&nap, limit);
    }
    errno = saved;
    return result;
}

/* A lock that cannot be had now: EBUSY, or EDEADLK. */
static int check_owner(const pthread_mutex_t *mutex)
{
    return green__mutex_checks_errors(mutex) &&
                   mutex->__data.__owner == green__owner_here()
               ? EDEADLK
               : EBUSY;
}

static int try_odd(void *mutex)
{
    return try_to_lock(mutex);
}

static int lock_odd(pthread_mutex_t *mutex, struct green__limit *limit)
{
    int result = try_to_lock(mutex);

    if (result == EBUSY)
        result = check_owner(mutex);
    if (result != EBUSY)
        return result;
    if (!green__limit_begin(limit))
        return EINVAL;
    return green__lock_by_trying(try_odd, mutex, limit);
}

/* ---- Locking in the lot ---------------------------------------------------- */

static int lock_natively(pthread_mutex_t *mutex,
                         const struct green__limit *limit)
{
    green__count(&green__counted.native_instead);
    if (limit->until)
        return green__real()->pthread_mutex_clocklock(mutex, limit->clock,
                                                      limit->until);
    return green__real()->pthread_mutex_lock(mutex);
}

/* Returns EBUSY after a wait. */
static int wait_and_try(pthread_mutex_t *mutex,
                        const struct green__limit *limit)
{
    struct green__lot_place here;
    int result;

    if (green__lot_enter(&here, mutex, &waiting_for_mutex) < 0)
        return lock_natively(mutex, limit);
    result = green__real()->pthread_mutex_trylock(mutex);
    if (result != EBUSY || green__limit_is_over(limit)) {
        green__lot_leave(&here); /* who has it now wakes the next */
        return result == EBUSY ? ETIMEDOUT : result;
    }
    if (green__lot_park_shielded(&here, limit->deadline) < 0 && errno != EAGAIN)
        return lock_natively(mutex, limit);
    return green__real()->pthread_mutex_trylock(mutex);
}

static GREEN__COLD int lock_slowly(pthread_mutex_t *mutex,
                                   struct green__limit *limit)
{
    int saved = errno, result = check_owner(mutex);

    if (result == EBUSY && !green__limit_begin(limit))
        return EINVAL;
    while (result == EBUSY)
        result = wait_and_try(mutex, limit);
    errno = saved;
    return result;
}

int green__mutex_lock(pthread_mutex_t *mutex, struct green__limit *limit)
{
    int result;

    if (green__mutex_is_odd(mutex))
        return lock_odd(mutex, limit);
    result = green__real()->pthread_mutex_trylock(mutex);
    return green__likely(result != EBUSY) ? result : lock_slowly(mutex, limit);
}

/*
 * A function of its own, so that the hook needs no frame. While there is no
 * other OS thread, libc locks a free mutex without an atomic operation, which
 * its trylock never does: 5 ns less.
 */
static GREEN__NOINLINE int lock_for_ever(pthread_mutex_t *mutex)
{
    int result;

    /* Here, not in unlock: a thread that waited can take it now. */
    green__call_ends(GREEN__COST_CALL);
    if (green__mutex_is_odd(mutex))
        return lock_odd(mutex, GREEN__NO_LIMIT);
    if (__libc_single_threaded && mutex->__data.__lock == 0)
        return green__real()->pthread_mutex_lock(mutex);
    result = green__real()->pthread_mutex_trylock(mutex);
    if (green__likely(result != EBUSY))
        return result;
    return lock_slowly(mutex, GREEN__NO_LIMIT);
}

/* ---- The functions --------------------------------------------------------- */

GREEN__HOOK int pthread_mutex_lock(pthread_mutex_t *mutex)
{
    if (green__lock_is_green())
        return lock_for_ever(mutex);
    return green__real()->pthread_mutex_lock(mutex);
}

GREEN__HOOK int pthread_mutex_trylock(pthread_mutex_t *mutex)
{
    int result;

    if (!green__lock_is_green())
        return green__real()->pthread_mutex_trylock(mutex);
    result = try_to_lock(mutex);
    if (result == EBUSY) /* its owner may be among the others */
        green__call_ends(GREEN__COST_SYSTEM_CALL);
    return result;
}

GREEN__HOOK int pthread_mutex_timedlock(pthread_mutex_t *mutex,
                                        const struct timespec *until)
{
    struct green__limit limit = {.clock = CLOCK_REALTIME, .until = until};

    if (green__lock_is_green())
        return green__mutex_lock(mutex, &limit);
    return green__real()->pthread_mutex_timedlock(mutex, until);
}

GREEN__HOOK int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock,
                                        const struct timespec *until)
{
    struct green__limit limit = {.clock = clock, .until = until};

    if (!green__lock_is_green())
        return green__real()->pthread_mutex_clocklock(mutex, clock, until);
    if (!green__limit_has_clock(clock))
        return EINVAL;
    return green__mutex_lock(mutex, &limit);
}

/* A native one too: a greenthread may wait for it. */
GREEN__HOOK int pthread_mutex_unlock(pthread_mutex_t *mutex)
{
    int result;

    if (green__mutex_has_tid(mutex))
        return call_as_os_thread(green__real()->pthread_mutex_unlock, mutex);
    result = green__real()->pthread_mutex_unlock(mutex);
    if (green__likely(result == 0))
        green__lot_wake(mutex, 1);
    return result;
}

GREEN__HOOK int pthread_mutex_init(pthread_mutex_t *mutex,
                                   const pthread_mutexattr_t *attr)
{
    green__lot_forget(mutex);
    return green__real()->pthread_mutex_init(mutex, attr);
}

GREEN__HOOK int pthread_mutex_destroy(pthread_mutex_t *mutex)
{
    int result = green__real()->pthread_mutex_destroy(mutex);

    if (result == 0)
        green__lot_forget(mutex);
    return result;
}

/* ---- C11 ------------------------------------------------------------------- */

int green__thread_result(int error)
{
    switch (error) {
    case 0:
        return thrd_success;
    case ENOMEM:
        return thrd_nomem;
    case ETIMEDOUT:
        return thrd_timedout;
    case EBUSY:
        return thrd_busy;
    default:
        return thrd_error;
    }
}

/* glibc's mtx_t is a pthread_mutex_t. */
static pthread_mutex_t *mutex_of(mtx_t *mutex)
{
    return (pthread_mutex_t *)mutex;
}

GREEN__HOOK int mtx_init(mtx_t *mutex, int type)
{
    green__lot_forget(mutex);
    return green__real()->mtx_init(mutex, type);
}

GREEN__HOOK void mtx_destroy(mtx_t *mutex)
{
    green__real()->mtx_destroy(mutex);
    green__lot_forget(mutex);
}

GREEN__HOOK int mtx_lock(mtx_t *mutex)
{
    return green__thread_result(pthread_mutex_lock(mutex_of(mutex)));
}

GREEN__HOOK int mtx_trylock(mtx_t *mutex)
{
    return green__thread_result(pthread_mutex_trylock(mutex_of(mutex)));
}

GREEN__HOOK int mtx_timedlock(mtx_t *restrict mutex,
                              const struct timespec *restrict until)
{
    return green__thread_result(
        pthread_mutex_timedlock(mutex_of(mutex), until));
}

GREEN__HOOK int mtx_unlock(mtx_t *mutex)
{
    return green__thread_result(pthread_mutex_unlock(mutex_of(mutex)));
}
