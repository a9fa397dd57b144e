/* Sleeping and yielding; greenthreads that only yield do not starve the hub. */
#include "support.h"

#include <string.h>
#include <unistd.h>

static char trace[64];
static int count, fds[2];
static bool stop;

static void *sleeps(void *arg)
{
    green_time duration = (intptr_t)arg * GREEN_MSEC, start = green_now();

    ck_ok(green_sleep(duration));
    ck_assert_int_ge(green_now() - start, duration);
    trace[strlen(trace)] = (char)('0' + (intptr_t)arg);
    return NULL;
}

START_TEST(in_the_order_of_waking)
{
    const intptr_t durations[] = {9, 2, 6, 2, 4};
    struct green_thread *threads[5];

    for (int i = 0; i < 5; i++)
        threads[i] = green_spawn(sleeps, (void *)durations[i]);
    for (int i = 0; i < 5; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_str_eq(trace, "22469");
    ck_fails(green_sleep(-1), EINVAL);
}
END_TEST

static void *yields_thrice(void *arg)
{
    for (int i = 0; i < 3; i++) {
        strcat(trace, arg);
        ck_ok(i == 1 ? green_sleep(0) : green_yield());
    }
    return NULL;
}

START_TEST(a_yield_runs_every_other_first)
{
    struct green_thread *a = green_spawn(yields_thrice, "a");
    struct green_thread *b = green_spawn(yields_thrice, "b");

    yields_thrice("m");
    ck_ok(green_join(a, NULL));
    ck_ok(green_join(b, NULL));
    if (!in_chaos())
        ck_assert_str_eq(trace, "mabmabmab");
    ck_assert_int_eq(strlen(trace), 9);
}
END_TEST

static void yields_in_a_callback(struct green_call *call)
{
    ck_fails(green_yield(), EDEADLK);
    *(bool *)call->arg = true;
}

START_TEST(a_yield_that_fails)
{
    bool called = false;
    struct green_call call = {.callback = yields_in_a_callback, .arg = &called};
    struct green_timeout timeout;

    ck_ok(green_hub_call(green_get_hub(), &call));
    while (!called)
        ck_ok(green_yield());
    ck_ok(green_timeout_start(&timeout, 0));
    while (green_yield() == 0)
        ;
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(green_self()));
    ck_fails(green_yield(), ECANCELED);
}
END_TEST

START_TEST(points_in_time)
{
    green_time now = green_now(), later = green_after(GREEN_SEC);

    ck_assert_int_ge(later, now + GREEN_SEC);
    ck_assert_int_le(later, green_now() + GREEN_SEC);
    ck_assert_int_eq(green_after(GREEN_FOREVER), GREEN_FOREVER);
    ck_assert_int_eq(green_after(GREEN_FOREVER - 1), GREEN_FOREVER);
    ck_assert_int_ge(green_after(-GREEN_SEC), now);
    ck_assert_int_le(green_after(-GREEN_SEC), green_now());
}
END_TEST

static void yields(void *arg)
{
    (void)arg;
    while (!stop)
        ck_ok(green_sleep(0));
    count++;
}

static void *waits_for_byte(void *arg)
{
    char c;

    ck_assert_int_eq(green_read(fds[0], &c, 1), 1);
    stop = true;
    return arg;
}

START_TEST(yielding_starves_no_descriptor)
{
    struct green_thread *thread;

    pipe_pair(fds);
    thread = green_spawn(waits_for_byte, NULL);
    ck_ok(green_sleep(0));
    for (int i = 0; i < 3; i++)
        ck_ok(green_spawn_n(yields, NULL));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    while (!stop)
        ck_ok(green_sleep(0));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(count, 3);
}
END_TEST

static void set_stop(struct green_timer *timer)
{
    (void)timer;
    stop = true;
}

START_TEST(yielding_starves_no_timer)
{
    struct green_timer timer = {.callback = set_stop};
    struct green_hub_stats before;

    if (on_sim()) {
        SKIP("while code runs, no time passes on a virtual clock");
        return;
    }
    ck_ok(green_sleep(0));
    before = stats_now();
    ck_ok(green_hub_schedule(green_get_hub(), &timer,
                             green_now() + 20 * GREEN_MSEC));
    for (int i = 0; i < 3; i++)
        ck_ok(green_spawn_n(yields, NULL));
    /* The hub iterates while others yield, also on a machine so slow that few
     * iterations happen before the timer is due; yet there are many switches
     * per iteration. */
    while (!stop || stats_now().iterations - before.iterations < 6)
        ck_ok(green_sleep(0));
    if (!in_chaos() && !checker())
        ck_assert_uint_gt(stats_now().switches - before.switches,
                          10 * (stats_now().iterations - before.iterations));
}
END_TEST

START_TEST(short_sleeps_do_not_spin)
{
    green_time start = green_now();
    uint64_t waits = stats_now().waits, iterations = stats_now().iterations;

    for (int i = 0; i < 10; i++)
        ck_ok(green_sleep(200 * GREEN_USEC));
    ck_assert_int_ge(green_now() - start, 10 * 200 * GREEN_USEC);
    ck_assert_uint_le(stats_now().waits - waits, 30);
    ck_assert_uint_le(stats_now().iterations - iterations, 40);
}
END_TEST

START_TEST(an_hour_of_virtual_time)
{
    green_time start, real = real_clock();

    if (!on_sim()) {
        SKIP("needs a virtual clock");
        return;
    }
    ck_ok(green_sleep(0)); /* from here on green_now is the hub's */
    start = green_now();
    ck_ok(green_sleep(3600 * GREEN_SEC));
    ck_assert_int_eq(green_now() - start, 3600 * GREEN_SEC);
    ck_assert_int_lt(real_clock() - real, 3600 * GREEN_SEC);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread sleep");
    TCase *tcase = add_tcase(suite, "sleep");

    tcase_add_test(tcase, in_the_order_of_waking);
    tcase_add_test(tcase, a_yield_runs_every_other_first);
    tcase_add_test(tcase, a_yield_that_fails);
    tcase_add_test(tcase, points_in_time);
    tcase_add_test(tcase, yielding_starves_no_descriptor);
    tcase_add_test(tcase, yielding_starves_no_timer);
    tcase_add_test(tcase, short_sleeps_do_not_spin);
    tcase_add_test(tcase, an_hour_of_virtual_time);
    return run_suite(suite);
}
