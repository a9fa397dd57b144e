/* A condition: waits for a change of what a lock protects. */
#include "sync/waiters.h"

static const struct green__wait_kind waiting = {.name = "condition",
                                                .inside = true};

/* Retries until it holds the lock. An error that ends even a shielded wait,
 * such as a failed hub, ends the waits of the lock's holder too, which then can
 * release it. */
static void reacquire(struct green_lock *lock)
{
    struct green_shield shield;

    if (green_lock_try_acquire(lock) == 0)
        return;
    green_shield_begin(&shield);
    while (green_lock_acquire(lock) < 0)
        ;
    green_shield_end(&shield);
}

int green_condition_wait(struct green_condition *condition,
                         struct green_lock *lock)
{
    struct green_place here;
    int result, error;

    if (!condition || !lock)
        return green__refuse(EINVAL);
    if (!lock->internal.held)
        return green__refuse(EPERM);
    if (green__place_init(&here, &waiting) < 0)
        return -1;
    green__line_append(&condition->internal.waiters, &here);
    green_lock_release(lock);
    result = green__line_park(&condition->internal.waiters, &here);
    error = errno;
    reacquire(lock);
    errno = error;
    return result;
}

int green_condition_signal(struct green_condition *condition)
{
    if (!condition)
        return green__refuse(EINVAL);
    green__line_wake_first(&condition->internal.waiters);
    return 0;
}

int green_condition_broadcast(struct green_condition *condition)
{
    if (!condition)
        return green__refuse(EINVAL);
    green__line_wake_all(&condition->internal.waiters);
    return 0;
}
