#include "waiting.h"

#include <stdio.h>
#include <unistd.h>

static const struct subject *subjects;
static int through;

static void *wait_here(void *arg)
{
    struct outcome *outcome = arg;

    outcome->result = -2;
    outcome->result = subjects->wait();
    outcome->error = errno;
    outcome->place = ++through;
    outcome->after = green_sleep(0) < 0 ? errno : 0;
    return NULL;
}

/* Starts `count` greenthreads, which wait in this order. */
static void start_waiters(const struct subject *subject,
                          struct outcome *outcomes, int count)
{
    subjects = subject;
    subject->prepare();
    for (int i = 0; i < count; i++) {
        outcomes[i] = (struct outcome){0};
        outcomes[i].thread = green_spawn(wait_here, &outcomes[i]);
        for (int more = 0; in_chaos() && more < 100; more++)
            ck_ok(green_sleep(0)); /* it may yield before it waits */
    }
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    for (int i = 0; i < count; i++)
        ck_assert_msg(outcomes[i].result == -2, "%s: it did not wait",
                      subject->kind);
}

static void has_ended(struct outcome *outcome, int error)
{
    ck_ok(green_join(outcome->thread, NULL));
    if (error == 0)
        ck_assert_msg(outcome->result >= 0, "%s: %s", subjects->kind,
                      strerror(outcome->error));
    else
        ck_assert_int_eq(outcome->result, -1);
    if (error)
        ck_assert_int_eq(outcome->error, error);
}

static const struct subject *table;

START_TEST(one_is_woken)
{
    struct outcome one;

    start_waiters(&table[_i], &one, 1);
    table[_i].serve();
    ck_assert_int_eq(one.result, -2); /* serve never switches */
    has_ended(&one, 0);
    ck_assert_int_eq(one.after, 0);
}
END_TEST

START_TEST(first_come_first_served)
{
    struct outcome all[5];

    start_waiters(&table[_i], all, 5);
    for (int i = 0; i < 5; i++) {
        if (i == 0 || !table[_i].serves_all)
            table[_i].serve();
        ck_ok(green_sleep(0));
        for (int more = 0; in_chaos() && !all[i].place && more < 1000; more++)
            ck_ok(green_sleep(0));
        ck_assert_int_eq(all[i].place, i + 1);
        if (i < 4 && !table[_i].serves_all)
            ck_assert_int_eq(all[i + 1].place, 0);
    }
    for (int i = 0; i < 5; i++)
        has_ended(&all[i], 0);
}
END_TEST

START_TEST(a_later_caller_does_not_overtake)
{
    struct green_timeout timeout;
    struct outcome one;
    int result;

    if (table[_i].keeps_open)
        return; /* a later caller passes too, as it should */
    start_waiters(&table[_i], &one, 1);
    table[_i].serve();
    ck_assert_int_eq(one.result, -2); /* woken, but has not run yet */
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    result = table[_i].wait();
    ck_assert_int_eq(result, -1);
    ck_assert_int_eq(errno, ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    has_ended(&one, 0);
}
END_TEST

START_TEST(one_is_killed_while_it_waits)
{
    struct outcome all[3];

    start_waiters(&table[_i], all, 3);
    ck_ok(green_kill(all[0].thread));
    has_ended(&all[0], ECANCELED);
    ck_assert_int_eq(all[0].after, ECANCELED);
    ck_ok(green_kill(all[1].thread));
    ck_ok(green_sleep(0));
    /* The next in line gets what the killed ones would have got. */
    table[_i].serve();
    has_ended(&all[2], 0);
    has_ended(&all[1], ECANCELED);
}
END_TEST

static void *wait_in_time(void *arg)
{
    struct green_timeout timeout;
    struct outcome *outcome = arg;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    wait_here(outcome);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_sleep(0));
    return NULL;
}

START_TEST(one_is_timed_out_while_it_waits)
{
    struct outcome timed = {0}, other = {0};

    subjects = &table[_i];
    table[_i].prepare();
    timed.thread = green_spawn(wait_in_time, &timed);
    ck_ok(green_sleep(0));
    other.thread = green_spawn(wait_here, &other);
    ck_ok(green_sleep(0));
    has_ended(&timed, ETIMEDOUT);
    ck_assert_int_eq(timed.after, ETIMEDOUT);
    ck_assert_int_eq(other.result, -2);
    table[_i].serve();
    has_ended(&other, 0);
}
END_TEST

START_TEST(a_kill_after_the_wake_keeps_the_result)
{
    struct outcome one;

    start_waiters(&table[_i], &one, 1);
    table[_i].serve();
    ck_ok(green_kill(one.thread));
    has_ended(&one, 0);
    ck_assert_int_eq(one.after, ECANCELED);
}
END_TEST

/* The greenthread is killed but has not run yet: it is still in line, and can
 * be served. */
START_TEST(serving_after_a_kill_succeeds)
{
    struct outcome one;

    start_waiters(&table[_i], &one, 1);
    ck_ok(green_kill(one.thread));
    table[_i].serve();
    has_ended(&one, 0);
    ck_assert_int_eq(one.after, ECANCELED);
}
END_TEST

static void *wait_shielded(void *arg)
{
    struct green_shield shield;

    ck_ok(green_shield_begin(&shield));
    wait_here(arg);
    ck_ok(green_shield_end(&shield));
    ck_fails(green_sleep(0), ECANCELED);
    return NULL;
}

START_TEST(a_shield_holds_a_kill_back)
{
    struct outcome one = {0};

    subjects = &table[_i];
    table[_i].prepare();
    one.thread = green_spawn(wait_shielded, &one);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(one.thread));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(one.result, -2);
    table[_i].serve();
    has_ended(&one, 0);
    ck_assert_int_eq(one.after, 0);
}
END_TEST

static int in_callback, callback_error;

static void call_wait(struct green_timer *timer)
{
    const struct subject *subject = timer->arg;

    in_callback = subject->wait();
    callback_error = errno;
}

static void call_serve(struct green_timer *timer)
{
    const struct subject *subject = timer->arg;

    subject->serve();
}

START_TEST(in_a_callback)
{
    struct green_timer waits = {.callback = call_wait},
                       serves = {.callback = call_serve};
    struct green_hub *hub = green_get_hub();
    struct outcome one;

    waits.arg = serves.arg = (void *)(uintptr_t)&table[_i];
    start_waiters(&table[_i], &one, 1);
    ck_ok(green_hub_schedule(hub, &waits, green_now()));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(in_callback, -1);
    ck_assert_int_eq(callback_error, EDEADLK);
    ck_assert_int_eq(one.result, -2);
    if (table[_i].needs_thread)
        table[_i].serve();
    else
        ck_ok(green_hub_schedule(hub, &serves, green_now()));
    has_ended(&one, 0);
}
END_TEST

START_TEST(the_dump_names_the_wait)
{
    struct outcome one;
    char text[8192];
    int ends[2];
    ssize_t n;

    start_waiters(&table[_i], &one, 1);
    pipe_pair(ends);
    ck_ok(green_dump(ends[1]));
    n = read(ends[0], text, sizeof text - 1);
    ck_assert_int_gt(n, 0);
    text[n] = '\0';
    ck_assert_msg(strstr(text, table[_i].kind), "no \"%s\" in:\n%s",
                  table[_i].kind, text);
    table[_i].serve();
    has_ended(&one, 0);
}
END_TEST

void add_waiting_cases(Suite *suite, const struct subject *all, int count)
{
    TCase *waiting = add_tcase(suite, "waiting");

    table = all;
    tcase_add_loop_test(waiting, one_is_woken, 0, count);
    tcase_add_loop_test(waiting, first_come_first_served, 0, count);
    tcase_add_loop_test(waiting, a_later_caller_does_not_overtake, 0, count);
    tcase_add_loop_test(waiting, one_is_killed_while_it_waits, 0, count);
    tcase_add_loop_test(waiting, one_is_timed_out_while_it_waits, 0, count);
    tcase_add_loop_test(waiting, a_kill_after_the_wake_keeps_the_result, 0,
                        count);
    tcase_add_loop_test(waiting, serving_after_a_kill_succeeds, 0, count);
    tcase_add_loop_test(waiting, a_shield_holds_a_kill_back, 0, count);
    tcase_add_loop_test(waiting, in_a_callback, 0, count);
    tcase_add_loop_test(waiting, the_dump_names_the_wait, 0, count);
}
