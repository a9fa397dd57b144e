/*
 * A lock that is biased to one OS thread. While that OS thread alone enters, it
 * takes no mutex and does no atomic read-modify-write. When another OS thread
 * enters for the first time, the lock becomes a mutex for good.
 *
 *     biased = green__biased_lock_enter(&lock, mailbox);
 *     ... never blocks, never switches ...
 *     green__biased_lock_leave(&lock, biased);
 *
 * The first OS thread to enter becomes the owner. The owner sets `busy`, then
 * reads `stage`; another OS thread sets `stage`, then reads `busy`. Each must
 * see the other's store, which takes a full memory barrier between store and
 * load on both sides. The other OS thread makes the owner's barrier:
 * membarrier(2) runs one on each processor that runs this process. Without
 * membarrier in the kernel, the lock is a mutex from the beginning.
 */
#ifndef GREEN_BIASED_LOCK_H
#define GREEN_BIASED_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include "base/attributes.h"

struct green__mailbox;

enum green__biased_lock_stage { GREEN__BIASED, GREEN__REVOKING, GREEN__SHARED };

struct green__biased_lock {
    _Atomic(struct green__mailbox *) owner; /* the owning OS thread's */
    atomic_bool busy; /* the owner is inside without the mutex */
    atomic_int stage; /* enum green__biased_lock_stage */
    pthread_mutex_t mutex;
};

/* 0, or -1 with errno. */
GREEN__PRIVATE int green__biased_lock_init(struct green__biased_lock *lock);
void green__biased_lock_destroy(struct green__biased_lock *lock);

/* Takes the mutex, and revokes the bias unless the caller is the owner. */
GREEN__PRIVATE void green__biased_lock_lock(struct green__biased_lock *lock,
                                            struct green__mailbox *mailbox);

/* Releases the mutex. */
GREEN__PRIVATE void green__biased_lock_unlock(struct green__biased_lock *lock);

/* Makes the caller the owner if there is none. Returns whether it is. */
GREEN__PRIVATE bool green__biased_lock_own(struct green__biased_lock *lock,
                                           struct green__mailbox *mailbox);

/* `mailbox`: this OS thread's or NULL. True: inside without the mutex. */
static inline bool green__biased_lock_enter(struct green__biased_lock *lock,
                                            struct green__mailbox *mailbox)
{
    if (atomic_load_explicit(&lock->stage, memory_order_relaxed) ==
            GREEN__BIASED &&
        mailbox &&
        (atomic_load_explicit(&lock->owner, memory_order_relaxed) == mailbox ||
         green__biased_lock_own(lock, mailbox))) {
        atomic_store_explicit(&lock->busy, true, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* see membarrier above */
        if (atomic_load_explicit(&lock->stage, memory_order_relaxed) ==
            GREEN__BIASED)
            return true;
        atomic_store_explicit(&lock->busy, false, memory_order_release);
    }
    green__biased_lock_lock(lock, mailbox);
    return false;
}

static inline void green__biased_lock_leave(struct green__biased_lock *lock,
                                            bool biased)
{
    if (biased)
        atomic_store_explicit(&lock->busy, false, memory_order_release);
    else
        green__biased_lock_unlock(lock);
}

#endif
