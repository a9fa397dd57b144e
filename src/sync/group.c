/* Waiting for several greenthreads: wait group and barrier. */
#include "sync/waiters.h"

static const struct green__wait_kind waiting = {.name = "wait group",
                                                .inside = true};
static const struct green__wait_kind arriving = {.name = "barrier",
                                                 .inside = true};

/* ---- Wait group ------------------------------------------------------ */

int green_wait_group_add(struct green_wait_group *group, ptrdiff_t number)
{
    size_t *count, rest;

    if (!group)
        return green__refuse(EINVAL);
    count = &group->internal.count;
    rest = number < 0 ? *count : SIZE_MAX - *count;
    if ((number < 0 ? (size_t)0 - (size_t)number : (size_t)number) > rest)
        return green__refuse(ERANGE);
    *count += (size_t)number;
    if (*count == 0)
        green__line_wake_all(&group->internal.waiters);
    return 0;
}

int green_wait_group_done(struct green_wait_group *group)
{
    return green_wait_group_add(group, -1);
}

int green_wait_group_wait(struct green_wait_group *group)
{
    struct green_place here;

    if (!group)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (group->internal.count == 0)
        return green__call_done(0);
    return green__line_wait(&group->internal.waiters, &here, &waiting);
}

size_t green_wait_group_count(const struct green_wait_group *group)
{
    return group ? group->internal.count : 0;
}

/* ---- Barrier --------------------------------------------------------- */

int green_barrier_init(struct green_barrier *barrier, size_t parties)
{
    if (!barrier || parties == 0)
        return green__refuse(EINVAL);
    *barrier = (struct green_barrier){.internal = {.parties = parties}};
    return 0;
}

int green_barrier_wait(struct green_barrier *barrier)
{
    struct green_place here;

    if (!barrier || barrier->internal.parties == 0)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (barrier->internal.arrived + 1 == barrier->internal.parties) {
        barrier->internal.arrived = 0;
        green__line_wake_all(&barrier->internal.waiters);
        return green__call_done(1);
    }
    barrier->internal.arrived++;
    if (green__line_wait(&barrier->internal.waiters, &here, &arriving) == 0)
        return 0;
    barrier->internal.arrived--;
    return -1;
}
