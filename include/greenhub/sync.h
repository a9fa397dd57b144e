/*
 * How greenthreads of one OS thread wait for each other: event, semaphore, lock,
 * recursive lock, condition, read-write lock, wait group, barrier, once.
 *
 * Greenthreads of an OS thread run one at a time and change only where they may
 * switch, so data that is consistent there needs no lock. What is here is for the
 * rest: for what stays half done across a call that may switch, and for waiting.
 *
 * Rules that hold for all of them:
 * - A struct is its user's, and stays in place while somebody waits. All zero is
 *   a valid beginning (its comment says of what), nothing is allocated, and there
 *   is nothing to destroy. When somebody still waits it must not go away.
 * - First come, first served: a newcomer never overtakes one who waits.
 * - What was handed over stays handed over: one who has been woken succeeds, and
 *   only the next call fails, if it was killed or timed out meanwhile.
 * - A call that may switch fails as greenhub/thread.h says: ECANCELED, ETIMEDOUT,
 *   EDEADLK. It may switch when it need not wait, too. The others may be called in a
 *   hub's callback.
 * - They belong to one OS thread, are used by its greenthreads alone, and by none
 *   that has called green_use_hub or fork since somebody waited.
 */
#ifndef GREENHUB_SYNC_H
#define GREENHUB_SYNC_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

struct green_thread;

/* Those who wait, in line. The library's; all zero: nobody. */
struct green_waiters {
    struct green_place *first, *last;
    void *reserved;
};

/* ---- Event ----------------------------------------------------------- */

/*
 * Something that happens once, with a value or an error, and that any number may
 * wait for, before and afterwards. All zero: it has not happened.
 */
struct green_event {
    struct {
        void *value;
        int error;
        bool sent;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * It has happened: all who wait, and whoever asks later, get the value.
 * Returns 0, or -1: EINVAL for NULL, EALREADY if it has happened already.
 * Never switches. Mirrors eventlet.event.Event.send.
 */
GREEN_API int green_event_send(struct green_event *event, void *value);

/*
 * The same with an error, a positive errno, which green_event_wait tells.
 * Returns 0, or -1: EINVAL for NULL or an error that is none, EALREADY.
 * Never switches. Mirrors Event.send_exception.
 */
GREEN_API int green_event_fail(struct green_event *event, int error);

/*
 * Waits until it has happened, and gives the value in *value (value may be NULL).
 * Returns 0; 1 with errno, if an error was sent, which it is; or -1 for what is the
 * call's own: EINVAL for NULL.
 * May switch. Mirrors Event.wait.
 */
GREEN_API int green_event_wait(struct green_event *event, void **value);

/*
 * The same without waiting: -1 and EAGAIN if it has not happened. Never switches.
 * Mirrors Event.poll.
 */
GREEN_API int green_event_try_wait(struct green_event *event, void **value);

/*
 * Whether it has happened, in either way. False for NULL. Never switches.
 * Mirrors Event.ready.
 */
GREEN_API bool green_event_ready(const struct green_event *event);

/*
 * The error that was sent; 0 if none was, or for NULL. Never switches.
 * Mirrors Event.has_exception.
 */
GREEN_API int green_event_error(const struct green_event *event);

/*
 * It has not happened, and may happen anew. Who waited for it has got what was
 * sent, whether it has run since or not.
 * Returns 0, or -1: EINVAL for NULL, EALREADY if it has not happened.
 * Never switches. Mirrors Event.reset.
 */
GREEN_API int green_event_reset(struct green_event *event);

/* ---- Semaphore ------------------------------------------------------- */

/*
 * A number of permits, taken and given back. With a limit there are never more:
 * giving back one too many fails, or waits, whichever call is used.
 * All zero: no permits, and no limit.
 */
struct green_semaphore {
    struct {
        size_t count;
        size_t limit; /* 0: none */
        struct green_waiters takers, givers;
        void *reserved;
    } internal;
};

/*
 * A semaphore with `count` permits and at most `limit`, 0 for no limit. Nobody
 * may be waiting.
 * Returns 0, or -1 and EINVAL: NULL, or more permits than the limit.
 * Never switches. Mirrors eventlet.semaphore.Semaphore, with a limit
 * BoundedSemaphore and CappedSemaphore.
 */
GREEN_API int green_semaphore_init(struct green_semaphore *semaphore,
                                   size_t count, size_t limit);

/*
 * Takes a permit; waits for one. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors Semaphore.acquire.
 */
GREEN_API int green_semaphore_acquire(struct green_semaphore *semaphore);

/*
 * The same without waiting: EAGAIN if there is none. Never switches.
 * Mirrors Semaphore.acquire(blocking=False).
 */
GREEN_API int green_semaphore_try_acquire(struct green_semaphore *semaphore);

/*
 * Gives a permit back: to the first who waits for one, if anybody does.
 * Returns 0, or -1: EINVAL for NULL, EOVERFLOW if the limit is reached.
 * Never switches. Mirrors Semaphore.release, BoundedSemaphore.release, sem_post.
 */
GREEN_API int green_semaphore_release(struct green_semaphore *semaphore);

/*
 * The same, but waits while the limit is reached. Returns 0, or -1: EINVAL for
 * NULL. May switch. Mirrors CappedSemaphore.release.
 */
GREEN_API int green_semaphore_release_wait(struct green_semaphore *semaphore);

/*
 * How many permits there are; 0 for NULL. Never switches.
 */
GREEN_API size_t green_semaphore_count(const struct green_semaphore *semaphore);

/* ---- Lock ------------------------------------------------------------ */

/*
 * Held by one at a time, from wherever it was acquired to wherever it is
 * released: another greenthread may release it, or a callback. It does not know
 * its holder: acquiring it twice waits for ever. All zero: free.
 */
struct green_lock {
    struct {
        bool held;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Acquires the lock; waits for it. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors eventlet.lock.Lock.acquire.
 */
GREEN_API int green_lock_acquire(struct green_lock *lock);

/*
 * The same without waiting: EAGAIN if it is held. Never switches.
 * Mirrors pthread_mutex_trylock.
 */
GREEN_API int green_lock_try_acquire(struct green_lock *lock);

/*
 * Releases it, to the first who waits if anybody does.
 * Returns 0, or -1: EINVAL for NULL, EPERM if it is not held.
 * Never switches. Mirrors Lock.release.
 */
GREEN_API int green_lock_release(struct green_lock *lock);

/*
 * Whether it is held; false for NULL. Never switches. Mirrors Lock.locked.
 */
GREEN_API bool green_lock_held(const struct green_lock *lock);

/*
 * A lock that its holder may acquire again, and that is free when it has
 * released it as often. All zero: free.
 */
struct green_recursive_lock {
    struct {
        struct green_thread *holder;
        size_t depth;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Acquires it, perhaps once more; waits for it. Returns 0, or -1: EINVAL for
 * NULL. May switch. Mirrors threading.RLock.acquire.
 */
GREEN_API int green_recursive_lock_acquire(struct green_recursive_lock *lock);

/*
 * The same without waiting: EAGAIN if another greenthread holds it; EDEADLK in a
 * hub's callback, where there is no greenthread that could. Never switches.
 */
GREEN_API int
green_recursive_lock_try_acquire(struct green_recursive_lock *lock);

/*
 * Releases it once. Returns 0, or -1: EINVAL for NULL, EPERM if the calling
 * greenthread does not hold it. Never switches. Mirrors threading.RLock.release.
 */
GREEN_API int green_recursive_lock_release(struct green_recursive_lock *lock);

/* ---- Condition ------------------------------------------------------- */

/*
 * Waiting for what a lock protects to change. All zero: nobody waits.
 */
struct green_condition {
    struct {
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Releases the lock, waits for a signal, and acquires the lock again, in line
 * with all others who want it. It is held again when the call returns, whatever
 * it returns, but after EPERM and EINVAL: a kill or a timeout does not keep the
 * call from waiting for the lock. A signal that has come is not lost to them: the
 * call succeeds then. There are no wake-ups without a signal; still, what is
 * waited for is looked at in a loop, as another may have been there first.
 * Returns 0, or -1: EINVAL for NULL, EPERM if the lock is not held.
 * May switch. Mirrors pthread_cond_wait, threading.Condition.wait.
 */
GREEN_API int green_condition_wait(struct green_condition *condition,
                                   struct green_lock *lock);

/*
 * Wakes the first who waits, if anybody does. The lock need not be held.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors pthread_cond_signal, threading.Condition.notify.
 */
GREEN_API int green_condition_signal(struct green_condition *condition);

/*
 * Wakes all who wait. Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors pthread_cond_broadcast, threading.Condition.notify_all.
 */
GREEN_API int green_condition_broadcast(struct green_condition *condition);

/* ---- Read-write lock ------------------------------------------------- */

/*
 * Held by any number of readers, or by one writer. Whoever comes waits behind
 * all who wait, so neither kind starves: a reader that holds it and acquires it
 * again waits for ever if a writer has come between. All zero: free.
 */
struct green_rwlock {
    struct {
        size_t readers;
        bool writer;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Acquires it for reading; waits for it. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors pthread_rwlock_rdlock.
 */
GREEN_API int green_rwlock_read(struct green_rwlock *lock);

/*
 * The same without waiting: EAGAIN if a writer holds it, or anybody waits.
 * Never switches.
 */
GREEN_API int green_rwlock_try_read(struct green_rwlock *lock);

/*
 * Acquires it for writing; waits for it. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors pthread_rwlock_wrlock.
 */
GREEN_API int green_rwlock_write(struct green_rwlock *lock);

/*
 * The same without waiting: EAGAIN if anybody holds it. Never switches.
 */
GREEN_API int green_rwlock_try_write(struct green_rwlock *lock);

/*
 * Makes the writer that holds it a reader that holds it, with no other writer in
 * between; readers who wait in front of the next writer come in.
 * Returns 0, or -1: EINVAL for NULL, EPERM if no writer holds it.
 * Never switches.
 */
GREEN_API int green_rwlock_downgrade(struct green_rwlock *lock);

/*
 * Releases it, for the writer or one reader: to the first who waits, and when
 * that is a reader, to all readers in front of the next writer.
 * Returns 0, or -1: EINVAL for NULL, EPERM if nobody holds it.
 * Never switches. Mirrors pthread_rwlock_unlock.
 */
GREEN_API int green_rwlock_release(struct green_rwlock *lock);

/* ---- Wait group ------------------------------------------------------ */

/*
 * A number of things to be done, and waiting until it is zero. It may be used
 * again and again. All zero: nothing to be done.
 */
struct green_wait_group {
    struct {
        size_t count;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Adds to the number. At zero all who wait are woken.
 * Returns 0, or -1 and nothing is changed: EINVAL for NULL, ERANGE if it would
 * be below zero or too large. Never switches. Mirrors sync.WaitGroup.Add of Go.
 */
GREEN_API int green_wait_group_add(struct green_wait_group *group,
                                   ptrdiff_t number);

/*
 * One less: green_wait_group_add(group, -1). Never switches.
 */
GREEN_API int green_wait_group_done(struct green_wait_group *group);

/*
 * Waits until the number is zero. Returns 0, or -1: EINVAL for NULL. It returns
 * 0 also if the number has been raised again since it was woken.
 * May switch. Mirrors sync.WaitGroup.Wait of Go.
 */
GREEN_API int green_wait_group_wait(struct green_wait_group *group);

/*
 * The number; 0 for NULL. Never switches.
 */
GREEN_API size_t green_wait_group_count(const struct green_wait_group *group);

/* ---- Barrier --------------------------------------------------------- */

/*
 * A place where `parties` greenthreads wait for each other, again and again.
 * All zero is no barrier yet.
 */
struct green_barrier {
    struct {
        size_t parties, arrived;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * A barrier for so many. Nobody may be waiting.
 * Returns 0, or -1 and EINVAL: NULL, or no parties. Never switches.
 * Mirrors pthread_barrier_init.
 */
GREEN_API int green_barrier_init(struct green_barrier *barrier, size_t parties);

/*
 * Waits until all are there. One who was killed or timed out while it waited
 * takes itself back: another one must come in its place.
 * Returns 1 to the last to arrive, which has not waited, 0 to the others; or -1:
 * EINVAL for NULL or one that was not initialised.
 * May switch. Mirrors pthread_barrier_wait.
 */
GREEN_API int green_barrier_wait(struct green_barrier *barrier);

/* ---- Once ------------------------------------------------------------ */

/* Something that is to be done once. All zero: it has not been done. */
struct green_once {
    struct {
        struct green_thread *runner;
        bool done;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Calls fn(arg), unless that has succeeded already; while another greenthread is
 * at it, waits. fn returns 0, or -1 with errno: then it has not been done, the
 * call fails with that errno, and the first who waits tries in its turn.
 * Returns 0 when it has been done, or -1: EINVAL for NULL, EDEADLK if fn itself
 * calls it, or what fn failed with.
 * May switch. Mirrors std::call_once of C++, pthread_once.
 */
GREEN_API int green_once_run(struct green_once *once, int (*fn)(void *arg),
                             void *arg);

GREEN_END_DECLS

#endif
