/*
 * A semaphore. Takers wait only while there is no permit, givers only while
 * there is no room: release passes a permit straight to the first taker.
 */
#include "sync/waiters.h"

static const struct green__wait_kind taking = {.name = "semaphore",
                                               .inside = true};
static const struct green__wait_kind giving = {.name = "semaphore to be taken",
                                               .inside = true};

int green_semaphore_init(struct green_semaphore *semaphore, size_t count,
                         size_t limit)
{
    if (!semaphore || (limit && count > limit))
        return green__refuse(EINVAL);
    *semaphore = (struct green_semaphore){
        .internal = {.count = count, .limit = limit},
    };
    return 0;
}

/* Takes a permit, which there is. If a giver waits, its permit replaces it. */
static int take_permit(struct green_semaphore *semaphore)
{
    if (!green__line_wake_first(&semaphore->internal.givers))
        semaphore->internal.count--;
    return 0;
}

/* Whether there is room for one more permit. */
static bool has_room(const struct green_semaphore *semaphore)
{
    size_t limit =
        semaphore->internal.limit ? semaphore->internal.limit : SIZE_MAX;

    return semaphore->internal.count < limit;
}

static int give_permit(struct green_semaphore *semaphore)
{
    if (!green__line_wake_first(&semaphore->internal.takers))
        semaphore->internal.count++;
    return 0;
}

int green_semaphore_try_acquire(struct green_semaphore *semaphore)
{
    if (!semaphore)
        return green__refuse(EINVAL);
    return semaphore->internal.count ? take_permit(semaphore)
                                     : green__refuse(EAGAIN);
}

int green_semaphore_acquire(struct green_semaphore *semaphore)
{
    struct green_place here;

    if (!semaphore)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (semaphore->internal.count)
        return green__call_done(take_permit(semaphore));
    return green__line_wait(&semaphore->internal.takers, &here, &taking);
}

int green_semaphore_release(struct green_semaphore *semaphore)
{
    if (!semaphore)
        return green__refuse(EINVAL);
    return has_room(semaphore) ? give_permit(semaphore)
                               : green__refuse(EOVERFLOW);
}

int green_semaphore_release_wait(struct green_semaphore *semaphore)
{
    struct green_place here;

    if (!semaphore)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (has_room(semaphore))
        return green__call_done(give_permit(semaphore));
    return green__line_wait(&semaphore->internal.givers, &here, &giving);
}

size_t green_semaphore_count(const struct green_semaphore *semaphore)
{
    return semaphore ? semaphore->internal.count : 0;
}
