#include "patch/carrier.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/system.h"
#include "io/open_file.h"
#include "patch/settings.h"
#include "patch/signals.h"
#include "patch/thread.h"
#include "sync/mailbox.h"

#define PAUSE_BEFORE_START (10 * GREEN_MSEC)

static _Atomic(struct green__carrier *) carriers;

/* Guards the dealing. */
static pthread_mutex_t dealing = PTHREAD_MUTEX_INITIALIZER;
static unsigned dealt_to; /* as many OS threads */

static const struct green__wait_kind idle = {.name = "carrier"};

/* ---- Answering, on its OS thread -------------------------------------------- */

static void start_again(struct green_timer *timer)
{
    struct green__carrier *carrier = timer->arg;
    struct green__pthread *late = carrier->late;

    carrier->late = NULL;
    while (late) {
        struct green__pthread *next = late->next_late;

        green__carrier_ask(late, GREEN__ASKED_START);
        green__pthread_release(late);
        late = next;
    }
}

/* Its creator was told that it exists: it begins when there is memory. */
static GREEN__COLD void start_later(struct green__carrier *carrier,
                                    struct green__pthread *it)
{
    atomic_fetch_add(&it->holders, 1);
    it->next_late = carrier->late;
    carrier->late = it;
    if (it->next_late)
        return;
    carrier->try_again.callback = start_again;
    carrier->try_again.arg = carrier;
    (void)green_hub_schedule(atomic_load(&carrier->hub), &carrier->try_again,
                             green_now() + PAUSE_BEFORE_START);
}

static void answer_one(struct green__carrier *carrier,
                       struct green__pthread *it)
{
    unsigned asked = atomic_exchange(&it->asked, 0);

    if ((asked & GREEN__ASKED_START) && green__pthread_begin(it) < 0)
        start_later(carrier, it);
    if (asked & GREEN__ASKED_NAME)
        green__pthread_take_name(it);
    if (asked & GREEN__ASKED_SIGNAL)
        green__signals_take(it);
    if (asked & GREEN__ASKED_CANCEL)
        green__cancel_here(it);
    green__pthread_release(it);
}

/* The oldest first. */
static struct green__pthread *turned(struct green__pthread *newest)
{
    struct green__pthread *oldest = NULL;

    while (newest) {
        struct green__pthread *next = newest->next_asked;

        newest->next_asked = oldest;
        oldest = newest;
        newest = next;
    }
    return oldest;
}

static void answer(struct green_call *call)
{
    struct green__carrier *carrier =
        container_of(call, struct green__carrier, call);
    struct green__pthread *it;

    green__mask_follow(carrier);
    it = turned(atomic_exchange(&carrier->asked, NULL));
    while (it) {
        struct green__pthread *next = it->next_asked;

        answer_one(carrier, it);
        it = next;
    }
    if (atomic_load(&carrier->ends) && carrier->idle)
        green__wake(carrier->idle);
}

/* ---- Asking ----------------------------------------------------------------- */

static void call_hub(struct green__carrier *carrier)
{
    struct green_hub *hub;
    int saved = errno;

    atomic_fetch_add(&carrier->askers, 1);
    hub = atomic_load(&carrier->hub);
    if (hub)
        (void)green_hub_call_threadsafe(hub, &carrier->call);
    atomic_fetch_sub(&carrier->askers, 1);
    errno = saved;
}

void green__carrier_ask(struct green__pthread *it, unsigned what)
{
    struct green__carrier *carrier = it->carrier;
    struct green__pthread *newest;

    atomic_fetch_add(&it->holders, 1);
    if (atomic_fetch_or(&it->asked, what)) {
        green__pthread_release(it); /* it is in the inbox */
        return;
    }
    newest = atomic_load(&carrier->asked);
    do
        it->next_asked = newest;
    while (!atomic_compare_exchange_weak(&carrier->asked, &newest, it));
    call_hub(carrier);
}

void green__carriers_take_mask(void)
{
    struct green__carrier *carrier = atomic_load(&carriers);

    for (; carrier; carrier = carrier->next)
        if (atomic_load(&carrier->scheduler) &&
            !green__carrier_is_here(carrier))
            call_hub(carrier);
}

void green__carriers_end(void)
{
    struct green__carrier *carrier = atomic_load(&carriers);

    for (; carrier; carrier = carrier->next) {
        if (!carrier->idle)
            continue;
        atomic_store(&carrier->watched, false);
        atomic_store(&carrier->ends, true);
        call_hub(carrier);
    }
}

/* ---- The calling OS thread's ------------------------------------------------ */

static void on_hub_close(struct green__hub_ref *hub_ref, bool forked)
{
    struct green__carrier *carrier =
        container_of(hub_ref, struct green__carrier, hub_ref);

    atomic_store(&carrier->hub, NULL);
    if (forked)
        return; /* forked_child has seen to the rest */
    while (atomic_load(&carrier->askers) > 0)
        green__system_table()->sched_yield();
    carrier->call.internal.pending = false; /* if the hub never made it */
    carrier->dealt = false;
    atomic_store(&carrier->scheduler, NULL);
}

/* Its OS thread may have another hub than before. */
static struct green__carrier *with_hub(struct green__carrier *carrier,
                                       struct green__scheduler *s)
{
    if (green__likely(atomic_load(&carrier->hub) == s->hub) || !s->hub)
        return carrier;
    carrier->call.callback = answer;
    carrier->hub_ref.end = on_hub_close;
    green__hub_ref_add(s->hub, &carrier->hub_ref);
    atomic_store(&carrier->hub, s->hub);
    return carrier;
}

static struct green__carrier *make_carrier(struct green__scheduler *s)
{
    struct green__carrier *carrier =
        green__system_table()->allocate(1, sizeof *carrier);

    if (!carrier)
        return NULL;
    atomic_init(&carrier->scheduler, s);
    carrier->next = atomic_load(&carriers);
    while (!atomic_compare_exchange_weak(&carriers, &carrier->next, carrier))
        continue;
    return carrier;
}

static struct green__carrier *find_carrier(struct green__scheduler *s)
{
    struct green__carrier *carrier = atomic_load(&carriers);

    while (carrier &&
           atomic_load_explicit(&carrier->scheduler, memory_order_relaxed) != s)
        carrier = carrier->next;
    return carrier;
}

static void learn_os_thread(struct green__carrier *carrier)
{
    const struct green__real *real = green__real();
    void *entered = green__tls_enter_os();

    carrier->os_thread = real->pthread_self();
    carrier->home = green__tls_home_here();
    green__tls_leave_os(entered);
    carrier->self = green__self_here();
    carrier->kernel_id = green__real()->gettid();
    if (real->pthread_getcpuclockid(carrier->os_thread, &carrier->clock) != 0)
        carrier->clock = CLOCK_MONOTONIC;
}

/* Takes one that no OS thread uses, or makes one. */
static GREEN__COLD struct green__carrier *claim(struct green__scheduler *s)
{
    struct green__carrier *carrier = atomic_load(&carriers);
    struct green__scheduler *nobody = NULL;

    for (; carrier; carrier = carrier->next, nobody = NULL)
        if (atomic_compare_exchange_strong(&carrier->scheduler, &nobody, s))
            break;
    if (!carrier)
        carrier = make_carrier(s);
    if (!carrier)
        return NULL;
    learn_os_thread(carrier);
    atomic_store(&carrier->load, 0);
    atomic_store(&carrier->ends, false);
    green__mask_learn(carrier);
    return carrier;
}

struct green__carrier *green__carriers_first(void)
{
    return atomic_load(&carriers);
}

struct green__carrier *green__carrier_here(void)
{
    struct green__scheduler *s = green__self_here()->scheduler;
    struct green__carrier *carrier;

    if (!s)
        return NULL;
    carrier = find_carrier(s);
    if (green__unlikely(!carrier))
        carrier = claim(s);
    return carrier ? with_hub(carrier, s) : NULL;
}

bool green__carrier_is_here(const struct green__carrier *carrier)
{
    const struct green__scheduler *s = green__self_here()->scheduler;

    return s &&
           atomic_load_explicit(&carrier->scheduler, memory_order_relaxed) == s;
}

/* ---- Dealing ---------------------------------------------------------------- */

/* On the stack of who starts an OS thread. */
struct start {
    atomic_int ready;               /* a futex */
    struct green__carrier *carrier; /* NULL: it cannot be one */
};

static void wait_for_ever(struct green__carrier *carrier)
{
    struct green__waiter waiter;

    green__waiter_init(&waiter, &idle);
    while (!atomic_load(&carrier->ends)) {
        carrier->idle = &waiter;
        if (green__park(&waiter) < 0 && errno != EINTR)
            break;
    }
    carrier->idle = NULL;
}

static struct green__carrier *become_carrier(void)
{
    struct green__scheduler *s = green__scheduler();

    if (!s || !green__mailbox() ||
        (green__settings.own_tls && green__tls_here(s) < 0))
        return NULL;
    return green__carrier_here();
}

/* A word that is gone has nobody who waits for it. */
static void wake_starter(atomic_int *ready)
{
    (void)green__system_table()->syscall(SYS_futex, ready, FUTEX_WAKE_PRIVATE,
                                         1, NULL, NULL, 0);
}

static void *carry(void *arg)
{
    struct start *start = arg;
    struct green__carrier *carrier = become_carrier();

    start->carrier = carrier;
    atomic_store(&start->ready, 1); /* from here on `start` may be gone */
    wake_starter(&start->ready);
    if (carrier)
        wait_for_ever(carrier);
    return NULL;
}

/* No call that the report would time: it is not the program's. */
static void await_start(struct start *start)
{
    while (!atomic_load(&start->ready))
        (void)green__system_table()->syscall(
            SYS_futex, &start->ready, FUTEX_WAIT_PRIVATE, 0, NULL, NULL, 0);
}

/* NULL if the system or memory does not allow another OS thread. */
static GREEN__COLD struct green__carrier *start_carrier(void)
{
    const struct green__real *real = green__real();
    struct start start = {.carrier = NULL};
    pthread_t thread;
    int saved = errno;

    if (real->pthread_create(&thread, NULL, carry, &start) == 0) {
        real->pthread_detach(thread);
        await_start(&start);
    }
    errno = saved;
    if (!start.carrier)
        return NULL;
    start.carrier->dealt = true;
    atomic_store(&start.carrier->watched, true);
    dealt_to++;
    return start.carrier;
}

static struct green__carrier *least_loaded(struct green__carrier *here)
{
    struct green__carrier *least = here;

    for (struct green__carrier *it = atomic_load(&carriers); it; it = it->next)
        if (it->dealt && atomic_load(&it->load) < atomic_load(&least->load))
            least = it;
    return least;
}

static struct green__carrier *deal(struct green__carrier *here)
{
    struct green__carrier *least, *started;

    green__real()->pthread_mutex_lock(&dealing);
    least = least_loaded(here);
    if (atomic_load(&least->load) > 0 &&
        dealt_to < green__settings.thread_count) {
        started = start_carrier();
        least = started ? started : least;
    }
    atomic_fetch_add(&least->load, 1);
    green__real()->pthread_mutex_unlock(&dealing);
    return least;
}

struct green__carrier *green__carrier_choose(void)
{
    struct green__carrier *here = green__carrier_here();

    if (here && here->dealt && green__settings.thread_count > 1)
        return deal(here);
    if (here)
        atomic_fetch_add_explicit(&here->load, 1, memory_order_relaxed);
    return here;
}

void green__carrier_leave(struct green__carrier *carrier)
{
    atomic_fetch_sub_explicit(&carrier->load, 1, memory_order_relaxed);
}

unsigned green__carriers_count(void)
{
    return dealt_to;
}

/* ---- fork ------------------------------------------------------------------- */

static void before_fork(void)
{
    green__real()->pthread_mutex_lock(&dealing);
    green__masks_lock();
    green__pthreads_lock();
}

static void in_parent(void)
{
    green__pthreads_unlock();
    green__masks_unlock();
    green__real()->pthread_mutex_unlock(&dealing);
}

/* Only the forking OS thread is in the child. */
static void in_child(void)
{
    struct green__carrier *carrier = atomic_load(&carriers);

    green__masks_forked();
    in_parent();
    dealt_to = 0;
    for (; carrier; carrier = carrier->next) {
        bool here = green__carrier_is_here(carrier);

        if (here)
            learn_os_thread(carrier);
        else
            atomic_store(&carrier->scheduler, NULL);
        atomic_store(&carrier->watched, false);
        carrier->dealt = here && carrier->dealt;
        dealt_to += carrier->dealt;
        atomic_store(&carrier->load, 1);
        atomic_store(&carrier->hub, NULL);
        atomic_store(&carrier->askers, 0);
        atomic_store(&carrier->asked, NULL);
        carrier->call.internal.pending = false;
        carrier->try_again = (struct green_timer){.arg = NULL};
        carrier->late = NULL;
        carrier->idle = NULL;
    }
}

int green__carriers_prepare(void)
{
    static bool prepared;
    struct green__carrier *here = green__carrier_here();

    if (!here)
        return green__refuse(ENOMEM);
    if (prepared)
        return 0;
    if (pthread_atfork(before_fork, in_parent, in_child) != 0)
        return green__refuse(ENOMEM);
    prepared = true;
    here->home = green__tls_home_here();
    here->dealt = true;
    if (green__settings.thread_count > 1)
        green__hubs_share_files();
    atomic_store(&here->load, 1); /* main */
    dealt_to = 1;
    return 0;
}
