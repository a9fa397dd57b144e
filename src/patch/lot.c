#include "patch/lot.h"

#include <errno.h>
#include <pthread.h>

#include <greenhub/thread.h>

#include "patch/count.h"

_Static_assert(GREEN__LOT_BUCKETS == 1 << 10, "green__lot_bucket shifts by 54");

struct green__lot_bucket green__lot[GREEN__LOT_BUCKETS];

static int result_of_preparing;

static int init_buckets(void)
{
    for (unsigned i = 0; i < GREEN__LOT_BUCKETS; i++) {
        green__list_init(&green__lot[i].line);
        atomic_init(&green__lot[i].waiting, 0);
        if (green__biased_lock_init(&green__lot[i].shared.lock) < 0)
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

    pthread_once(&once, prepare);
    return result_of_preparing ? green__refuse(result_of_preparing) : 0;
}

/* ---- Waiting ------------------------------------------------------------ */

int green__lot_enter(struct green__shared_place *place, const void *address,
                     const struct green__wait_kind *kind)
{
    struct green__lot_bucket *bucket = green__lot_bucket(address);
    struct green__visit visit;
    int result;

    green__visit_begin(&visit, &bucket->shared);
    result = green__shared_enter(&visit, &bucket->line, place, kind);
    place->value = (void *)(uintptr_t)address;
    green__visit_end(&visit);
    if (result < 0)
        return -1;
    atomic_fetch_add(&bucket->waiting, 1);
    atomic_thread_fence(memory_order_seq_cst);
    return 0;
}

static void count_out(const struct green__shared_place *place)
{
    atomic_fetch_sub(&green__lot_bucket(place->value)->waiting, 1);
}

int green__lot_park(struct green__shared_place *place, green_time deadline)
{
    int result = green__shared_park(place, deadline);

    count_out(place);
    green__count(&green__counted.lock_waits);
    return result;
}

int green__lot_park_shielded(struct green__shared_place *place,
                             green_time deadline)
{
    struct green_shield shield;
    int result;

    if (green_shield_begin(&shield) < 0)
        return green__lot_park(place, deadline);
    result = green__lot_park(place, deadline);
    green_shield_end(&shield);
    return result;
}

bool green__lot_leave(struct green__shared_place *place)
{
    bool woken = green__shared_leave(place);

    count_out(place);
    return woken;
}

/* ---- Waking ------------------------------------------------------------- */

static void wake_place(struct green__visit *visit,
                       struct green__shared_place *place)
{
    green__shared_take_one(place);
    green__shared_post(visit, place, 0);
    if (place->mailbox != visit->mailbox)
        green__count(&green__counted.foreign_wakes);
}

unsigned green__lot_wake_slow(const void *address, unsigned most)
{
    struct green__lot_bucket *bucket = green__lot_bucket(address);
    struct green_list *link, *next;
    struct green__visit visit;
    unsigned woken = 0;

    green__visit_begin(&visit, &bucket->shared);
    for (link = bucket->line.next; link != &bucket->line && woken < most;
         link = next) {
        struct green__shared_place *place =
            container_of(link, struct green__shared_place, in_line);

        next = link->next;
        if (place->value != address)
            continue;
        wake_place(&visit, place);
        woken++;
    }
    green__visit_end(&visit);
    return woken;
}
