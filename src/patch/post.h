/*
 * sem_post, which a signal handler may call: it may have interrupted anything,
 * such as a switch, or the lot while its lock is held. So it touches neither.
 * It marks the semaphore's bucket, and asks each hub whose greenthreads wait
 * for semaphores in that bucket to look there. The semaphore's value says how
 * many to wake.
 */
#ifndef GREEN_PATCH_POST_H
#define GREEN_PATCH_POST_H

#include "patch/lot.h"

extern const struct green__wait_kind green__waiting_for_semaphore;

/* The calling greenthread is about to enter the lot at this semaphore: from now
 * on its hub is asked. 0, or -1 with ENOMEM. */
int green__post_expect(const void *semaphore);
/* It does not wait any more. */
void green__post_expected(void);

/* After libc's sem_post. Async-signal-safe; preserves errno. */
void green__post_slow(const void *semaphore);

static inline void green__post(const void *semaphore)
{
    green__release_fence();
    if (green__lot_has_waiters(semaphore))
        green__post_slow(semaphore);
}

#endif
