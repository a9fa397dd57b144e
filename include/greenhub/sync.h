/*
 * How greenthreads of one OS thread wait for each other: event, semaphore,
 * lock, recursive lock, condition, read-write lock, wait group, barrier, once.
 *
 * The greenthreads of an OS thread run one at a time, and switch only in calls
 * that may switch. Data that is consistent at these calls needs no lock. The
 * objects here are for data that is inconsistent during such a call, and for
 * waiting.
 *
 * Rules for all of them:
 * - The program owns the struct, which must stay in place while a greenthread
 *   waits and must outlive its waiters. All zero is a valid initial state (the
 *   struct's comment says which). Nothing is allocated; no clean-up is needed.
 * - First come, first served: a newcomer never overtakes a waiter.
 * - A waiter that has been woken succeeds. If it is killed or timed out after
 *   the wake-up, before it runs, only its next call fails.
 * - A call that may switch also fails with ECANCELED, ETIMEDOUT and EDEADLK, as
 *   greenhub/thread.h says. It may switch even if it need not wait. A hub's
 *   callback may make the calls that never switch.
 * - An object belongs to one OS thread, and only that thread's greenthreads may
 *   use it. After green_use_hub, or in a forked child, do not use an object for
 *   which a greenthread waited before.
 */
#ifndef GREENHUB_SYNC_H
#define GREENHUB_SYNC_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

struct green_thread;

/* A queue of waiters. The library's; all zero: no waiters. */
struct green_waiters {
    struct green_place *first, *last;
    void *reserved;
};

/* ---- Event ----------------------------------------------------------- */

/*
 * An event that happens once, with a value or an error. Any number of
 * greenthreads may wait for it, before and afterwards. All zero: it has not
 * happened.
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
 * Makes the event happen: all present and later waiters get the value.
 * Returns 0, or -1: EINVAL for NULL, EALREADY if it has already happened.
 * Never switches. Mirrors eventlet.event.Event.send.
 */
GREEN_API int green_event_send(struct green_event *event, void *value);

/*
 * Like green_event_send, with an error in place of a value: a positive errno,
 * which green_event_wait returns.
 * Returns 0, or -1: EINVAL for NULL or an error that is not positive, EALREADY.
 * Never switches. Mirrors Event.send_exception.
 */
GREEN_API int green_event_fail(struct green_event *event, int error);

/*
 * Waits until the event has happened, and stores the value in *value (value may
 * be NULL).
 * Returns 0; 1 with the error in errno, if an error was sent; or -1 for an
 * error of the call itself: EINVAL for NULL.
 * May switch. Mirrors Event.wait.
 */
GREEN_API int green_event_wait(struct green_event *event, void **value);

/*
 * Like green_event_wait, but does not wait: -1 and EAGAIN if the event has not
 * happened. Never switches. Mirrors Event.poll.
 */
GREEN_API int green_event_try_wait(struct green_event *event, void **value);

/*
 * Returns whether the event has happened, with a value or an error; false for
 * NULL. Never switches. Mirrors Event.ready.
 */
GREEN_API bool green_event_ready(const struct green_event *event);

/*
 * Returns the error that was sent; 0 if none was, or for NULL. Never switches.
 * Mirrors Event.has_exception.
 */
GREEN_API int green_event_error(const struct green_event *event);

/*
 * Resets the event to not having happened; it may then happen again.
 * Greenthreads that waited before still get what was sent, even if they have
 * not run since.
 * Returns 0, or -1: EINVAL for NULL, EALREADY if it has not happened.
 * Never switches. Mirrors Event.reset.
 */
GREEN_API int green_event_reset(struct green_event *event);

/* ---- Semaphore ------------------------------------------------------- */

/*
 * A number of permits to acquire and release. With a limit, there are never
 * more permits than that: at the limit, green_semaphore_release fails and
 * green_semaphore_release_wait waits. All zero: no permits, and no limit.
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
 * Initialises a semaphore with `count` permits and at most `limit`; limit 0
 * means no limit. There must be no waiters.
 * Returns 0, or -1: EINVAL for NULL or if count exceeds the limit.
 * Never switches. Mirrors eventlet.semaphore.Semaphore; with a limit,
 * BoundedSemaphore and CappedSemaphore.
 */
GREEN_API int green_semaphore_init(struct green_semaphore *semaphore,
                                   size_t count, size_t limit);

/*
 * Acquires a permit. Waits for one. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors Semaphore.acquire.
 */
GREEN_API int green_semaphore_acquire(struct green_semaphore *semaphore);

/*
 * Like green_semaphore_acquire, but does not wait: EAGAIN if there is no
 * permit. Never switches. Mirrors Semaphore.acquire(blocking=False).
 */
GREEN_API int green_semaphore_try_acquire(struct green_semaphore *semaphore);

/*
 * Releases a permit; the first waiter, if any, gets it.
 * Returns 0, or -1: EINVAL for NULL, EOVERFLOW if the limit is reached.
 * Never switches. Mirrors Semaphore.release, BoundedSemaphore.release,
 * sem_post.
 */
GREEN_API int green_semaphore_release(struct green_semaphore *semaphore);

/*
 * Like green_semaphore_release, but waits while the limit is reached.
 * Returns 0, or -1: EINVAL for NULL. May switch. Mirrors
 * CappedSemaphore.release.
 */
GREEN_API int green_semaphore_release_wait(struct green_semaphore *semaphore);

/*
 * Returns the number of permits; 0 for NULL. Never switches.
 */
GREEN_API size_t green_semaphore_count(const struct green_semaphore *semaphore);

/* ---- Lock ------------------------------------------------------------ */

/*
 * A lock with one holder at a time. Another greenthread or a callback may
 * release it for its holder. It does not record the holder, so acquiring it
 * twice waits for ever. All zero: free.
 */
struct green_lock {
    struct {
        bool held;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Acquires the lock. Waits for it. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors eventlet.lock.Lock.acquire.
 */
GREEN_API int green_lock_acquire(struct green_lock *lock);

/*
 * Like green_lock_acquire, but does not wait: EAGAIN if the lock is held. Never
 * switches. Mirrors pthread_mutex_trylock.
 */
GREEN_API int green_lock_try_acquire(struct green_lock *lock);

/*
 * Releases the lock; the first waiter, if any, gets it.
 * Returns 0, or -1: EINVAL for NULL, EPERM if it is not held.
 * Never switches. Mirrors Lock.release.
 */
GREEN_API int green_lock_release(struct green_lock *lock);

/*
 * Returns whether the lock is held; false for NULL. Never switches. Mirrors
 * Lock.locked.
 */
GREEN_API bool green_lock_held(const struct green_lock *lock);

/*
 * A lock that its holder may acquire again. It is free once the holder has
 * released it as often as it acquired it. All zero: free.
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
 * Acquires the lock, or acquires it once more if the caller holds it. Waits for
 * it. Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors threading.RLock.acquire.
 */
GREEN_API int green_recursive_lock_acquire(struct green_recursive_lock *lock);

/*
 * Like green_recursive_lock_acquire, but does not wait: EAGAIN if another
 * greenthread holds the lock; EDEADLK in a hub's callback, where no greenthread
 * could hold it. Never switches.
 */
GREEN_API int
green_recursive_lock_try_acquire(struct green_recursive_lock *lock);

/*
 * Releases the lock once. Returns 0, or -1: EINVAL for NULL, EPERM if the
 * calling greenthread does not hold it. Never switches. Mirrors
 * threading.RLock.release.
 */
GREEN_API int green_recursive_lock_release(struct green_recursive_lock *lock);

/* ---- Condition ------------------------------------------------------- */

/*
 * Greenthreads that wait for a change of data that a lock protects. All zero:
 * no waiters.
 */
struct green_condition {
    struct {
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Releases the lock, waits for a signal, and acquires the lock again, in line
 * behind its other waiters. Even after a kill or a timeout it waits for the
 * lock: the caller holds the lock when the call returns, except after EPERM
 * and EINVAL. If the signal came before the kill or the timeout, the call
 * succeeds. There are no wake-ups without a signal. Still, test the condition
 * in a loop: another greenthread may have changed the data before the caller
 * got the lock.
 * Returns 0, or -1: EINVAL for NULL, EPERM if the lock is not held.
 * May switch. Mirrors pthread_cond_wait, threading.Condition.wait.
 */
GREEN_API int green_condition_wait(struct green_condition *condition,
                                   struct green_lock *lock);

/*
 * Wakes the first waiter, if any. The lock need not be held.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors pthread_cond_signal, threading.Condition.notify.
 */
GREEN_API int green_condition_signal(struct green_condition *condition);

/*
 * Wakes all waiters. The lock need not be held.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors pthread_cond_broadcast, threading.Condition.notify_all.
 */
GREEN_API int green_condition_broadcast(struct green_condition *condition);

/* ---- Read-write lock ------------------------------------------------- */

/*
 * A lock held by any number of readers, or by one writer. A newcomer waits
 * behind all waiters, so neither readers nor writers starve. A reader that
 * acquires the lock again waits for ever if a writer has begun to wait in
 * between. All zero: free.
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
 * Acquires the lock for reading. Waits for it. Returns 0, or -1: EINVAL for
 * NULL.
 * May switch. Mirrors pthread_rwlock_rdlock.
 */
GREEN_API int green_rwlock_read(struct green_rwlock *lock);

/*
 * Like green_rwlock_read, but does not wait: EAGAIN if a writer holds the lock
 * or a greenthread waits for it. Never switches.
 */
GREEN_API int green_rwlock_try_read(struct green_rwlock *lock);

/*
 * Acquires the lock for writing. Waits for it. Returns 0, or -1: EINVAL for
 * NULL.
 * May switch. Mirrors pthread_rwlock_wrlock.
 */
GREEN_API int green_rwlock_write(struct green_rwlock *lock);

/*
 * Like green_rwlock_write, but does not wait: EAGAIN if the lock is held or a
 * greenthread waits for it. Never switches.
 */
GREEN_API int green_rwlock_try_write(struct green_rwlock *lock);

/*
 * Turns the writer that holds the lock into a reader that holds it, with no
 * other writer in between. Readers that wait in front of the next writer get
 * the lock, too.
 * Returns 0, or -1: EINVAL for NULL, EPERM if no writer holds it.
 * Never switches.
 */
GREEN_API int green_rwlock_downgrade(struct green_rwlock *lock);

/*
 * Releases the lock, for the writer or for one reader. The first waiter gets
 * it; if that is a reader, so do all readers in front of the next writer.
 * Returns 0, or -1: EINVAL for NULL, EPERM if it is not held.
 * Never switches. Mirrors pthread_rwlock_unlock.
 */
GREEN_API int green_rwlock_release(struct green_rwlock *lock);

/* ---- Wait group ------------------------------------------------------ */

/*
 * A count of pending work. Greenthreads can wait until it is zero. It can be
 * reused without limit. All zero: a count of 0.
 */
struct green_wait_group {
    struct {
        size_t count;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Adds `number`, which may be negative, to the count. At zero, wakes all
 * waiters.
 * Returns 0; or -1, and nothing is changed: EINVAL for NULL, ERANGE if the
 * count would become negative or too large. Never switches. Mirrors
 * sync.WaitGroup.Add of Go.
 */
GREEN_API int green_wait_group_add(struct green_wait_group *group,
                                   ptrdiff_t number);

/*
 * Subtracts 1 from the count: green_wait_group_add(group, -1). Never switches.
 */
GREEN_API int green_wait_group_done(struct green_wait_group *group);

/*
 * Waits until the count is zero. It returns 0 even if the count was raised
 * again after this call was woken.
 * Returns 0, or -1: EINVAL for NULL.
 * May switch. Mirrors sync.WaitGroup.Wait of Go.
 */
GREEN_API int green_wait_group_wait(struct green_wait_group *group);

/*
 * Returns the count; 0 for NULL. Never switches.
 */
GREEN_API size_t green_wait_group_count(const struct green_wait_group *group);

/* ---- Barrier --------------------------------------------------------- */

/*
 * A point at which `parties` greenthreads wait for each other. It can be reused
 * without limit. All zero: not yet a barrier; call green_barrier_init.
 */
struct green_barrier {
    struct {
        size_t parties, arrived;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Initialises a barrier for `parties` greenthreads. There must be no waiters.
 * Returns 0, or -1: EINVAL for NULL or 0 parties. Never switches.
 * Mirrors pthread_barrier_init.
 */
GREEN_API int green_barrier_init(struct green_barrier *barrier, size_t parties);

/*
 * Waits until all parties have arrived. A waiter that is killed or timed out no
 * longer counts as arrived: another greenthread must arrive in its place.
 * Returns 1 to the last to arrive, which has not waited, and 0 to the others;
 * or -1: EINVAL for NULL or a barrier that is not initialised.
 * May switch. Mirrors pthread_barrier_wait.
 */
GREEN_API int green_barrier_wait(struct green_barrier *barrier);

/* ---- Once ------------------------------------------------------------ */

/* An action to be carried out once. All zero: it has not been done. */
struct green_once {
    struct {
        struct green_thread *runner;
        bool done;
        struct green_waiters waiters;
        void *reserved;
    } internal;
};

/*
 * Calls fn(arg), unless a call has already succeeded. Waits while another
 * greenthread runs fn. fn returns 0, or -1 with errno. If it fails, the action
 * has not been done: the call fails with that errno, and the first waiter then
 * calls its fn.
 * Returns 0 when the action has been done, or -1: EINVAL for NULL, EDEADLK if
 * called by fn itself, or the errno of fn.
 * May switch. Mirrors std::call_once of C++, pthread_once.
 */
GREEN_API int green_once_run(struct green_once *once, int (*fn)(void *arg),
                             void *arg);

GREEN_END_DECLS

#endif
