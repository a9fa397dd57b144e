/* Queues: orders, limits, ends, and counts. */
#include "support.h"

#include <stdint.h>

static struct green_queue queue;
static intptr_t got[64];
static int got_count, unlucky;

static void *item(intptr_t number)
{
    return (void *)number;
}

static intptr_t get_now(void)
{
    void *value;

    ck_ok(green_queue_try_get(&queue, &value));
    return (intptr_t)value;
}

static void put_all(int count)
{
    for (intptr_t i = 0; i < count; i++)
        ck_ok(green_queue_put(&queue, item(i)));
}

START_TEST(first_in_first_out)
{
    ck_ok(green_queue_init(&queue, GREEN_UNBOUNDED));
    /* The ring buffer grows while it is wrapped around. */
    put_all(10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(get_now(), i);
    put_all(1000);
    ck_assert_uint_eq(green_queue_length(&queue), 1000);
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(get_now(), i);
    ck_assert_uint_eq(green_queue_length(&queue), 0);
    green_queue_destroy(&queue);
}
END_TEST

START_TEST(last_in_first_out)
{
    ck_ok(green_queue_init_lifo(&queue, 100));
    put_all(100);
    ck_fails(green_queue_try_put(&queue, item(100)), EAGAIN);
    for (int i = 99; i >= 0; i--)
        ck_assert_int_eq(get_now(), i);
    green_queue_destroy(&queue);
}
END_TEST

static int by_tens(const void *a, const void *b)
{
    return (int)((intptr_t)a / 10 - (intptr_t)b / 10);
}

START_TEST(by_priority_and_then_in_order_of_arrival)
{
    static const int came[] = {35, 12, 38, 5, 19, 31, 1, 10, 7, 33};
    static const int wanted[] = {5, 1, 7, 12, 19, 10, 35, 38, 31, 33};

    ck_ok(green_queue_init_priority(&queue, GREEN_UNBOUNDED, by_tens));
    for (int i = 0; i < 10; i++)
        ck_ok(green_queue_put(&queue, item(came[i])));
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(get_now(), wanted[i]);
    for (intptr_t i = 0; i < 1000; i++)
        ck_ok(green_queue_put(&queue, item(i * 7919 % 1000 * 10)));
    for (int i = 0; i < 1000; i++)
        ck_assert_int_eq(get_now(), i * 10);
    green_queue_destroy(&queue);
}
END_TEST

static void *put_number(void *number)
{
    if (green_queue_put(&queue, number) < 0) {
        ck_assert_int_eq(errno, EPIPE);
        unlucky++;
    }
    return NULL;
}

static void *get_all(void *unused)
{
    void *value;

    while (green_queue_get(&queue, &value) == 0)
        got[got_count++] = (intptr_t)value;
    ck_assert_int_eq(errno, EPIPE);
    return unused;
}

START_TEST(with_limit_zero_each_put_meets_a_get)
{
    struct green_thread *putter;
    void *value;

    ck_fails(green_queue_try_put(&queue, item(1)), EAGAIN);
    ck_fails(green_queue_try_get(&queue, &value), EAGAIN);
    putter = green_spawn(put_number, item(1));
    ck_ok(green_sleep(0));
    ck_assert_uint_eq(green_queue_putting(&queue), 1);
    ck_assert_uint_eq(green_queue_length(&queue), 0);
    ck_ok(green_queue_get(&queue, &value));
    ck_assert_ptr_eq(value, item(1));
    ck_ok(green_join(putter, NULL));
    putter = green_spawn(put_number, item(2));
    ck_ok(green_queue_get(&queue, &value)); /* this time get comes first */
    ck_assert_ptr_eq(value, item(2));
    ck_ok(green_join(putter, NULL));
}
END_TEST

START_TEST(putters_in_order_of_arrival)
{
    struct green_thread *threads[6];

    ck_ok(green_queue_init(&queue, 2));
    for (intptr_t i = 0; i < 6; i++)
        threads[i] = green_spawn(put_number, item(i));
    ck_ok(green_sleep(0));
    ck_assert_uint_eq(green_queue_putting(&queue), 4);
    for (int i = 0; i < 4; i++) {
        ck_assert_int_eq(get_now(), i);
        /* The waiting putter has taken the room, so a new one gets none. */
        ck_fails(green_queue_try_put(&queue, item(99)), EAGAIN);
    }
    ck_assert_int_eq(get_now(), 4);
    ck_assert_int_eq(get_now(), 5);
    for (int i = 0; i < 6; i++)
        ck_ok(green_join(threads[i], NULL));
    green_queue_destroy(&queue);
}
END_TEST

START_TEST(resized)
{
    struct green_thread *threads[6];

    ck_ok(green_queue_init(&queue, 1));
    for (intptr_t i = 0; i < 6; i++)
        threads[i] = green_spawn(put_number, item(i));
    ck_ok(green_sleep(0));
    ck_ok(green_queue_resize(&queue, 4));
    ck_assert_uint_eq(green_queue_length(&queue), 4);
    ck_assert_uint_eq(green_queue_putting(&queue), 2);
    ck_ok(green_queue_resize(&queue, 2));
    ck_assert_uint_eq(green_queue_length(&queue), 4);
    ck_assert_int_eq(get_now(), 0);
    ck_assert_int_eq(get_now(), 1);
    ck_assert_uint_eq(green_queue_putting(&queue), 2); /* it is still full */
    ck_assert_int_eq(get_now(), 2);
    ck_assert_uint_eq(green_queue_putting(&queue), 1);
    ck_ok(green_queue_resize(&queue, GREEN_UNBOUNDED));
    for (int i = 3; i < 6; i++)
        ck_assert_int_eq(get_now(), i);
    for (int i = 0; i < 6; i++)
        ck_ok(green_join(threads[i], NULL));
    green_queue_destroy(&queue);
}
END_TEST

START_TEST(a_closed_queue_returns_its_items)
{
    struct green_thread *putter, *getter;

    ck_ok(green_queue_init(&queue, 3));
    put_all(3);
    putter = green_spawn(put_number, item(3));
    ck_ok(green_sleep(0));
    ck_ok(green_queue_close(&queue));
    ck_ok(green_queue_close(&queue));
    ck_fails(green_queue_put(&queue, item(4)), EPIPE);
    ck_fails(green_queue_try_put(&queue, item(4)), EPIPE);
    ck_ok(green_join(putter, NULL));
    ck_assert_int_eq(unlucky, 1);
    getter = green_spawn(get_all, NULL);
    ck_ok(green_join(getter, NULL));
    ck_assert_int_eq(got_count, 3);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(got[i], i);
    green_queue_destroy(&queue);
}
END_TEST

static void *fails_to_get(void *error)
{
    void *value;

    ck_fails(green_queue_get(&queue, &value), (int)(intptr_t)error);
    return NULL;
}

static void *fails_to_put(void *error)
{
    ck_fails(green_queue_put(&queue, NULL), (int)(intptr_t)error);
    return NULL;
}

/* A failed queue first returns its items; then get returns the error, so that
 * the reader knows that items are missing. */
START_TEST(a_failed_queue_differs_from_a_complete_one)
{
    struct green_thread *putter;
    void *value;

    ck_ok(green_queue_init(&queue, 2));
    put_all(2);
    putter = green_spawn(fails_to_put, item(EILSEQ));
    ck_ok(green_sleep(0));
    ck_ok(green_queue_fail(&queue, EILSEQ));
    ck_ok(green_join(putter, NULL));
    ck_fails(green_queue_put(&queue, item(3)), EILSEQ);
    ck_fails(green_queue_try_put(&queue, item(3)), EILSEQ);
    /* The first error stays, also when the producer closes the queue at its
     * end. */
    ck_ok(green_queue_close(&queue));
    ck_ok(green_queue_fail(&queue, EIO));
    for (int i = 0; i < 2; i++) {
        ck_ok(green_queue_get(&queue, &value));
        ck_assert_int_eq((intptr_t)value, i);
    }
    ck_fails(green_queue_get(&queue, &value), EILSEQ);
    ck_fails(green_queue_try_get(&queue, &value), EILSEQ);
    green_queue_destroy(&queue);
}
END_TEST

/* Waits until a timeout. *limit: the reader's time. */
static void *times_out(void *limit)
{
    struct green_timeout timeout;
    void *value;

    ck_ok(green_timeout_start(&timeout, *(green_time *)limit));
    ck_fails(green_queue_get(&queue, &value), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    return (void *)(intptr_t)green_queue_error(&queue);
}

static void *is_killed(void *unused)
{
    void *value;

    (void)unused;
    ck_fails(green_queue_get(&queue, &value), ECANCELED);
    return (void *)(intptr_t)green_queue_error(&queue);
}

static const struct {
    void *(*get)(void *);
    int error; /* the call's own, and the queue's */
} same_errors[] = {{times_out, ETIMEDOUT}, {is_killed, ECANCELED}};

static void until_one_gets(void)
{
    while (green_queue_getting(&queue) == 0)
        ck_ok(green_sleep(0));
}

/* An error of the call, and an error of the queue with the same number. */
START_TEST(errors_of_queue_and_call)
{
    green_time brief = GREEN_MSEC, ample = 3600 * GREEN_SEC;
    struct green_thread *getter;
    void *reported;

    ck_ok(green_queue_init(&queue, 2));
    getter = green_spawn(same_errors[_i].get, &brief);
    if (same_errors[_i].error == ECANCELED) {
        until_one_gets();
        ck_ok(green_kill(getter));
    }
    ck_ok(green_join(getter, &reported));
    ck_assert_int_eq((int)(intptr_t)reported, 0);

    getter = green_spawn(same_errors[_i].get, &ample);
    until_one_gets();
    ck_ok(green_queue_fail(&queue, same_errors[_i].error));
    ck_ok(green_join(getter, &reported));
    ck_assert_int_eq((int)(intptr_t)reported, same_errors[_i].error);
    /* The error stays. */
    ck_ok(green_queue_close(&queue));
    ck_assert_int_eq(green_queue_error(&queue), same_errors[_i].error);
    green_queue_destroy(&queue);
}
END_TEST

START_TEST(failing_a_closed_queue_changes_nothing)
{
    void *value;

    ck_ok(green_queue_init(&queue, 2));
    put_all(1);
    ck_assert_int_eq(green_queue_error(&queue), 0);
    ck_ok(green_queue_close(&queue));
    ck_assert_int_eq(green_queue_error(&queue), EPIPE);
    ck_ok(green_queue_fail(&queue, EIO));
    ck_assert_int_eq(green_queue_error(&queue), EPIPE);
    ck_ok(green_queue_get(&queue, &value));
    ck_fails(green_queue_get(&queue, &value), EPIPE);
    green_queue_destroy(&queue);
}
END_TEST

START_TEST(failed_while_others_wait)
{
    struct green_thread *waiters[3];

    ck_ok(green_queue_init(&queue, 0));
    for (int i = 0; i < 3; i++)
        waiters[i] =
            green_spawn(_i ? fails_to_put : fails_to_get, item(EILSEQ));
    ck_ok(green_sleep(0));
    ck_ok(green_queue_fail(&queue, EILSEQ));
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(waiters[i], NULL));
    green_queue_destroy(&queue);
}
END_TEST

START_TEST(closed_while_getters_wait)
{
    struct green_thread *getters[3];

    ck_ok(green_queue_init(&queue, 3));
    for (int i = 0; i < 3; i++)
        getters[i] = green_spawn(get_all, NULL);
    ck_ok(green_sleep(0));
    ck_assert_uint_eq(green_queue_getting(&queue), 3);
    ck_ok(green_queue_put(&queue, item(5)));
    if (_i)
        green_queue_destroy(&queue);
    else
        ck_ok(green_queue_close(&queue));
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(getters[i], NULL));
    ck_assert_int_eq(got_count, 1);
    ck_assert_int_eq(got[0], 5);
    green_queue_destroy(&queue);
    green_queue_destroy(NULL);
}
END_TEST

/* ---- Done ---------------------------------------------------------------- */

static int processed;

static void *process_items(void *unused)
{
    void *value;

    while (green_queue_get(&queue, &value) == 0) {
        ck_ok(green_sleep(GREEN_MSEC));
        processed++;
        ck_ok(green_queue_task_done(&queue));
    }
    return unused;
}

START_TEST(until_all_items_are_processed)
{
    struct green_thread *workers[3];

    ck_ok(green_queue_init(&queue, _i ? 2 : 0));
    ck_ok(green_queue_join(&queue));
    for (int i = 0; i < 3; i++)
        workers[i] = green_spawn(process_items, NULL);
    put_all(10);
    ck_ok(green_queue_join(&queue));
    ck_assert_int_eq(processed, 10);
    ck_fails(green_queue_task_done(&queue), ERANGE);
    ck_ok(green_queue_close(&queue));
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(workers[i], NULL));
    green_queue_destroy(&queue);
}
END_TEST

static void *join_it(void *unused)
{
    ck_fails(green_queue_join(&queue), EPIPE);
    return unused;
}

START_TEST(destroyed_while_one_joins)
{
    struct green_thread *joiner;

    ck_ok(green_queue_init(&queue, 1));
    put_all(1);
    joiner = green_spawn(join_it, NULL);
    ck_ok(green_sleep(0));
    green_queue_destroy(&queue);
    ck_ok(green_join(joiner, NULL));
}
END_TEST

START_TEST(misuse_of_queues)
{
    void *value;

    ck_fails(green_queue_init(NULL, 1), EINVAL);
    ck_fails(green_queue_init_lifo(NULL, 1), EINVAL);
    ck_fails(green_queue_init_priority(NULL, 1, by_tens), EINVAL);
    ck_fails(green_queue_init_priority(&queue, 1, NULL), EINVAL);
    ck_fails(green_queue_put(NULL, NULL), EINVAL);
    ck_fails(green_queue_try_put(NULL, NULL), EINVAL);
    ck_fails(green_queue_get(NULL, &value), EINVAL);
    ck_fails(green_queue_get(&queue, NULL), EINVAL);
    ck_fails(green_queue_try_get(NULL, &value), EINVAL);
    ck_fails(green_queue_close(NULL), EINVAL);
    ck_fails(green_queue_fail(NULL, EIO), EINVAL);
    ck_fails(green_queue_fail(&queue, 0), EINVAL);
    ck_fails(green_queue_fail(&queue, -EIO), EINVAL);
    ck_assert_int_eq(green_queue_error(NULL), 0);
    ck_fails(green_queue_resize(NULL, 1), EINVAL);
    ck_fails(green_queue_task_done(NULL), EINVAL);
    ck_fails(green_queue_task_done(&queue), ERANGE);
    ck_fails(green_queue_join(NULL), EINVAL);
    ck_assert_uint_eq(green_queue_length(NULL), 0);
    ck_assert_uint_eq(green_queue_getting(NULL), 0);
    ck_assert_uint_eq(green_queue_putting(NULL), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync queue");
    TCase *orders = add_tcase(suite, "order");
    TCase *limits = add_tcase(suite, "limit");
    TCase *ends = add_tcase(suite, "end");

    tcase_add_test(orders, first_in_first_out);
    tcase_add_test(orders, last_in_first_out);
    tcase_add_test(orders, by_priority_and_then_in_order_of_arrival);
    tcase_add_test(limits, with_limit_zero_each_put_meets_a_get);
    tcase_add_test(limits, putters_in_order_of_arrival);
    tcase_add_test(limits, resized);
    tcase_add_test(ends, a_closed_queue_returns_its_items);
    tcase_add_test(ends, a_failed_queue_differs_from_a_complete_one);
    tcase_add_loop_test(ends, errors_of_queue_and_call, 0, 2);
    tcase_add_test(ends, failing_a_closed_queue_changes_nothing);
    tcase_add_loop_test(ends, failed_while_others_wait, 0, 2);
    tcase_add_loop_test(ends, closed_while_getters_wait, 0, 2);
    tcase_add_loop_test(ends, until_all_items_are_processed, 0, 2);
    tcase_add_test(ends, destroyed_while_one_joins);
    tcase_add_test(ends, misuse_of_queues);
    return run_suite(suite);
}
