/*
 * What the tests of the thread pool share: blocking calls that end when the
 * test releases them, never after a time.
 */
#ifndef TESTS_THREAD_POOL_H
#define TESTS_THREAD_POOL_H

#include <pthread.h>
#include <stdatomic.h>

#include "support.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t released = PTHREAD_COND_INITIALIZER;
static bool may_end;
static _Atomic int begun, ended, left_count;

static inline void set_released(bool what)
{
    pthread_mutex_lock(&lock);
    may_end = what;
    pthread_cond_broadcast(&released);
    pthread_mutex_unlock(&lock);
}

static inline long wait_for_release(void *arg)
{
    begun++;
    pthread_mutex_lock(&lock);
    while (!may_end)
        pthread_cond_wait(&released, &lock);
    pthread_mutex_unlock(&lock);
    ended++;
    errno = EXDEV;
    return (long)(intptr_t)arg;
}

static inline struct green_thread_pool_stats pool_now(void)
{
    struct green_thread_pool_stats stats;

    ck_ok(green_thread_pool_stats(&stats));
    return stats;
}

/* Waits until `count` calls have begun; the hub runs meanwhile. */
static inline void until_begun(int count)
{
    while (begun < count)
        ck_ok(green_sleep(GREEN_MSEC));
}

static inline void *waits(void *arg)
{
    long result = on_thread(wait_for_release, arg);

    ck_assert_int_eq(errno, result == -1 ? ECANCELED : EXDEV);
    return (void *)(intptr_t)result;
}

static inline struct green_thread *spawn_waiting(int result)
{
    struct green_thread *thread = green_spawn(waits, (void *)(intptr_t)result);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

static inline long result_of(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (long)(intptr_t)result;
}

static inline void note_left(void *arg)
{
    ck_assert_ptr_eq(arg, &left_count);
    left_count++;
}

#endif
