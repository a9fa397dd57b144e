/* Choosing: fairness, default and deadline, among cases of all kinds. */
#include "support.h"

#include <stdlib.h>
#include <unistd.h>

static struct green_channel a, b;
static struct green_case cases[40];

static void make_channels(size_t capacity)
{
    ck_ok(green_channel_init(&a, sizeof(int), capacity));
    ck_ok(green_channel_init(&b, sizeof(int), capacity));
}

static struct green_case receives(struct green_channel *channel, int *value)
{
    return (struct green_case){
        .kind = GREEN_CASE_RECEIVE, .channel = channel, .value = value};
}

static struct green_case sends(struct green_channel *channel, int *value)
{
    return (struct green_case){
        .kind = GREEN_CASE_SEND, .channel = channel, .value = value};
}

static struct green_case is_ready(int fd, unsigned events)
{
    return (struct green_case){
        .kind = GREEN_CASE_DESCRIPTOR, .fd = fd, .events = events};
}

static struct green_case ends(struct green_thread *thread)
{
    return (struct green_case){.kind = GREEN_CASE_END, .thread = thread};
}

START_TEST(the_default_branch)
{
    int got, value = 3;

    make_channels(1);
    cases[0] = receives(&a, &got);
    cases[1] = receives(&b, &got);
    ck_fails(green_choose(cases, 2, 0), EAGAIN);
    ck_fails(green_choose(NULL, 0, 0), EAGAIN);
    ck_ok(green_channel_send(&b, &value));
    ck_assert_int_eq(green_choose(cases, 2, 0), 1);
    ck_assert_int_eq(got, 3);
    cases[1] = sends(&b, &value);
    ck_assert_int_eq(green_choose(cases, 2, 0), 1);
    ck_assert_uint_eq(green_channel_length(&b), 1);
    ck_fails(green_choose(cases, 2, 0), EAGAIN);
    cases[0].kind = cases[1].kind = GREEN_CASE_NONE;
    ck_fails(green_choose(cases, 2, 0), EAGAIN);
}
END_TEST

/* 4,000 draws among four: each case about 1,000 times; 200 is over seven
 * sigma. */
START_TEST(each_has_the_same_chance)
{
    int counts[5] = {0}, value = 1;

    make_channels(1);
    for (int i = 0; i < 5; i++)
        cases[i] = _i ? sends(&a, &value) : receives(&a, &value);
    cases[2].kind = GREEN_CASE_NONE;
    for (int i = 0; i < 4000; i++) {
        int chosen;

        if (_i == 0)
            ck_ok(green_channel_send(&a, &value));
        chosen = green_choose(cases, 5, GREEN_FOREVER);
        ck_assert_int_ge(chosen, 0);
        counts[chosen]++;
        if (_i == 1)
            ck_ok(green_channel_receive(&a, NULL));
    }
    ck_assert_int_eq(counts[2], 0);
    for (int i = 0; i < 5; i++)
        if (i != 2)
            ck_assert_int_lt(abs(counts[i] - 1000), 200);
}
END_TEST

START_TEST(by_the_deadline)
{
    green_time start = green_now();
    struct green_timeout timeout;
    int got;

    make_channels(0);
    cases[0] = receives(&a, &got);
    ck_fails(green_choose(cases, 1, start + 2 * GREEN_MSEC), EAGAIN);
    ck_assert_int_ge(green_now() - start, 2 * GREEN_MSEC);
    ck_fails(green_choose(cases, 1, start), EAGAIN); /* in the past */
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_choose(cases, 1, green_now() + GREEN_SEC), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_fails(green_channel_try_send(&a, &got), EAGAIN); /* no longer in line */
}
END_TEST

static void *send_to_b(void *value)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_channel_send(&b, value));
    return NULL;
}

static void *receive_from_b(void *value)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_channel_receive(&b, value));
    return NULL;
}

START_TEST(only_one_case_is_done)
{
    struct green_thread *thread;
    int from_a = 0, from_b = 0, value = 8;

    make_channels(0);
    cases[0] = receives(&a, &from_a);
    cases[1] = _i ? sends(&b, &value) : receives(&b, &from_b);
    thread =
        green_spawn(_i ? receive_from_b : send_to_b, _i ? &from_b : &value);
    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
    ck_assert_int_eq(cases[1].error, 0);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(from_b, 8);
    ck_assert_int_eq(from_a, 0);
    /* It is in no line any more. */
    ck_fails(green_channel_try_send(&a, &value), EAGAIN);
    ck_fails(green_channel_try_receive(&a, &value), EAGAIN);
    ck_fails(green_channel_try_send(&b, &value), EAGAIN);
    ck_fails(green_channel_try_receive(&b, &value), EAGAIN);
}
END_TEST

static int chosen_by[2];

static void *send_or_receive(void *arg)
{
    int out = 4, in = 0, *chosen = arg;
    struct green_case own[] = {sends(&a, &out), receives(&a, &in)};

    *chosen = green_choose(own, 2, GREEN_FOREVER);
    if (*chosen == 1)
        ck_assert_int_eq(in, 4);
    return NULL;
}

/* One of them sends and the other receives; neither receives its own value. */
START_TEST(two_choosers_exchange_a_value)
{
    struct green_thread *threads[2];

    make_channels(0);
    threads[0] = green_spawn(send_or_receive, &chosen_by[0]);
    ck_ok(green_sleep(0));
    threads[1] = green_spawn(send_or_receive, &chosen_by[1]);
    ck_ok(green_join(threads[0], NULL));
    ck_ok(green_join(threads[1], NULL));
    ck_assert_int_eq(chosen_by[0] + chosen_by[1], 1);
}
END_TEST

static void *close_b(void *unused)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_channel_close(&b));
    return unused;
}

START_TEST(a_closed_channel_is_ready)
{
    struct green_thread *thread;
    int value = 1;

    make_channels(0);
    cases[0] = receives(&a, &value);
    cases[1] = _i ? sends(&b, &value) : receives(&b, &value);
    thread = green_spawn(close_b, NULL);
    for (int i = 0; i < 2; i++) { /* while it waits, and before */
        ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
        ck_assert_int_eq(cases[1].error, EPIPE);
    }
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* ---- Descriptors and ends ---------------------------------------------- */

static int pair[2];

static void *write_later(void *unused)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(pair[1], "xy", 2), 2);
    return unused;
}

START_TEST(a_descriptor)
{
    struct green_thread *thread;
    int value;
    char byte;

    make_pair(_i, pair);
    make_channels(0);
    cases[0] = receives(&a, &value);
    cases[1] = is_ready(pair[0], GREEN_READ);
    ck_fails(green_choose(cases, 2, 0), EAGAIN);
    ck_fails(green_choose(cases, 2, green_now() + GREEN_MSEC), EAGAIN);
    thread = green_spawn(write_later, NULL);
    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
    ck_assert_int_eq(cases[1].error, 0);
    ck_assert_uint_eq(cases[1].ready, GREEN_READ);
    ck_assert_int_eq(green_choose(cases, 2, 0), 1); /* it is still readable */
    ck_assert_int_eq(green_read(pair[0], &byte, 1), 1);
    ck_assert_int_eq(green_read(pair[0], &byte, 1), 1);
    ck_fails(green_choose(cases, 2, 0), EAGAIN);
    ck_ok(green_join(thread, NULL));
    cases[1] = is_ready(pair[1], GREEN_WRITE);
    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
    ck_assert_uint_eq(cases[1].ready, GREEN_WRITE);
    ck_ok(green_close(pair[1]));
    cases[1] = is_ready(pair[0], GREEN_READ);
    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 1);
    ck_assert(cases[1].ready & GREEN_READ);
}
END_TEST

static void *close_it(void *unused)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_close(pair[0]));
    return unused;
}

START_TEST(a_descriptor_that_is_closed)
{
    struct green_thread *thread;

    make_pair(FIRST_GREEN_KIND, pair);
    cases[0] = is_ready(pair[0], GREEN_READ);
    thread = green_spawn(close_it, NULL);
    for (int i = 0; i < 2; i++) {
        ck_assert_int_eq(green_choose(cases, 1, GREEN_FOREVER), 0);
        ck_assert_int_eq(cases[0].error, EBADF);
    }
    ck_ok(green_join(thread, NULL));
}
END_TEST

static void *read_one(void *unused)
{
    char byte;

    ck_assert_int_eq(green_read(pair[0], &byte, 1), 1);
    return unused;
}

/* choose does not read the data, so the hub wakes the next waiter too. */
START_TEST(a_reader_behind_a_chooser)
{
    struct green_thread *reader, *writer;
    int value = 1;

    make_pair(_i, pair);
    make_channels(0);
    cases[0] = is_ready(pair[0], GREEN_READ);
    cases[1] = receives(&a, &value);
    writer = green_spawn(write_later, NULL);
    reader = green_spawn_after(GREEN_USEC, read_one, NULL);
    ck_assert_int_eq(green_choose(cases, 2, GREEN_FOREVER), 0);
    ck_ok(green_join(reader, NULL));
    ck_ok(green_join(writer, NULL));
}
END_TEST

static void *end_later(void *result)
{
    ck_ok(green_sleep(GREEN_MSEC));
    return result;
}

START_TEST(a_greenthreads_end)
{
    struct green_thread *thread = green_spawn(end_later, &pair);
    void *result;
    int value;

    make_channels(0);
    cases[0] = receives(&a, &value);
    cases[1] = ends(thread);
    cases[2] = ends(thread);
    cases[2].kind = GREEN_CASE_NONE;
    ck_fails(green_choose(cases, 3, 0), EAGAIN);
    ck_assert_int_eq(green_choose(cases, 3, GREEN_FOREVER), 1);
    ck_assert_int_eq(cases[1].error, 0);
    ck_assert_int_eq(green_choose(cases, 3, 0), 1);
    ck_ok(green_join(thread, &result));
    ck_assert_ptr_eq(result, &pair);
}
END_TEST

/* Overwrites the frame of the call that has returned. */
static void __attribute__((noinline)) scribble(void)
{
    volatile char waste[8192];

    for (size_t i = 0; i < sizeof waste; i++)
        waste[i] = (char)0xff;
}

/* A choose that ended early must remove its link from the greenthread. */
START_TEST(an_end_after_choose_has_returned)
{
    struct green_thread *thread = green_spawn(end_later, NULL);
    struct green_timeout timeout;
    green_time start = green_now();

    cases[0] = ends(thread);
    ck_ok(green_timeout_start(&timeout, GREEN_USEC));
    ck_fails(green_choose(cases, 1, GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_sleep(5 * GREEN_MSEC)); /* nothing wakes it before */
    ck_assert_int_ge(green_now() - start, 5 * GREEN_MSEC);
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(a_deadline_after_choose_has_returned)
{
    struct green_thread *thread;
    int value = 11, from_b = 0;

    make_channels(0);
    cases[0] = receives(&b, &from_b);
    thread = green_spawn(send_to_b, &value);
    ck_assert_int_eq(green_choose(cases, 1, green_now() + GREEN_SEC), 0);
    scribble();
    ck_ok(green_join(thread, NULL));
    if (on_sim()) /* virtual time passes at once */
        ck_ok(green_sleep(2 * GREEN_SEC));
    ck_assert_int_eq(from_b, 11);
}
END_TEST

/* ---- Many, and misuse -------------------------------------------------- */

START_TEST(many_cases)
{
    struct green_thread *thread;
    int from[40], value = 11;

    make_channels(0);
    for (int i = 0; i < 39; i++)
        cases[i] = receives(&a, &from[i]);
    cases[39] = receives(&b, &from[39]);
    ck_fails(green_choose(cases, 40, green_now() + GREEN_USEC), EAGAIN);
    thread = green_spawn(send_to_b, &value);
    ck_assert_int_eq(green_choose(cases, 40, GREEN_FOREVER), 39);
    ck_assert_int_eq(from[39], 11);
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(misuse_of_choose)
{
    int value;

    make_channels(0);
    ck_fails(green_choose(NULL, 1, 0), EINVAL);
    cases[0] = (struct green_case){.kind = GREEN_CASE_SEND};
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0].channel = &a;
    ck_fails(green_choose(cases, 1, 0), EINVAL); /* no value */
    cases[0] = (struct green_case){.kind = GREEN_CASE_RECEIVE};
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0] = is_ready(-1, GREEN_READ);
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0] = is_ready(0, 0);
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0] = is_ready(0, GREEN_HANGUP);
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0] = ends(NULL);
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0] = ends(green_self());
    ck_fails(green_choose(cases, 1, 0), EDEADLK);
    cases[0].kind = (enum green_case_kind)99;
    ck_fails(green_choose(cases, 1, 0), EINVAL);
    cases[0] = receives(&a, &value);
    cases[1] = ends(NULL);
    ck_fails(green_choose(cases, 2, GREEN_FOREVER), EINVAL);
    ck_fails(green_channel_try_send(&a, &value), EAGAIN); /* no receiver */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync choose");
    TCase *channels = add_tcase(suite, "channels");
    TCase *others = add_tcase(suite, "others");

    tcase_add_test(channels, the_default_branch);
    tcase_add_loop_test(channels, each_has_the_same_chance, 0, 2);
    tcase_add_test(channels, by_the_deadline);
    tcase_add_loop_test(channels, only_one_case_is_done, 0, 2);
    tcase_add_test(channels, two_choosers_exchange_a_value);
    tcase_add_loop_test(channels, a_closed_channel_is_ready, 0, 2);
    tcase_add_loop_test(others, a_descriptor, 0, PAIR_KINDS);
    tcase_add_test(others, a_descriptor_that_is_closed);
    tcase_add_loop_test(others, a_reader_behind_a_chooser, 0, PAIR_KINDS);
    tcase_add_test(others, a_greenthreads_end);
    tcase_add_test(others, an_end_after_choose_has_returned);
    tcase_add_test(others, a_deadline_after_choose_has_returned);
    tcase_add_test(others, many_cases);
    tcase_add_test(others, misuse_of_choose);
    return run_suite(suite);
}
