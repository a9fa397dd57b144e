/* Timers of the loop: order, moving, cancelling, iterations. */
#include "support.h"

#include <stdlib.h>

static struct green_hub *hub;
static int order[64], fired;

static void set_up(void)
{
    hub = green_get_hub();
    ck_assert_ptr_nonnull(hub);
}

static void iterate(green_time timeout)
{
    ck_ok(green_hub_wait(hub, timeout));
    ck_ok(green_hub_dispatch(hub));
}

static void note(struct green_timer *timer)
{
    ck_assert_int_ge(green_now(), timer->when);
    order[fired++] = (int)(intptr_t)timer->arg;
}

START_TEST(in_the_order_of_time_and_arming)
{
    const int delays[] = {9, 3, 3, 7, 0, 3, 9, 1, 0, 7};
    enum { COUNT = 10 };
    struct green_timer timers[COUNT] = {0};
    green_time start = green_now();

    for (int i = 0; i < COUNT; i++) {
        timers[i].callback = note;
        timers[i].arg = (void *)(intptr_t)i;
        ck_ok(green_hub_schedule(hub, &timers[i],
                                 start + delays[i] * GREEN_MSEC));
    }
    while (fired < COUNT)
        iterate(GREEN_FOREVER);
    for (int i = 1; i < COUNT; i++) {
        int a = order[i - 1], b = order[i];

        ck_assert(delays[a] < delays[b] || (delays[a] == delays[b] && a < b));
    }
}
END_TEST

START_TEST(equal_times_in_the_order_of_arming)
{
    struct green_timer timers[50] = {0};
    green_time when = green_now() + GREEN_MSEC;

    for (int i = 0; i < 50; i++) {
        timers[i].callback = note;
        timers[i].arg = (void *)(intptr_t)i;
        ck_ok(green_hub_schedule(hub, &timers[i], when));
    }
    /* Scheduled again for the same time, it comes last. */
    ck_ok(green_hub_schedule(hub, &timers[7], when));
    while (fired < 50)
        iterate(GREEN_FOREVER);
    for (int i = 0; i < 49; i++)
        ck_assert_int_eq(order[i], i < 7 ? i : i + 1);
    ck_assert_int_eq(order[49], 7);
}
END_TEST

static void arm_again(struct green_timer *timer)
{
    fired++;
    ck_ok(green_hub_schedule(hub, timer, 0));
}

START_TEST(armed_while_firing_waits_an_iteration)
{
    struct green_timer timer = {.callback = arm_again};

    ck_ok(green_hub_schedule(hub, &timer, green_now()));
    for (int i = 1; i <= 5; i++) {
        iterate(GREEN_FOREVER);
        ck_assert_int_eq(fired, i);
    }
    ck_ok(green_hub_cancel(hub, &timer));
    iterate(0);
    ck_assert_int_eq(fired, 5);
}
END_TEST

static struct green_timer victim;

static void cancel_other(struct green_timer *timer)
{
    ck_ok(green_hub_cancel(hub, timer->arg));
    fired++;
}

START_TEST(cancelled_by_another_of_the_same_time)
{
    struct green_timer first = {.callback = cancel_other, .arg = &victim};
    green_time when = green_now();

    victim.callback = note;
    ck_ok(green_hub_schedule(hub, &first, when));
    ck_ok(green_hub_schedule(hub, &victim, when));
    iterate(GREEN_FOREVER);
    iterate(0);
    ck_assert_int_eq(fired, 1);
    ck_fails(green_hub_cancel(hub, &victim), ENOENT);
}
END_TEST

START_TEST(moved_later_and_earlier)
{
    struct green_timer a = {.callback = note, .arg = (void *)1};
    struct green_timer b = {.callback = note, .arg = (void *)2};
    green_time start = green_now();

    ck_ok(green_hub_schedule(hub, &a, start + GREEN_MSEC));
    ck_ok(green_hub_schedule(hub, &b, start + 1000 * GREEN_SEC));
    ck_ok(green_hub_schedule(hub, &a, start + 6 * GREEN_MSEC));
    ck_ok(green_hub_schedule(hub, &b, start + 3 * GREEN_MSEC));
    ck_assert_int_eq(a.when, start + 6 * GREEN_MSEC);
    while (fired < 2)
        iterate(GREEN_FOREVER);
    ck_assert_int_eq(order[0], 2);
    ck_assert_int_eq(order[1], 1);
}
END_TEST

START_TEST(in_the_past_fires_in_the_next_iteration)
{
    struct green_timer timer = {.callback = note};

    ck_ok(green_hub_schedule(hub, &timer, 0));
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(fired, 1);
}
END_TEST

START_TEST(never_is_pending_and_never_due)
{
    struct green_timer timer = {.callback = note};

    ck_ok(green_hub_schedule(hub, &timer, GREEN_FOREVER));
    for (int i = 0; i < 10; i++)
        iterate(GREEN_MSEC);
    ck_assert_int_eq(fired, 0);
    ck_ok(green_hub_cancel(hub, &timer));
    ck_fails(green_hub_cancel(hub, &timer), ENOENT);
}
END_TEST

START_TEST(arguments)
{
    struct green_timer timer = {.callback = note}, empty = {0};

    ck_fails(green_hub_schedule(NULL, &timer, 0), EINVAL);
    ck_fails(green_hub_schedule(hub, NULL, 0), EINVAL);
    ck_fails(green_hub_schedule(hub, &empty, 0), EINVAL);
    ck_fails(green_hub_schedule(hub, &timer, -1), EINVAL);
    ck_fails(green_hub_cancel(NULL, &timer), EINVAL);
    ck_fails(green_hub_cancel(hub, NULL), EINVAL);
    ck_fails(green_hub_cancel(hub, &timer), ENOENT);
    iterate(0);
    ck_assert_int_eq(fired, 0);
}
END_TEST

static void release(struct green_timer *timer)
{
    fired++;
    free(timer);
}

START_TEST(a_callback_may_free_its_timer)
{
    for (int i = 0; i < 10; i++) {
        struct green_timer *timer = calloc(1, sizeof *timer);

        timer->callback = release;
        ck_ok(green_hub_schedule(hub, timer, 0));
    }
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(fired, 10);
}
END_TEST

/* A cancelled timer does not end a wait. */
START_TEST(a_cancelled_timer_costs_no_iteration)
{
    struct green_timer timers[20] = {0}, last = {.callback = note};
    green_time start = green_now();
    uint64_t waits;

    for (int i = 0; i < 20; i++) {
        timers[i].callback = note;
        ck_ok(green_hub_schedule(hub, &timers[i],
                                 start + (i + 1) * GREEN_MSEC / 4));
    }
    ck_ok(green_hub_schedule(hub, &last, start + 10 * GREEN_MSEC));
    for (int i = 0; i < 20; i++)
        ck_ok(green_hub_cancel(hub, &timers[i]));
    waits = stats_now().waits;
    while (fired == 0)
        iterate(GREEN_FOREVER);
    ck_assert_int_eq(fired, 1);
    ck_assert_uint_le(stats_now().waits - waits, 3);
}
END_TEST

START_TEST(a_long_timer_takes_few_iterations)
{
    struct green_timer timer = {.callback = note};
    uint64_t waits = stats_now().waits;

    ck_ok(green_hub_schedule(
        hub, &timer,
        green_now() + (on_sim() ? 3600 * GREEN_SEC : 60 * GREEN_MSEC)));
    while (fired == 0)
        iterate(GREEN_FOREVER);
    ck_assert_uint_le(stats_now().waits - waits, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub timers");
    TCase *tcase = add_tcase(suite, "timers");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, in_the_order_of_time_and_arming);
    tcase_add_test(tcase, equal_times_in_the_order_of_arming);
    tcase_add_test(tcase, armed_while_firing_waits_an_iteration);
    tcase_add_test(tcase, cancelled_by_another_of_the_same_time);
    tcase_add_test(tcase, moved_later_and_earlier);
    tcase_add_test(tcase, in_the_past_fires_in_the_next_iteration);
    tcase_add_test(tcase, never_is_pending_and_never_due);
    tcase_add_test(tcase, arguments);
    tcase_add_test(tcase, a_callback_may_free_its_timer);
    tcase_add_test(tcase, a_cancelled_timer_costs_no_iteration);
    tcase_add_test(tcase, a_long_timer_takes_few_iterations);
    return run_suite(suite);
}
