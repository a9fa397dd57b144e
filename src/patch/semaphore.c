/* Semaphores. Unlike those for locks, waits for them are ended by kills and
 * timeouts: sem_wait has errors. */
#include <errno.h>

#include <greenhub/thread.h>

#include "greenthread/call.h"
#include "patch/cancel.h"
#include "patch/count.h"
#include "patch/kinds.h"
#include "patch/lock.h"
#include "patch/post.h"

const struct green__wait_kind green__waiting_for_semaphore = {.name =
                                                                  "semaphore"};

static int wait_natively(sem_t *semaphore, const struct green__limit *limit)
{
    green__count(&green__counted.native_instead);
    if (limit->until)
        return green__real()->sem_clockwait(semaphore, limit->clock,
                                            limit->until);
    return green__real()->sem_wait(semaphore);
}

/* After a wait: -1 with EAGAIN to try again. */
static int park_for_post(struct green__lot_place *here,
                         const struct green__limit *limit)
{
    if (green__limit_is_over(limit)) {
        if (green__lot_leave(here))
            return green__refuse(EAGAIN);
        return green__refuse(ETIMEDOUT);
    }
    if (green__lot_park(here, limit->deadline) < 0 && errno != EAGAIN)
        return -1;
    return green__refuse(EAGAIN);
}

static int wait_and_try(sem_t *semaphore, const struct green__limit *limit)
{
    struct green__lot_place here;

    if (green__lot_enter(&here, semaphore, &green__waiting_for_semaphore) < 0)
        return wait_natively(semaphore, limit);
    if (sem_trywait(semaphore) < 0)
        return errno == EAGAIN ? park_for_post(&here, limit) : -1;
    if (green__lot_leave(&here)) /* it had this one without that */
        green__lot_wake_slow(semaphore, 1);
    return 0;
}

static int wait_in_lot(sem_t *semaphore, const struct green__limit *limit)
{
    int result;

    do {
        if (green__post_expect(semaphore) < 0)
            return wait_natively(semaphore, limit);
        result = wait_and_try(semaphore, limit);
        green__post_expected();
        if (result < 0 && errno == EAGAIN)
            result = sem_trywait(semaphore);
    } while (result < 0 && errno == EAGAIN);
    return result;
}

/* Another process may post, which cannot be seen. */
static int wait_by_trying(sem_t *semaphore, const struct green__limit *limit)
{
    green_time nap = 20 * GREEN_USEC, longest = GREEN_MSEC;

    while (sem_trywait(semaphore) < 0) {
        if (errno != EAGAIN)
            return -1;
        if (green__limit_is_over(limit))
            return green__refuse(ETIMEDOUT);
        if (green_sleep(nap) < 0)
            return -1;
        nap = 2 * nap < longest ? 2 * nap : longest;
    }
    return 0;
}

static GREEN__COLD int wait_for_post(sem_t *semaphore,
                                     struct green__limit *limit)
{
    green__limit_begin(limit);
    return green__semaphore_is_shared(semaphore)
               ? wait_by_trying(semaphore, limit)
               : wait_in_lot(semaphore, limit);
}

static int wait_greenly(sem_t *semaphore, struct green__limit *limit)
{
    int saved = errno;

    if (green__call_begins() < 0)
        return -1;
    if (sem_trywait(semaphore) == 0)
        return green__call_done(0);
    if (errno != EAGAIN || wait_for_post(semaphore, limit) < 0)
        return -1;
    errno = saved;
    return 0;
}

/* A cancellation point of a thread that is a greenthread. */
static int as_point(sem_t *semaphore, struct green__limit *limit)
{
    green__point_begins(green__running()->current);
    return (int)green__point_ends(wait_greenly(semaphore, limit));
}

/* ---- The functions --------------------------------------------------------- */

GREEN__HOOK int sem_wait(sem_t *semaphore)
{
    if (green__lock_is_green())
        return as_point(semaphore, GREEN__NO_LIMIT);
    return green__real()->sem_wait(semaphore);
}

/* libc checks the time even if there is no need to wait. */
static int wait_until(sem_t *semaphore, clockid_t clock,
                      const struct timespec *until)
{
    struct green__limit limit = {.clock = clock, .until = until};

    if (!green__limit_has_clock(clock) || !green__limit_begin(&limit))
        return green__refuse(EINVAL);
    return as_point(semaphore, &limit);
}

GREEN__HOOK int sem_timedwait(sem_t *semaphore, const struct timespec *until)
{
    if (green__lock_is_green())
        return wait_until(semaphore, CLOCK_REALTIME, until);
    return green__real()->sem_timedwait(semaphore, until);
}

GREEN__HOOK int sem_clockwait(sem_t *semaphore, clockid_t clock,
                              const struct timespec *until)
{
    if (green__lock_is_green())
        return wait_until(semaphore, clock, until);
    return green__real()->sem_clockwait(semaphore, clock, until);
}

/* Async-signal-safe. */
GREEN__HOOK int sem_post(sem_t *semaphore)
{
    int result = green__real()->sem_post(semaphore);

    if (green__likely(result == 0))
        green__post(semaphore);
    return result;
}

GREEN__HOOK int sem_init(sem_t *semaphore, int shared, unsigned value)
{
    green__lot_forget(semaphore);
    return green__real()->sem_init(semaphore, shared, value);
}

GREEN__HOOK int sem_destroy(sem_t *semaphore)
{
    green__lot_forget(semaphore);
    return green__real()->sem_destroy(semaphore);
}
