/*
 * A read-write lock. Readers and writers wait in one line. After each release,
 * and after a waiter gives up, `admit` takes waiters from its front while they
 * can enter.
 */
#include "sync/waiters.h"

struct reader_or_writer {
    struct green_place place;
    bool writes;
};

static const struct green__wait_kind reading = {.name = "lock to read",
                                                .inside = true};
static const struct green__wait_kind writing = {.name = "lock to write",
                                                .inside = true};

/* Whether the first in line could enter. */
static bool can_enter(const struct green_rwlock *lock, bool writes)
{
    return !lock->internal.writer && !(writes && lock->internal.readers);
}

static void enter(struct green_rwlock *lock, bool writes)
{
    if (writes)
        lock->internal.writer = true;
    else
        lock->internal.readers++;
}

static void admit(struct green_rwlock *lock)
{
    struct green_waiters *line = &lock->internal.waiters;

    while (!green__line_empty(line)) {
        struct reader_or_writer *first =
            container_of(line->first, struct reader_or_writer, place);

        if (!can_enter(lock, first->writes))
            return;
        enter(lock, first->writes);
        green__line_wake(green__line_take(line));
    }
}

static int try(struct green_rwlock *lock, bool writes)
{
    if (!lock)
        return green__refuse(EINVAL);
    if (!can_enter(lock, writes) || !green__line_empty(&lock->internal.waiters))
        return green__refuse(EAGAIN);
    enter(lock, writes);
    return 0;
}

static int acquire(struct green_rwlock *lock, bool writes)
{
    struct reader_or_writer here = {.writes = writes};
    int error;

    if (!lock)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (try(lock, writes) == 0)
        return green__call_done(0);
    if (green__line_wait(&lock->internal.waiters, &here.place,
                         writes ? &writing : &reading) == 0)
        return 0;
    error = errno;
    admit(lock); /* the waiters behind this one */
    return green__refuse(error);
}

int green_rwlock_read(struct green_rwlock *lock)
{
    return acquire(lock, false);
}

int green_rwlock_try_read(struct green_rwlock *lock)
{
    return try(lock, false);
}

int green_rwlock_write(struct green_rwlock *lock)
{
    return acquire(lock, true);
}

int green_rwlock_try_write(struct green_rwlock *lock)
{
    return try(lock, true);
}

int green_rwlock_downgrade(struct green_rwlock *lock)
{
    if (!lock)
        return green__refuse(EINVAL);
    if (!lock->internal.writer)
        return green__refuse(EPERM);
    lock->internal.writer = false;
    lock->internal.readers = 1;
    admit(lock);
    return 0;
}

int green_rwlock_release(struct green_rwlock *lock)
{
    if (!lock)
        return green__refuse(EINVAL);
    if (!lock->internal.writer && !lock->internal.readers)
        return green__refuse(EPERM);
    if (lock->internal.writer)
        lock->internal.writer = false;
    else
        lock->internal.readers--;
    admit(lock);
    return 0;
}
