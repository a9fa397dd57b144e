#include "sync/biased_lock.h"

#include <errno.h>

#include "base/wakeup.h"
#include "base/self.h"
#include "base/system.h"
#include "sync/fence.h"
#include "sync/mailbox.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_fence;

static void prepare_fence(void)
{
    has_fence = green__fence_prepare();
}

int green__biased_lock_init(struct green__biased_lock *lock)
{
    int error = green__system.pthread_mutex_init(&lock->mutex, NULL);

    if (error)
        return green__refuse(error);
    green__system.pthread_once(&once, prepare_fence);
    atomic_init(&lock->owner, NULL);
    atomic_init(&lock->busy, false);
    atomic_init(&lock->stage, has_fence ? GREEN__BIASED : GREEN__SHARED);
    return 0;
}

void green__biased_lock_destroy(struct green__biased_lock *lock)
{
    struct green__mailbox *owner = atomic_load(&lock->owner);

    if (owner)
        green__mailbox_release(owner);
    green__system.pthread_mutex_destroy(&lock->mutex);
}

bool green__biased_lock_own(struct green__biased_lock *lock,
                            struct green__mailbox *mailbox)
{
    struct green__mailbox *previous = NULL;

    /* Kept, so that no later mailbox has the same address. */
    green__mailbox_keep(mailbox);
    if (atomic_compare_exchange_strong(&lock->owner, &previous, mailbox))
        return true;
    green__mailbox_release(mailbox);
    return previous == mailbox;
}

/* Makes the owner take the mutex from now on. Called with the mutex held, by
 * another OS thread than the owner. The owner never waits while it is busy. */
static void revoke_bias(struct green__biased_lock *lock)
{
    unsigned round = 0;

    atomic_store(&lock->stage, GREEN__REVOKING);
    while (green__fence_others() < 0)
        green__back_off(&round); /* the kernel is short of memory for now */
    while (atomic_load_explicit(&lock->busy, memory_order_acquire))
        green__back_off(&round);
    atomic_store_explicit(&lock->stage, GREEN__SHARED, memory_order_release);
}

void green__biased_lock_lock(struct green__biased_lock *lock,
                             struct green__mailbox *mailbox)
{
    green__system.pthread_mutex_lock(&lock->mutex);
    if (atomic_load_explicit(&lock->stage, memory_order_acquire) ==
            GREEN__SHARED ||
        (mailbox && atomic_load(&lock->owner) == mailbox))
        return;
    revoke_bias(lock);
}

void green__biased_lock_unlock(struct green__biased_lock *lock)
{
    green__system.pthread_mutex_unlock(&lock->mutex);
}
