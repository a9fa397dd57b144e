/* pthread_create and its kin, and C11's threads. */
#include <stdlib.h>
#include <string.h>
#include <threads.h>

#include <greenhub/thread.h>

#include "patch/thread.h"
#include "patch/times.h"

/* ---- Start and end ----------------------------------------------------------- */

GREEN__HOOK int pthread_create(pthread_t *handle, const pthread_attr_t *attr,
                               void *(*fn)(void *), void *arg)
{
    struct green__pthread *it;

    if (!green__is_green(GREEN_PATCH_THREADS))
        return green__real()->pthread_create(handle, attr, fn, arg);
    it = green__pthread_make(attr, fn, arg);
    return it ? green__pthread_start(it, handle) : EAGAIN;
}

/* Main waits for the others, as the process natively does. */
GREEN__HOOK void pthread_exit(void *result)
{
    struct green__pthread *it = green__pthread_here();

    if (it)
        green__pthread_unwind(it, result);
    if (green__is_green(GREEN_PATCH_THREADS)) {
        green__pthreads_await();
        green__carriers_end();
    }
    green__real()->pthread_exit(result);
    abort(); /* not reached */
}

/*
 * Whether a thread to be joined is a greenthread, which is then held; or was one,
 * and is NULL: stunnel joins threads that have just detached themselves and
 * ended, for which libc would wait in memory that is no longer a thread's.
 *
 * A cancellation point before it is held, because nothing lets go of it when the
 * stack unwinds.
 */
static bool is_ours(pthread_t handle, struct green__pthread **it)
{
    green__cancellation_point();
    *it = green__pthread_of(handle);
    return *it || green__pthread_has_ended(handle);
}

/*
 * An OS thread, such as libcurl's that looks a name up: nothing tells when it
 * ends. An OS thread of ours that joins it could be one that it waits for, so
 * the greenthread asks again and again. No kill ends it: the caller would
 * then free what the other still uses.
 */
static int await_os_thread(pthread_t handle, void **result)
{
    green_time pause = GREEN_MSEC / 8;
    struct green_shield shield;
    int error, saved = errno;

    if (green_shield_begin(&shield) < 0)
        return green__real()->pthread_join(handle, result);
    while ((error = green__real()->pthread_tryjoin_np(handle, result)) ==
           EBUSY) {
        (void)green_sleep(pause);
        if (pause < 16 * GREEN_MSEC)
            pause *= 2;
    }
    green_shield_end(&shield);
    errno = saved;
    return error;
}

GREEN__HOOK int pthread_join(pthread_t handle, void **result)
{
    struct green__pthread *it;

    if (is_ours(handle, &it))
        return green__pthread_join(it, result, GREEN_FOREVER);
    if (green__is_green(GREEN_PATCH_LOCKS) &&
        !pthread_equal(handle, green__real()->pthread_self()))
        return await_os_thread(handle, result);
    return green__real()->pthread_join(handle, result);
}

GREEN__HOOK int pthread_tryjoin_np(pthread_t handle, void **result)
{
    struct green__pthread *it;
    int error;

    if (!is_ours(handle, &it))
        return green__real()->pthread_tryjoin_np(handle, result);
    error = green__pthread_join(it, result, 0);
    return error == ETIMEDOUT ? EBUSY : error;
}

static bool is_time_limit(clockid_t clock, const struct timespec *until)
{
    return (clock == CLOCK_REALTIME || clock == CLOCK_MONOTONIC) &&
           (!until || green__timespec_is_valid(until));
}

/* Lets go of `it`, as green__pthread_join does. */
static int join_until(struct green__pthread *it, void **result, clockid_t clock,
                      const struct timespec *until)
{
    if (!is_time_limit(clock, until)) {
        if (it)
            green__pthread_release(it);
        return EINVAL;
    }
    return green__pthread_join(
        it, result, until ? green__deadline_of(clock, until) : GREEN_FOREVER);
}

GREEN__HOOK int pthread_clockjoin_np(pthread_t handle, void **result,
                                     clockid_t clock,
                                     const struct timespec *until)
{
    struct green__pthread *it;

    if (is_ours(handle, &it))
        return join_until(it, result, clock, until);
    return green__real()->pthread_clockjoin_np(handle, result, clock, until);
}

GREEN__HOOK int pthread_timedjoin_np(pthread_t handle, void **result,
                                     const struct timespec *until)
{
    struct green__pthread *it;

    if (is_ours(handle, &it))
        return join_until(it, result, CLOCK_REALTIME, until);
    return green__real()->pthread_timedjoin_np(handle, result, until);
}

GREEN__HOOK int pthread_detach(pthread_t handle)
{
    struct green__pthread *it = green__pthread_of(handle);
    int state = GREEN__JOINABLE;
    bool detached;

    if (!it)
        return green__pthread_has_ended(handle)
                   ? ESRCH
                   : green__real()->pthread_detach(handle);
    detached = atomic_compare_exchange_strong(&it->state, &state,
                                              GREEN__DETACHED_THREAD);
    if (detached)
        green__pthread_release(it); /* the joiner's hold */
    green__pthread_release(it);
    return detached ? 0 : EINVAL;
}

GREEN__HOOK pthread_t pthread_self(void)
{
    struct green__pthread *it = green__pthread_here();

    return it ? it->handle : green__real()->pthread_self();
}

/* ---- C11 ---------------------------------------------------------------------- */

/* The function's int comes back through pthread_join, as libc does it. */
struct c11_start {
    thrd_start_t fn;
    void *arg;
};

static void *run_c11(void *arg)
{
    struct c11_start start = *(struct c11_start *)arg;

    free(arg);
    return (void *)(intptr_t)start.fn(start.arg);
}

GREEN__HOOK int thrd_create(thrd_t *handle, thrd_start_t fn, void *arg)
{
    struct c11_start *start;
    struct green__pthread *it;

    if (!green__is_green(GREEN_PATCH_THREADS))
        return green__real()->thrd_create(handle, fn, arg);
    start = malloc(sizeof *start);
    if (!start)
        return thrd_nomem;
    *start = (struct c11_start){fn, arg};
    it = green__pthread_make(NULL, run_c11, start);
    if (it && green__pthread_start(it, handle) == 0)
        return thrd_success;
    free(start);
    return thrd_nomem;
}

GREEN__HOOK int thrd_join(thrd_t handle, int *result)
{
    struct green__pthread *it;
    void *value;
    int error;

    if (!is_ours(handle, &it))
        return green__real()->thrd_join(handle, result);
    error = green__pthread_join(it, &value, GREEN_FOREVER);
    if (error == 0 && result)
        *result = (int)(intptr_t)value;
    return error == 0 ? thrd_success : thrd_error;
}

GREEN__HOOK int thrd_detach(thrd_t handle)
{
    return pthread_detach(handle) == 0 ? thrd_success : thrd_error;
}

GREEN__HOOK thrd_t thrd_current(void)
{
    return pthread_self();
}

GREEN__HOOK void thrd_exit(int result)
{
    pthread_exit((void *)(intptr_t)result);
}

GREEN__HOOK int thrd_sleep(const struct timespec *time, struct timespec *left)
{
    if (!green__is_green(GREEN_PATCH_TIME))
        return green__real()->thrd_sleep(time, left);
    if (nanosleep(time, left) == 0)
        return 0;
    return errno == EINTR ? -1 : -2;
}

GREEN__HOOK void thrd_yield(void)
{
    (void)sched_yield();
}
