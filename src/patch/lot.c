#include "patch/lot.h"

#include <errno.h>
#include <pthread.h>

#include <greenhub/thread.h>

#include "patch/count.h"
#include "patch/lot_native.h"
#include "patch/real.h"

_Static_assert(GREEN__LOT_BUCKETS == 1 << 10, "green__lot_index shifts by 54");

struct green__lot_bucket green__lot[GREEN__LOT_BUCKETS];

static int result_of_preparing;

static struct green__lot_place *lot_place_of(struct green_list *in_line)
{
    return container_of(in_line, struct green__lot_place, place.in_line);
}

static struct green__lot_bucket *
bucket_of(const struct green__shared_place *place)
{
    return container_of(place->shared, struct green__lot_bucket, shared);
}

static void count_out(const struct green__shared_place *place)
{
    atomic_fetch_sub(&bucket_of(place)->waiting, 1);
}

/* ---- Life --------------------------------------------------------------- */

/* A woken greenthread was dropped with its hub: another one has to be woken. */
static void pass_on(struct green__visit *visit,
                    struct green__shared_place *place)
{
    const struct green__lot_place *lot_place =
        container_of(place, struct green__lot_place, place);

    if (lot_place->address)
        green__lot_wake_within(visit, lot_place->address, 1, lot_place->bits);
}

static int init_buckets(void)
{
    for (unsigned i = 0; i < GREEN__LOT_BUCKETS; i++) {
        struct green__lot_bucket *bucket = &green__lot[i];

        bucket->shared.give_back = pass_on;
        green__list_init(&bucket->line);
        atomic_init(&bucket->waiting, 0);
        atomic_init(&bucket->posted, 0);
        if (green__biased_lock_init(&bucket->shared.lock) < 0)
            return errno;
    }
    return 0;
}

/* Only the forking greenthread is in the child, and it does not wait. */
static void forked_child(void)
{
    (void)init_buckets();
}

static void prepare(void)
{
    result_of_preparing = init_buckets();
    if (result_of_preparing == 0)
        result_of_preparing = pthread_atfork(NULL, NULL, forked_child);
}

int green__lot_prepare(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    green__real()->pthread_once(&once, prepare);
    return result_of_preparing ? green__refuse(result_of_preparing) : 0;
}

/* ---- Waiting ------------------------------------------------------------ */

void green__lot_visit(struct green__visit *visit,
                      struct green__lot_bucket *bucket)
{
    visit->shared = &bucket->shared;
    visit->mailbox = green__self_here()->mailbox;
    visit->to_notify = NULL;
    visit->biased =
        green__biased_lock_enter(&bucket->shared.lock, visit->mailbox);
}

static int enter_within(struct green__visit *visit,
                        struct green__lot_place *place, const void *address,
                        const struct green__wait_kind *kind)
{
    struct green__lot_bucket *bucket = green__lot_bucket(address);

    if (green__shared_enter(visit, &bucket->line, &place->place, kind) < 0)
        return -1;
    place->address = address;
    place->bits = UINT32_MAX;
    atomic_fetch_add(&bucket->waiting, 1);
    return 0;
}

int green__lot_enter(struct green__lot_place *place, const void *address,
                     const struct green__wait_kind *kind)
{
    struct green__visit visit;
    int result;

    green__visit_begin(&visit, &green__lot_bucket(address)->shared);
    result = enter_within(&visit, place, address, kind);
    green__visit_end(&visit);
    atomic_thread_fence(memory_order_seq_cst);
    return result;
}

int green__lot_meet(struct green__lot_place *place, const void *address,
                    unsigned *arrived, unsigned count,
                    const struct green__wait_kind *kind)
{
    struct green__visit visit;
    int result = 1;

    green__visit_begin(&visit, &green__lot_bucket(address)->shared);
    if (*arrived + 1 < count) {
        result = enter_within(&visit, place, address, kind);
        *arrived += result == 0;
    } else {
        *arrived = 0;
        green__lot_wake_within(&visit, address, GREEN__LOT_ALL, UINT32_MAX);
    }
    green__visit_end(&visit);
    return result;
}

int green__lot_park(struct green__lot_place *place, green_time deadline)
{
    int result = green__shared_park(&place->place, deadline);

    if (result < 0)
        count_out(&place->place);
    green__count(&green__counted.lock_waits);
    return result;
}

int green__lot_park_shielded(struct green__lot_place *place,
                             green_time deadline)
{
    struct green_shield shield;
    int result, error;

    if (green_shield_begin(&shield) < 0)
        return green__lot_park(place, deadline);
    result = green__lot_park(place, deadline);
    error = errno;
    green_shield_end(&shield);
    errno = error;
    return result;
}

bool green__lot_leave(struct green__lot_place *place)
{
    int saved = errno;
    bool woken = green__shared_leave(&place->place);

    errno = saved;
    if (!woken)
        count_out(&place->place);
    return woken;
}

/* ---- Waking ------------------------------------------------------------- */

void green__lot_wake_place(struct green__visit *visit,
                           struct green__lot_place *place)
{
    green__shared_take_one(&place->place);
    count_out(&place->place);
    if (!place->place.mailbox) {
        green__lot_wake_native(place);
        return;
    }
    if (place->place.mailbox != visit->mailbox)
        green__count(&green__counted.foreign_wakes);
    green__shared_post(visit, &place->place, 0);
}

unsigned green__lot_wake_within(struct green__visit *visit, const void *address,
                                unsigned most, uint32_t bits)
{
    const struct green_list *line = &green__lot_bucket(address)->line;
    struct green_list *here, *next;
    unsigned woken = 0;

    for (here = line->next; here != line && woken < most; here = next) {
        struct green__lot_place *place = lot_place_of(here);

        next = here->next;
        if (place->address != address || !(place->bits & bits))
            continue;
        green__lot_wake_place(visit, place);
        woken++;
    }
    return woken;
}

GREEN__COLD unsigned green__lot_wake_bits(const void *address, unsigned most,
                                          uint32_t bits)
{
    struct green__visit visit;
    unsigned woken;

    green__lot_visit(&visit, green__lot_bucket(address));
    woken = green__lot_wake_within(&visit, address, most, bits);
    green__visit_end(&visit);
    return woken;
}

GREEN__COLD unsigned green__lot_wake_slow(const void *address, unsigned most)
{
    return green__lot_wake_bits(address, most, UINT32_MAX);
}

GREEN__COLD void green__lot_forget_slow(const void *address)
{
    struct green__lot_bucket *bucket = green__lot_bucket(address);
    struct green__visit visit;

    green__lot_visit(&visit, bucket);
    for (struct green_list *here = bucket->line.next; here != &bucket->line;
         here = here->next)
        if (lot_place_of(here)->address == address)
            lot_place_of(here)->address = NULL;
    green__visit_end(&visit);
}
