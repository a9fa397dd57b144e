/* hub/calls.c: when a call from another OS thread wakes the hub. */
#include "hub/hub.h"
#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

static struct green_hub *hub;
static int wakeups, called;

static int interest(struct green_hub *h, int fd, uint64_t token, unsigned from,
                    unsigned to)
{
    (void)h, (void)fd, (void)token, (void)from, (void)to;
    return 0;
}

static int wait(struct green_hub *h, green_time timeout)
{
    (void)h, (void)timeout;
    return 0;
}

static void wakeup(struct green_hub *h)
{
    (void)h;
    wakeups++;
}

static const struct green_hub_module module = {
    .abi = GREEN_HUB_ABI,
    .name = "counts",
    .interest = interest,
    .wait = wait,
    .wakeup = wakeup,
};

static void count(struct green_call *call)
{
    (void)call;
    called++;
}

static struct green_call first = {.callback = count};
static struct green_call second = {.callback = count};

static void set_up(void)
{
    ck_ok(green_use_hub_module(&module));
    hub = green_get_hub();
}

static void wait_and_dispatch(void)
{
    ck_ok(green_hub_wait(hub, GREEN_FOREVER));
    ck_ok(green_hub_dispatch(hub));
}

START_TEST(one_wakeup_for_all_calls_during_a_wait)
{
    ck_ok(green_hub_call_threadsafe(hub, &first));
    ck_ok(green_hub_call_threadsafe(hub, &second));
    ck_assert_int_eq(wakeups, 1);
    wait_and_dispatch();
    ck_assert_int_eq(called, 2);
    wait_and_dispatch();
    ck_ok(green_hub_call_threadsafe(hub, &first));
    ck_assert_int_eq(wakeups, 2);
}
END_TEST

/* Requested after the hub has taken its calls, and before it waits again: a
 * wake-up is unnecessary, since the hub checks once more. */
static void request_in_a_call(struct green_call *call)
{
    (void)call;
    called++;
    ck_ok(green_hub_call_threadsafe(hub, &second));
}

START_TEST(requested_between_two_waits)
{
    first.callback = request_in_a_call;
    ck_ok(green_hub_call_threadsafe(hub, &first));
    wait_and_dispatch();
    ck_assert_int_eq(called, 1);
    wait_and_dispatch();
    ck_assert_int_eq(called, 2);
}
END_TEST

/* The hub may run a call after another OS thread has requested it and before
 * that OS thread wakes the hub: then a wake-up arrives without a call. The next
 * request must wake the hub all the same. */
START_TEST(a_wakeup_without_a_call)
{
    atomic_store(&hub->wakeup_sent, true);
    wait_and_dispatch();
    ck_ok(green_hub_call_threadsafe(hub, &first));
    ck_assert_int_eq(wakeups, 1);
    wait_and_dispatch();
    ck_assert_int_eq(called, 1);
}
END_TEST

/* ---- The hub is eliminated --------------------------------------------- */

static sem_t inside, hub_is_ending;
static atomic_bool is_closed, woke_a_closed_hub;

static void close_slow(struct green_hub *h)
{
    (void)h;
    atomic_store(&is_closed, true);
}

/* Keeps the waking OS thread here until the hub is about to close, and
 * longer. */
static void wakeup_slow(struct green_hub *h)
{
    (void)h;
    ck_ok(sem_post(&inside));
    ck_ok(sem_wait(&hub_is_ending));
    for (int i = 0; i < 1000; i++)
        sched_yield();
    atomic_store(&woke_a_closed_hub, atomic_load(&is_closed));
}

static const struct green_hub_module slow = {
    .abi = GREEN_HUB_ABI,
    .name = "slow",
    .interest = interest,
    .wait = wait,
    .wakeup = wakeup_slow,
    .close = close_slow,
};

static void post_hub_is_ending(struct green__hub_ref *ref, bool forked)
{
    (void)ref, (void)forked;
    ck_ok(sem_post(&hub_is_ending));
}

static void *request(void *requested_hub)
{
    ck_ok(green_hub_call_threadsafe(requested_hub, &first));
    return NULL;
}

/* The hub runs the call, and closes while the OS thread that requested it is
 * still about to wake the hub. */
START_TEST(a_close_waits_for_the_waking_thread)
{
    struct green__hub_ref ref = {.end = post_hub_is_ending};
    pthread_t thread;

    ck_ok(sem_init(&inside, 0, 0));
    ck_ok(sem_init(&hub_is_ending, 0, 0));
    ck_ok(green_use_hub_module(&slow));
    hub = green_get_hub();
    green__hub_ref_add(hub, &ref);
    ck_ok(pthread_create(&thread, NULL, request, hub));
    ck_ok(sem_wait(&inside));
    wait_and_dispatch();
    ck_assert_int_eq(called, 1);
    ck_ok(green_use_hub_module(&module));
    ck_assert(is_closed);
    ck_ok(pthread_join(thread, NULL));
    ck_assert(!woke_a_closed_hub);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calls");
    TCase *tcase = add_tcase(suite, "calls");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, one_wakeup_for_all_calls_during_a_wait);
    tcase_add_test(tcase, requested_between_two_waits);
    tcase_add_test(tcase, a_wakeup_without_a_call);
    tcase_add_test(tcase, a_close_waits_for_the_waking_thread);
    return run_suite(suite);
}
