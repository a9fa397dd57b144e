#include "sync/biased_lock.h"

#include <errno.h>
#include <linux/membarrier.h>

#include "base/wakeup.h"
#include "base/self.h"
#include "base/system.h"
#include "sync/mailbox.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool has_membarrier;

static void look_for_membarrier(void)
{
    int commands = green__system.membarrier(MEMBARRIER_CMD_QUERY, 0);

    has_membarrier =
        commands > 0 && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED) &&
        green__system.membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED,
                                 0) == 0;
}

int green__biased_lock_init(struct green__biased_lock *guard)
{
    int error = pthread_mutex_init(&guard->mutex, NULL);

    if (error)
        return green__refuse(error);
    pthread_once(&once, look_for_membarrier);
    atomic_init(&guard->owner, NULL);
    atomic_init(&guard->busy, false);
    atomic_init(&guard->stage, has_membarrier ? GREEN__ALONE : GREEN__SHARED);
    return 0;
}

void green__biased_lock_destroy(struct green__biased_lock *guard)
{
    struct green__mailbox *owner = atomic_load(&guard->owner);

    if (owner)
        green__mailbox_release(owner);
    pthread_mutex_destroy(&guard->mutex);
}

bool green__biased_lock_own(struct green__biased_lock *guard,
                            struct green__mailbox *mailbox)
{
    struct green__mailbox *nobody = NULL;

    /* So that no later OS thread's mailbox has the same address. */
    green__mailbox_keep(mailbox);
    if (atomic_compare_exchange_strong(&guard->owner, &nobody, mailbox))
        return true;
    green__mailbox_release(mailbox);
    return nobody == mailbox;
}

/* With the mutex held, by another one than the owner: the owner's days of being
 * alone are over. It never waits while it is busy. */
static void end_solitude(struct green__biased_lock *guard)
{
    unsigned round = 0;

    atomic_store(&guard->stage, GREEN__COMING);
    while (green__system.membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) < 0)
        green__back_off(&round); /* the kernel's memory: it passes */
    while (atomic_load_explicit(&guard->busy, memory_order_acquire))
        green__back_off(&round);
    atomic_store_explicit(&guard->stage, GREEN__SHARED, memory_order_release);
}

void green__biased_lock_lock(struct green__biased_lock *guard,
                             struct green__mailbox *mailbox)
{
    pthread_mutex_lock(&guard->mutex);
    if (atomic_load_explicit(&guard->stage, memory_order_acquire) ==
            GREEN__SHARED ||
        (mailbox && atomic_load(&guard->owner) == mailbox))
        return;
    end_solitude(guard);
}
