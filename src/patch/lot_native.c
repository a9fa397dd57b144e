#include "patch/lot_native.h"

#include <errno.h>

#include "patch/real.h"

static void append_native(struct green__lot_native *here, const void *address)
{
    struct green__lot_bucket *bucket = green__lot_bucket(address);

    green__real()->sem_init(&here->woken, 0, 0);
    here->in_lot = (struct green__lot_place){
        .place = {.shared = &bucket->shared, .line = &bucket->line},
        .address = address,
        .bits = UINT32_MAX,
    };
    green__list_append(&bucket->line, &here->in_lot.place.in_line);
    atomic_fetch_add(&bucket->waiting, 1);
}

void green__lot_enter_native(struct green__lot_native *here,
                             const void *address)
{
    struct green__visit visit;

    green__lot_visit(&visit, green__lot_bucket(address));
    append_native(here, address);
    green__visit_end(&visit);
    atomic_thread_fence(memory_order_seq_cst);
}

bool green__lot_meet_native(struct green__lot_native *here, const void *address,
                            unsigned *arrived, unsigned count)
{
    bool last;
    struct green__visit visit;

    green__lot_visit(&visit, green__lot_bucket(address));
    last = *arrived + 1 >= count;
    *arrived = last ? 0 : *arrived + 1;
    if (last)
        green__lot_wake_within(&visit, address, GREEN__LOT_ALL, UINT32_MAX);
    else
        append_native(here, address);
    green__visit_end(&visit);
    return last;
}

static int wait_once(struct green__lot_native *here, clockid_t clock,
                     const struct timespec *until)
{
    if (until)
        return green__real()->sem_clockwait(&here->woken, clock, until);
    return green__real()->sem_wait(&here->woken);
}

int green__lot_wait_native(struct green__lot_native *here, clockid_t clock,
                           const struct timespec *until)
{
    int saved = errno, error = 0;

    while (wait_once(here, clock, until) < 0) {
        error = errno;
        if (error != EINTR)
            break;
        error = 0;
    }
    errno = saved;
    /* A wake-up may have come since. */
    return error && !green__lot_leave_native(here) ? error : 0;
}

bool green__lot_leave_native(struct green__lot_native *here)
{
    struct green__shared_place *place = &here->in_lot.place;
    struct green__lot_bucket *bucket =
        container_of(place->shared, struct green__lot_bucket, shared);
    struct green__visit visit;
    bool woken;

    green__lot_visit(&visit, bucket);
    woken = place->settled;
    if (!woken) {
        green__shared_take_one(place);
        atomic_fetch_sub(&bucket->waiting, 1);
    }
    green__visit_end(&visit);
    return woken;
}

/* From the post on its stack may be gone. */
void green__lot_wake_native(struct green__lot_place *place)
{
    struct green__lot_native *here =
        container_of(place, struct green__lot_native, in_lot);

    green__real()->sem_post(&here->woken);
}
