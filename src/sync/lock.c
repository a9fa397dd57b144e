/* Locks. Releasing one passes it to the first waiter, so it is never free while
 * a greenthread waits. */
#include "sync/waiters.h"

static const struct green__wait_kind locking = {.name = "lock", .inside = true};
static const struct green__wait_kind locking_again = {.name = "recursive lock",
                                                      .inside = true};

/* ---- Lock ------------------------------------------------------------ */

int green_lock_try_acquire(struct green_lock *lock)
{
    if (!lock)
        return green__refuse(EINVAL);
    if (lock->internal.held)
        return green__refuse(EAGAIN);
    lock->internal.held = true;
    return 0;
}

int green_lock_acquire(struct green_lock *lock)
{
    struct green_place here;

    if (!lock)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (green__unlikely(lock->internal.held))
        return green__line_wait(&lock->internal.waiters, &here, &locking);
    lock->internal.held = true;
    return green__call_done(0);
}

int green_lock_release(struct green_lock *lock)
{
    if (!lock)
        return green__refuse(EINVAL);
    if (!lock->internal.held)
        return green__refuse(EPERM);
    lock->internal.held = green__line_wake_first(&lock->internal.waiters);
    return 0;
}

bool green_lock_held(const struct green_lock *lock)
{
    return lock && lock->internal.held;
}

/* ---- Recursive lock -------------------------------------------------- */

/* Returns 0, or -1 with errno: EAGAIN if another greenthread holds it. */
static int try_recursive(struct green_recursive_lock *lock)
{
    struct green_thread *self;

    if (!lock)
        return green__refuse(EINVAL);
    self = green__current();
    if (!self)
        return -1;
    if (lock->internal.depth && lock->internal.holder != self)
        return green__refuse(EAGAIN);
    lock->internal.holder = self;
    lock->internal.depth++;
    return 0;
}

int green_recursive_lock_try_acquire(struct green_recursive_lock *lock)
{
    return try_recursive(lock);
}

int green_recursive_lock_acquire(struct green_recursive_lock *lock)
{
    struct green_place here;

    if (!lock)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (try_recursive(lock) == 0)
        return green__call_done(0);
    if (errno != EAGAIN || !lock->internal.depth)
        return -1; /* there can be no hub */
    return green__line_wait(&lock->internal.waiters, &here, &locking_again);
}

int green_recursive_lock_release(struct green_recursive_lock *lock)
{
    struct green_place *next;

    if (!lock)
        return green__refuse(EINVAL);
    if (!lock->internal.depth || lock->internal.holder != green__current())
        return green__refuse(EPERM);
    if (--lock->internal.depth || green__line_empty(&lock->internal.waiters))
        return 0;
    next = green__line_take(&lock->internal.waiters);
    lock->internal.holder = next->waiter.thread;
    lock->internal.depth = 1;
    green__line_wake(next);
    return 0;
}
