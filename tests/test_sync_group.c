/* Waiting for several greenthreads: wait groups and barriers. */
#include "support.h"

#include <stdlib.h>

static struct green_wait_group group;
static struct green_barrier barrier;
static int finished, rounds[4];

static void *finish_later(void *unused)
{
    ck_ok(green_sleep(GREEN_MSEC));
    finished++;
    ck_ok(green_wait_group_done(&group));
    return unused;
}

START_TEST(until_all_are_done)
{
    for (int round = 1; round <= 2; round++) {
        ck_ok(green_wait_group_wait(&group)); /* nothing to wait for */
        ck_ok(green_wait_group_add(&group, 5));
        for (int i = 0; i < 5; i++)
            ck_ok(green_detach(green_spawn(finish_later, NULL)));
        ck_assert_uint_eq(green_wait_group_count(&group), 5);
        ck_ok(green_wait_group_wait(&group));
        ck_assert_int_eq(finished, 5 * round);
        ck_assert_uint_eq(green_wait_group_count(&group), 0);
    }
}
END_TEST

static void *wait_for_group(void *result)
{
    *(int *)result = green_wait_group_wait(&group);
    return NULL;
}

/* The count was zero once: that ends the wait, though it is above zero by
 * now. */
START_TEST(raised_again_before_the_waiter_ran)
{
    struct green_thread *waiter;
    int result = 7;

    ck_ok(green_wait_group_add(&group, 1));
    waiter = green_spawn(wait_for_group, &result);
    ck_ok(green_sleep(0));
    ck_ok(green_wait_group_done(&group));
    ck_ok(green_wait_group_add(&group, 1));
    ck_ok(green_join(waiter, NULL));
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(misuse_of_wait_groups)
{
    ck_fails(green_wait_group_done(&group), ERANGE);
    ck_ok(green_wait_group_add(&group, 2));
    ck_fails(green_wait_group_add(&group, -3), ERANGE);
    ck_fails(green_wait_group_add(&group, PTRDIFF_MIN), ERANGE);
    ck_assert_uint_eq(green_wait_group_count(&group), 2);
    ck_ok(green_wait_group_add(&group, PTRDIFF_MAX));
    ck_fails(green_wait_group_add(&group, PTRDIFF_MAX), ERANGE);
    ck_fails(green_wait_group_add(NULL, 1), EINVAL);
    ck_fails(green_wait_group_done(NULL), EINVAL);
    ck_fails(green_wait_group_wait(NULL), EINVAL);
    ck_assert_uint_eq(green_wait_group_count(NULL), 0);
}
END_TEST

/* ---- Barrier ----------------------------------------------------------- */

static int last_ones;

/* No greenthread is more than a round ahead of another. */
static void *pass_rounds(void *arg)
{
    int me = (int)(intptr_t)arg;

    for (int i = 0; i < 10; i++) {
        int result;

        for (int other = 0; other < 4; other++)
            ck_assert_int_le(abs(rounds[me] - rounds[other]), 1);
        ck_ok(green_sleep(me % 2 ? GREEN_USEC : 0));
        result = green_barrier_wait(&barrier);
        ck_assert_int_ge(result, 0);
        last_ones += result;
        rounds[me]++;
    }
    return NULL;
}

START_TEST(all_wait_for_the_last)
{
    struct green_thread *threads[4];

    ck_ok(green_barrier_init(&barrier, 4));
    for (intptr_t i = 0; i < 4; i++)
        threads[i] = green_spawn(pass_rounds, (void *)i);
    for (int i = 0; i < 4; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(last_ones, 10);
}
END_TEST

static void *pass_once(void *result)
{
    *(int *)result = green_barrier_wait(&barrier);
    if (*(int *)result < 0)
        *(int *)result = -errno;
    return NULL;
}

START_TEST(a_killed_waiter_leaves_the_barrier)
{
    struct green_thread *killed, *stays;
    int results[2] = {7, 7};

    ck_ok(green_barrier_init(&barrier, 3));
    killed = green_spawn(pass_once, &results[0]);
    stays = green_spawn(pass_once, &results[1]);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(killed));
    ck_ok(green_join(killed, NULL));
    ck_assert_int_eq(results[0], -ECANCELED);
    ck_ok(green_detach(green_spawn(pass_once, &results[0])));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(results[1], 7);
    ck_assert_int_eq(green_barrier_wait(&barrier), 1);
    ck_ok(green_join(stays, NULL));
    ck_assert_int_eq(results[1], 0);
}
END_TEST

START_TEST(timed_out_at_the_barrier_and_killed_when_it_opened)
{
    struct green_timeout timeout;
    struct green_thread *thread;
    int result = 7;

    ck_ok(green_barrier_init(&barrier, 2));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_barrier_wait(&barrier), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    thread = green_spawn(pass_once, &result);
    ck_ok(green_sleep(0));
    ck_assert_int_eq(green_barrier_wait(&barrier), 1);
    if (green_kill(thread) < 0)
        ck_assert_int_eq(errno, ESRCH); /* in chaos it may have ended */
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(result, 0);
}
END_TEST

START_TEST(misuse_of_barriers)
{
    ck_fails(green_barrier_init(NULL, 1), EINVAL);
    ck_fails(green_barrier_init(&barrier, 0), EINVAL);
    ck_fails(green_barrier_wait(NULL), EINVAL);
    ck_fails(green_barrier_wait(&barrier), EINVAL);
    ck_ok(green_barrier_init(&barrier, 1));
    ck_assert_int_eq(green_barrier_wait(&barrier), 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync group");
    TCase *groups = add_tcase(suite, "wait group");
    TCase *barriers = add_tcase(suite, "barrier");

    tcase_add_test(groups, until_all_are_done);
    tcase_add_test(groups, raised_again_before_the_waiter_ran);
    tcase_add_test(groups, misuse_of_wait_groups);
    tcase_add_test(barriers, all_wait_for_the_last);
    tcase_add_test(barriers, a_killed_waiter_leaves_the_barrier);
    tcase_add_test(barriers,
                   timed_out_at_the_barrier_and_killed_when_it_opened);
    tcase_add_test(barriers, misuse_of_barriers);
    return run_suite(suite);
}
