#include "patch/post.h"

#include <errno.h>
#include <sched.h>
#include <semaphore.h>

#include "base/system.h"
#include "patch/count.h"
#include "patch/real.h"
#include "patch/rule.h"

/* ---- Hubs to ask ----------------------------------------------------------- */

/*
 * A hub whose greenthreads have waited for semaphores. It is never freed, since
 * a signal handler may look at it at any time; another hub reuses it.
 */
struct asked_hub {
    struct asked_hub *next;
    _Atomic(struct green_hub *) hub; /* NULL: closed */
    atomic_uint askers;              /* inside a call that uses `hub` */
    atomic_uint waits;               /* its greenthreads that wait now */
    uint64_t bit;                    /* in green__lot_bucket.posted */
    struct green_call call;
    struct green__hub_ref hub_ref;
};

static _Atomic(struct asked_hub *) asked_hubs;
static atomic_uint hub_count;

/* The buckets to look at. */
static _Atomic(uint64_t) marked[GREEN__LOT_BUCKETS / 64];

static void look_at_marked(struct green_call *call);

static void on_hub_close(struct green__hub_ref *hub_ref, bool forked)
{
    struct asked_hub *asked = container_of(hub_ref, struct asked_hub, hub_ref);

    atomic_store(&asked->hub, NULL);
    if (forked)
        atomic_store(&asked->askers, 0);
    while (atomic_load(&asked->askers) > 0)
        green__system_table()->sched_yield();
    /* A call that the hub never makes. */
    asked->call.internal.pending = false;
    atomic_store(&asked->waits, 0);
}

static struct asked_hub *make_asked_hub(void)
{
    struct asked_hub *asked = green__system_table()->allocate(1, sizeof *asked);

    if (!asked)
        return NULL;
    /* More than 64 share their bits. */
    asked->bit = UINT64_C(1) << atomic_fetch_add(&hub_count, 1) % 64;
    asked->call.callback = look_at_marked;
    asked->next = atomic_load(&asked_hubs);
    while (!atomic_compare_exchange_weak(&asked_hubs, &asked->next, asked))
        continue;
    return asked;
}

static struct asked_hub *find_hub(const struct green_hub *hub)
{
    struct asked_hub *asked = atomic_load(&asked_hubs);

    while (asked && atomic_load(&asked->hub) != hub)
        asked = asked->next;
    return asked;
}

/* Takes one that no hub uses. */
static struct asked_hub *claim_hub(struct green_hub *hub)
{
    struct asked_hub *asked = atomic_load(&asked_hubs);
    struct green_hub *nobody = NULL;

    for (; asked; asked = asked->next, nobody = NULL)
        if (atomic_compare_exchange_strong(&asked->hub, &nobody, hub))
            return asked;
    asked = make_asked_hub();
    if (asked)
        atomic_store(&asked->hub, hub);
    return asked;
}

static struct asked_hub *hub_to_ask(void)
{
    struct green_hub *hub = green__hub_here();
    struct asked_hub *asked = find_hub(hub);

    if (asked)
        return asked;
    asked = claim_hub(hub);
    if (!asked)
        return NULL;
    asked->hub_ref.end = on_hub_close;
    green__hub_ref_add(hub, &asked->hub_ref);
    return asked;
}

int green__post_expect(const void *semaphore)
{
    struct asked_hub *asked = hub_to_ask();

    if (!asked)
        return green__refuse(ENOMEM);
    atomic_fetch_add(&asked->waits, 1);
    atomic_fetch_or(&green__lot_bucket(semaphore)->posted, asked->bit);
    return 0;
}

void green__post_expected(void)
{
    struct asked_hub *asked = find_hub(green__hub_here());

    if (asked)
        atomic_fetch_sub(&asked->waits, 1);
}

/* ---- Posting --------------------------------------------------------------- */

static void ask(struct asked_hub *asked)
{
    struct green_hub *hub;

    atomic_fetch_add(&asked->askers, 1);
    hub = atomic_load(&asked->hub);
    if (hub)
        green_hub_call_threadsafe(hub, &asked->call);
    atomic_fetch_sub(&asked->askers, 1);
}

void green__post_slow(const void *semaphore)
{
    unsigned index = green__lot_index(semaphore);
    uint64_t hubs = atomic_load(&green__lot[index].posted);
    struct asked_hub *asked;
    int saved = errno;

    if (!hubs)
        return; /* they wait for something else */
    atomic_fetch_or(&marked[index / 64], UINT64_C(1) << index % 64);
    atomic_thread_fence(memory_order_seq_cst);
    for (asked = atomic_load(&asked_hubs); asked; asked = asked->next)
        if ((asked->bit & hubs) && atomic_load(&asked->waits) > 0)
            ask(asked);
    errno = saved;
}

/* ---- Waking ---------------------------------------------------------------- */

static unsigned value_of(const void *semaphore)
{
    int value = 0;

    sem_getvalue((sem_t *)(uintptr_t)semaphore, &value);
    return value > 0 ? (unsigned)value : 0;
}

/* Those that wait keep their semaphores alive. One too many may wake, where
 * waits for two semaphores alternate in the line. */
static void wake_for_values(struct green__visit *visit,
                            struct green__lot_bucket *bucket)
{
    const void *last = NULL;
    struct green_list *here, *next;
    unsigned left = 0;

    for (here = bucket->line.next; here != &bucket->line; here = next) {
        struct green__lot_place *place =
            container_of(here, struct green__lot_place, place.in_line);

        next = here->next;
        if (place->place.post.waiter.kind != &green__waiting_for_semaphore ||
            !place->address)
            continue;
        if (place->address != last)
            left = value_of(place->address);
        last = place->address;
        if (left > 0) {
            left--;
            green__lot_wake_place(visit, place);
        }
    }
}

static void look_at(struct green__lot_bucket *bucket)
{
    struct green__visit visit;

    green__lot_visit(&visit, bucket);
    wake_for_values(&visit, bucket);
    green__visit_end(&visit);
}

static void look_at_marked(struct green_call *call)
{
    (void)call;
    /* Against a post that found this call requested already. */
    atomic_thread_fence(memory_order_seq_cst);
    for (unsigned word = 0; word < sizeof marked / sizeof *marked; word++) {
        uint64_t bits =
            atomic_load_explicit(&marked[word], memory_order_relaxed);

        if (bits)
            bits = atomic_exchange(&marked[word], 0);
        for (; bits; bits &= bits - 1)
            look_at(&green__lot[word * 64 + (unsigned)__builtin_ctzll(bits)]);
    }
}
