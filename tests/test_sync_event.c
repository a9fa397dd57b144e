/* Events: sent with a value or an error, for any number of waiters;
 * green_once. */
#include "support.h"

static struct green_event event;
static int values[3];

static void *wait_for_it(void *arg)
{
    void *value = NULL;
    int result = green_event_wait(&event, &value);

    *(int *)arg = result == 0 ? *(int *)value : -errno;
    return NULL;
}

START_TEST(all_get_the_value)
{
    struct green_thread *threads[3];
    int results[3] = {0}, sent = 42;
    void *value;

    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(wait_for_it, &results[i]);
    ck_ok(green_sleep(0));
    ck_assert(!green_event_ready(&event));
    ck_fails(green_event_try_wait(&event, &value), EAGAIN);
    ck_ok(green_event_send(&event, &sent));
    ck_assert(green_event_ready(&event));
    ck_assert_int_eq(results[0], 0);
    for (int i = 0; i < 3; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(results[i], 42);
    }
    ck_ok(green_event_wait(&event, &value));
    ck_assert_ptr_eq(value, &sent);
    ck_ok(green_event_try_wait(&event, NULL));
    ck_assert_int_eq(green_event_error(&event), 0);
    ck_fails(green_event_send(&event, NULL), EALREADY);
    ck_fails(green_event_fail(&event, EIO), EALREADY);
}
END_TEST

/* An error that was sent is distinct from an error of the call with the same
 * number, also after a reset. */
START_TEST(errors_of_event_and_call)
{
    static const int errors[] = {ECANCELED, ETIMEDOUT, EDEADLK, EAGAIN, EINVAL};
    struct green_timeout timeout;

    for (size_t i = 0; i < sizeof errors / sizeof errors[0]; i++) {
        ck_ok(green_event_fail(&event, errors[i]));
        ck_sent(green_event_wait(&event, NULL), errors[i]);
        ck_sent(green_event_try_wait(&event, NULL), errors[i]);
        ck_ok(green_event_reset(&event));
        ck_fails(green_event_try_wait(&event, NULL), EAGAIN);
    }
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_event_wait(&event, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

START_TEST(all_get_the_error)
{
    int result = 0;
    struct green_thread *thread = green_spawn(wait_for_it, &result);

    ck_ok(green_sleep(0));
    ck_ok(green_event_fail(&event, ECONNREFUSED));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(result, -ECONNREFUSED);
    ck_sent(green_event_wait(&event, NULL), ECONNREFUSED);
    ck_sent(green_event_try_wait(&event, NULL), ECONNREFUSED);
    ck_assert_int_eq(green_event_error(&event), ECONNREFUSED);
    ck_assert(green_event_ready(&event));
}
END_TEST

/* A waiter that was woken before the reset gets the value, though it runs after
 * it. */
START_TEST(a_reset_keeps_delivered_values)
{
    struct green_thread *threads[2];
    int results[2] = {0}, first = 1, second = 2;

    ck_fails(green_event_reset(&event), EALREADY);
    threads[0] = green_spawn(wait_for_it, &results[0]);
    ck_ok(green_sleep(0));
    ck_ok(green_event_send(&event, &first));
    ck_ok(green_event_reset(&event));
    ck_assert(!green_event_ready(&event));
    threads[1] = green_spawn(wait_for_it, &results[1]);
    ck_ok(green_sleep(0));
    ck_assert_int_eq(results[0], 1);
    ck_assert_int_eq(results[1], 0);
    ck_ok(green_event_send(&event, &second));
    ck_ok(green_join(threads[0], NULL));
    ck_ok(green_join(threads[1], NULL));
    ck_assert_int_eq(results[1], 2);
    ck_ok(green_event_reset(&event));
    ck_ok(green_event_fail(&event, EIO));
    ck_ok(green_event_reset(&event));
    ck_assert_int_eq(green_event_error(&event), 0);
}
END_TEST

START_TEST(misuse_of_events)
{
    ck_fails(green_event_send(NULL, NULL), EINVAL);
    ck_fails(green_event_fail(NULL, EIO), EINVAL);
    ck_fails(green_event_fail(&event, 0), EINVAL);
    ck_fails(green_event_fail(&event, -1), EINVAL);
    ck_fails(green_event_wait(NULL, NULL), EINVAL);
    ck_fails(green_event_try_wait(NULL, NULL), EINVAL);
    ck_fails(green_event_reset(NULL), EINVAL);
    ck_assert(!green_event_ready(NULL));
    ck_assert_int_eq(green_event_error(NULL), 0);
}
END_TEST

/* ---- Once -------------------------------------------------------------- */

static struct green_once once;
static int runs, failures;

/* Fails the first `failures` times, and switches in between. */
static int initialise(void *arg)
{
    runs++;
    if (green_sleep(GREEN_MSEC) < 0)
        return -1;
    if (failures > 0) {
        failures--;
        errno = ENETDOWN;
        return -1;
    }
    *(int *)arg += 1;
    return 0;
}

static void *initialise_once(void *arg)
{
    *(int *)arg = green_once_run(&once, initialise, &values[0]) < 0 ? errno : 0;
    return NULL;
}

START_TEST(it_is_done_once)
{
    struct green_thread *threads[4];
    int results[4];

    for (int i = 0; i < 4; i++)
        threads[i] = green_spawn(initialise_once, &results[i]);
    for (int i = 0; i < 4; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(results[i], 0);
    }
    ck_ok(green_once_run(&once, initialise, &values[0]));
    ck_assert_int_eq(runs, 1);
    ck_assert_int_eq(values[0], 1);
}
END_TEST

START_TEST(after_a_failure_the_next_caller_tries)
{
    struct green_thread *threads[4];
    int results[4];

    failures = 2;
    for (int i = 0; i < 4; i++)
        threads[i] = green_spawn(initialise_once, &results[i]);
    for (int i = 0; i < 4; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(results[i], i < 2 ? ENETDOWN : 0);
    }
    ck_assert_int_eq(runs, 3);
    ck_assert_int_eq(values[0], 1);
}
END_TEST

START_TEST(after_a_kill_the_next_caller_tries)
{
    struct green_thread *threads[3];
    int results[3];

    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(initialise_once, &results[i]);
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    ck_ok(green_kill(threads[0])); /* in the function */
    ck_ok(green_kill(threads[1])); /* waits */
    for (int i = 0; i < 3; i++) {
        ck_ok(green_join(threads[i], NULL));
        ck_assert_int_eq(results[i], i < 2 ? ECANCELED : 0);
    }
    ck_assert_int_eq(values[0], 1);
}
END_TEST

static int once_again(void *arg)
{
    ck_fails(green_once_run(&once, once_again, arg), EDEADLK);
    return 0;
}

START_TEST(once_within_itself)
{
    ck_ok(green_once_run(&once, once_again, NULL));
    ck_ok(green_once_run(&once, once_again, NULL));
    ck_fails(green_once_run(NULL, once_again, NULL), EINVAL);
    ck_fails(green_once_run(&once, NULL, NULL), EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync event");
    TCase *events = add_tcase(suite, "event");
    TCase *onces = add_tcase(suite, "once");

    tcase_add_test(events, all_get_the_value);
    tcase_add_test(events, errors_of_event_and_call);
    tcase_add_test(events, all_get_the_error);
    tcase_add_test(events, a_reset_keeps_delivered_values);
    tcase_add_test(events, misuse_of_events);
    tcase_add_test(onces, it_is_done_once);
    tcase_add_test(onces, after_a_failure_the_next_caller_tries);
    tcase_add_test(onces, after_a_kill_the_next_caller_tries);
    tcase_add_test(onces, once_within_itself);
    return run_suite(suite);
}
