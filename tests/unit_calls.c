/* hub/calls.c: when another thread's call wakes the hub. */
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

START_TEST(one_wake_for_all_that_ask_during_a_wait)
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

/* Asked for after the hub has taken what there was, and before it waits again: a
 * wake would be for nothing, since it looks once more. */
static void ask_from_a_call(struct green_call *call)
{
    (void)call;
    called++;
    ck_ok(green_hub_call_threadsafe(hub, &second));
}

START_TEST(asked_for_between_two_waits)
{
    first.callback = ask_from_a_call;
    ck_ok(green_hub_call_threadsafe(hub, &first));
    wait_and_dispatch();
    ck_assert_int_eq(called, 1);
    wait_and_dispatch();
    ck_assert_int_eq(called, 2);
}
END_TEST

/* What another thread leaves when its call was taken between its asking and its
 * waking: a wake and nothing to take. The next must wake the hub all the same. */
START_TEST(a_wake_for_nothing)
{
    atomic_store(&hub->wakeup_sent, true);
    wait_and_dispatch();
    ck_ok(green_hub_call_threadsafe(hub, &first));
    ck_assert_int_eq(wakeups, 1);
    wait_and_dispatch();
    ck_assert_int_eq(called, 1);
}
END_TEST

/* ---- The hub goes ------------------------------------------------------ */

static sem_t inside, hub_goes;
static atomic_bool is_closed, woke_a_closed_one;

static void close_slow(struct green_hub *h)
{
    (void)h;
    atomic_store(&is_closed, true);
}

/* The one who wakes is held up here until the hub is about to go, and longer. */
static void wakeup_slow(struct green_hub *h)
{
    (void)h;
    ck_ok(sem_post(&inside));
    ck_ok(sem_wait(&hub_goes));
    for (int i = 0; i < 1000; i++)
        sched_yield();
    atomic_store(&woke_a_closed_one, atomic_load(&is_closed));
}

static const struct green_hub_module slow = {
    .abi = GREEN_HUB_ABI,
    .name = "slow",
    .interest = interest,
    .wait = wait,
    .wakeup = wakeup_slow,
    .close = close_slow,
};

static void tell_that_it_goes(struct green__hub_ref *lease, bool forked)
{
    (void)lease, (void)forked;
    ck_ok(sem_post(&hub_goes));
}

static void *ask(void *of_whom)
{
    ck_ok(green_hub_call_threadsafe(of_whom, &first));
    return NULL;
}

/* It has called what it was asked to, and ends, while whoever asked is still about
 * to wake it. */
START_TEST(whoever_is_waking_it_is_waited_for)
{
    struct green__hub_ref lease = {.end = tell_that_it_goes};
    pthread_t thread;

    ck_ok(sem_init(&inside, 0, 0));
    ck_ok(sem_init(&hub_goes, 0, 0));
    ck_ok(green_use_hub_module(&slow));
    hub = green_get_hub();
    green__hub_ref_add(hub, &lease);
    ck_ok(pthread_create(&thread, NULL, ask, hub));
    ck_ok(sem_wait(&inside));
    wait_and_dispatch();
    ck_assert_int_eq(called, 1);
    ck_ok(green_use_hub_module(&module));
    ck_assert(is_closed);
    ck_ok(pthread_join(thread, NULL));
    ck_assert(!woke_a_closed_one);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("calls");
    TCase *tcase = add_tcase(suite, "calls");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, one_wake_for_all_that_ask_during_a_wait);
    tcase_add_test(tcase, asked_for_between_two_waits);
    tcase_add_test(tcase, a_wake_for_nothing);
    tcase_add_test(tcase, whoever_is_waking_it_is_waited_for);
    return run_suite(suite);
}
