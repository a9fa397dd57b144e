/*
 * Barriers. libc's have no call that counts an arrival without a wait, so those
 * of this process are made here, for greenthreads and OS threads alike: all
 * wait in the lot. Barriers shared by processes stay libc's, and block.
 */
#include <errno.h>

#include "patch/count.h"
#include "patch/lock.h"
#include "patch/lot_native.h"

static const struct green__wait_kind waiting_for_barrier = {.name = "barrier"};

/* In the memory of a pthread_barrier_t. */
struct barrier {
    uint64_t mark; /* says that it is one of these */
    unsigned count;
    unsigned arrived; /* under the lot's lock */
};

_Static_assert(sizeof(struct barrier) <= sizeof(pthread_barrier_t),
               "it lies in the other");

static struct barrier *barrier_of(pthread_barrier_t *barrier)
{
    return (struct barrier *)(void *)barrier;
}

static uint64_t mark_of(const pthread_barrier_t *barrier)
{
    return UINT64_C(0x6772656e62617272) ^ (uintptr_t)barrier;
}

static bool is_ours(pthread_barrier_t *barrier)
{
    return barrier_of(barrier)->mark == mark_of(barrier);
}

static bool is_shared(const pthread_barrierattr_t *attr)
{
    int shared = PTHREAD_PROCESS_PRIVATE;

    return attr && pthread_barrierattr_getpshared(attr, &shared) == 0 &&
           shared != PTHREAD_PROCESS_PRIVATE;
}

/* libc's function checks the arguments. */
GREEN__HOOK int pthread_barrier_init(pthread_barrier_t *barrier,
                                     const pthread_barrierattr_t *attr,
                                     unsigned count)
{
    int saved = errno;
    int error = green__real()->pthread_barrier_init(barrier, attr, count);

    if (error == 0 && !is_shared(attr) && green__lot_prepare() == 0) {
        green__lot_forget(barrier);
        *barrier_of(barrier) =
            (struct barrier){.mark = mark_of(barrier), .count = count};
    }
    errno = saved;
    return error;
}

GREEN__HOOK int pthread_barrier_destroy(pthread_barrier_t *barrier)
{
    if (!is_ours(barrier))
        return green__real()->pthread_barrier_destroy(barrier);
    green__lot_forget(barrier);
    barrier_of(barrier)->mark = 0;
    return 0;
}

static int wait_natively(pthread_barrier_t *barrier)
{
    struct green__lot_native here;
    struct barrier *ours = barrier_of(barrier);
    int state;

    if (green__lot_meet_native(&here, barrier, &ours->arrived, ours->count))
        return PTHREAD_BARRIER_SERIAL_THREAD;
    /* No cancellation point: it has arrived. */
    green__real()->pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
    green__lot_wait_native(&here, CLOCK_REALTIME, NULL);
    green__real()->pthread_setcancelstate(state, &state);
    return 0;
}

static int wait_greenly(pthread_barrier_t *barrier)
{
    struct green__lot_place here;
    struct barrier *ours = barrier_of(barrier);
    int saved = errno;
    int result = green__lot_meet(&here, barrier, &ours->arrived, ours->count,
                                 &waiting_for_barrier);

    if (result < 0) {
        green__count(&green__counted.native_instead);
        return wait_natively(barrier);
    }
    if (result == 0 && green__lot_park_shielded(&here, GREEN_FOREVER) < 0)
        return errno; /* of a hub that failed */
    errno = saved;
    return result ? PTHREAD_BARRIER_SERIAL_THREAD : 0;
}

GREEN__HOOK int pthread_barrier_wait(pthread_barrier_t *barrier)
{
    if (!is_ours(barrier))
        return green__real()->pthread_barrier_wait(barrier);
    if (green__lock_is_green())
        return wait_greenly(barrier);
    return wait_natively(barrier);
}
