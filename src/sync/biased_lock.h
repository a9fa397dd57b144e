/*
 * What guards something that greenthreads of several OS threads may use. While one
 * OS thread alone uses it, no lock and no atomic read-modify-write is on its way;
 * the first time that another one comes, it becomes a mutex, for good.
 *
 *     alone = green__biased_lock_enter(&guard);
 *     ... never blocks, never switches ...
 *     green__biased_lock_leave(&guard, alone);
 *
 * The first OS thread to enter is the owner. It says `busy`, and looks whether it
 * is still alone; another one says that it is not, and looks whether the owner is
 * busy. For that to be safe each must see what the other said before it looks,
 * which takes a full memory barrier on both sides. The owner's is made by the
 * other one: membarrier(2) runs it on all processors that run this process. Where
 * the kernel has no membarrier the guard is a mutex from the beginning.
 */
#ifndef GREEN_BIASED_LOCK_H
#define GREEN_BIASED_LOCK_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct green__mailbox;

enum green__biased_lock_stage { GREEN__ALONE, GREEN__COMING, GREEN__SHARED };

struct green__biased_lock {
    _Atomic(struct green__mailbox *) owner; /* stands for an OS thread */
    atomic_bool busy;                       /* the owner is inside, alone */
    atomic_int stage;                       /* enum green__biased_lock_stage */
    pthread_mutex_t mutex;
};

/* 0, or -1 with errno. */
int green__biased_lock_init(struct green__biased_lock *guard);
void green__biased_lock_destroy(struct green__biased_lock *guard);

/* For others than the owner, and when the owner is not alone. */
void green__biased_lock_lock(struct green__biased_lock *guard,
                             struct green__mailbox *mailbox);

/* Makes the caller the owner if there is none. Whether it is. */
bool green__biased_lock_own(struct green__biased_lock *guard,
                            struct green__mailbox *mailbox);

/* `mailbox` is the calling OS thread's, or NULL. True: alone. */
static inline bool green__biased_lock_enter(struct green__biased_lock *guard,
                                            struct green__mailbox *mailbox)
{
    if (atomic_load_explicit(&guard->stage, memory_order_relaxed) ==
            GREEN__ALONE &&
        mailbox &&
        (atomic_load_explicit(&guard->owner, memory_order_relaxed) == mailbox ||
         green__biased_lock_own(guard, mailbox))) {
        atomic_store_explicit(&guard->busy, true, memory_order_relaxed);
        atomic_signal_fence(memory_order_seq_cst); /* see membarrier above */
        if (atomic_load_explicit(&guard->stage, memory_order_relaxed) ==
            GREEN__ALONE)
            return true;
        atomic_store_explicit(&guard->busy, false, memory_order_release);
    }
    green__biased_lock_lock(guard, mailbox);
    return false;
}

static inline void green__biased_lock_leave(struct green__biased_lock *guard,
                                            bool alone)
{
    if (alone)
        atomic_store_explicit(&guard->busy, false, memory_order_release);
    else
        pthread_mutex_unlock(&guard->mutex);
}

#endif
