/* Ending early: kill, shields, timeouts, and how they nest. */
#include "support.h"

#include <unistd.h>

static int errors[8], count, fds[2];

static void *blocks(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        errors[i] = green_sleep(i == 1 ? 0 : GREEN_FOREVER) < 0 ? errno : 0;
    errors[3] = green_killed() ? 1 : 0;
    return &count;
}

START_TEST(each_call_that_would_block_fails)
{
    struct green_thread *thread = green_spawn(blocks, NULL);
    void *result;

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, &result));
    ck_assert_ptr_eq(result, &count);
    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(errors[i], ECANCELED);
    ck_assert_int_eq(errors[3], 1);
    ck_assert(!green_killed());
}
END_TEST

START_TEST(before_it_has_started)
{
    struct green_thread *thread = green_spawn_after(GREEN_SEC, blocks, NULL);

    errors[3] = 5;
    ck_ok(green_kill(thread));
    ck_cancelled(thread);
    ck_assert_int_eq(errors[3], 5);
    ck_fails(green_kill(NULL), EINVAL);
}
END_TEST

static void *returns(void *arg)
{
    return arg;
}

START_TEST(a_finished_greenthread)
{
    struct green_thread *thread = green_spawn(returns, NULL);

    ck_ok(green_sleep(0));
    ck_fails(green_kill(thread), ESRCH);
    ck_ok(green_join(thread, NULL));
}
END_TEST

static void *kills_itself(void *arg)
{
    char c;

    (void)arg;
    ck_ok(green_kill(green_self()));
    ck_assert(green_killed());
    /* A call that does not have to wait succeeds. */
    ck_assert_int_eq(green_read(fds[0], &c, 1), 1);
    ck_fails(green_read(fds[0], &c, 1), ECANCELED);
    ck_fails(green_sleep(0), ECANCELED);
    count++;
    return NULL;
}

START_TEST(itself)
{
    pipe_pair(fds);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_join(green_spawn(kills_itself, NULL), NULL));
    ck_assert_int_eq(count, 1);
}
END_TEST

static struct green_thread *joined;

static void *joins(void *arg)
{
    (void)arg;
    errors[0] = green_join(joined, NULL) < 0 ? errno : 0;
    errors[1] = green_sleep(1) < 0 ? errno : 0;
    return NULL;
}

/* Woken, but not run yet: it keeps what it waited for. */
START_TEST(a_kill_after_the_wake)
{
    struct green_thread *joiner;

    joined = green_spawn(blocks, NULL);
    joiner = green_spawn(joins, NULL);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(joined));
    ck_ok(green_sleep(0)); /* it finishes, and wakes the joiner */
    ck_ok(green_kill(joiner));
    ck_ok(green_join(joiner, NULL));
    ck_assert_int_eq(errors[0], 0);
    ck_assert_int_eq(errors[1], ECANCELED);
}
END_TEST

/* ---- Shields ----------------------------------------------------------- */

static void *cleans_up(void *arg)
{
    struct green_shield outer, inner;

    (void)arg;
    errors[0] = green_sleep(GREEN_FOREVER) < 0 ? errno : 0;
    ck_ok(green_shield_begin(&outer));
    errors[1] = green_sleep(GREEN_MSEC) < 0 ? errno : 0;
    ck_ok(green_shield_begin(&inner));
    errors[2] = green_sleep(0) < 0 ? errno : 0;
    ck_fails(green_shield_end(&outer), EINVAL);
    ck_ok(green_shield_end(&inner));
    errors[3] = green_sleep(GREEN_MSEC) < 0 ? errno : 0;
    ck_ok(green_shield_end(&outer));
    errors[4] = green_sleep(0) < 0 ? errno : 0;
    return NULL;
}

START_TEST(clean_up_may_block)
{
    struct green_thread *thread = green_spawn(cleans_up, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(errors[0], ECANCELED);
    ck_assert_int_eq(errors[1], 0);
    ck_assert_int_eq(errors[2], 0);
    ck_assert_int_eq(errors[3], 0);
    ck_assert_int_eq(errors[4], ECANCELED);
    ck_fails(green_shield_begin(NULL), EINVAL);
    ck_fails(green_shield_end(NULL), EINVAL);
}
END_TEST

static void *shielded(void *arg)
{
    struct green_shield shield;

    (void)arg;
    ck_ok(green_shield_begin(&shield));
    errors[0] = green_sleep(5 * GREEN_MSEC) < 0 ? errno : 0;
    ck_ok(green_shield_end(&shield));
    errors[1] = green_sleep(GREEN_FOREVER) < 0 ? errno : 0;
    return NULL;
}

START_TEST(killed_while_shielded)
{
    struct green_thread *thread = green_spawn(shielded, NULL);
    green_time start = green_now();

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_ge(green_now() - start, 5 * GREEN_MSEC);
    ck_assert_int_eq(errors[0], 0);
    ck_assert_int_eq(errors[1], ECANCELED);
}
END_TEST

/* ---- Timeouts ---------------------------------------------------------- */

START_TEST(a_timeout_until_it_is_cancelled)
{
    struct green_timeout timeout;
    green_time start = green_now();

    ck_ok(green_timeout_start(&timeout, 2 * GREEN_MSEC));
    ck_ok(green_sleep(GREEN_USEC));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_assert_int_ge(green_now() - start, 2 * GREEN_MSEC);
    ck_assert(green_timeout_fired(&timeout));
    ck_fails(green_sleep(0), ETIMEDOUT);
    ck_fails(green_sleep(1), ETIMEDOUT);
    errno = ESTALE;
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_int_eq(errno, ESTALE);
    ck_assert(green_timeout_fired(&timeout));
    ck_ok(green_sleep(0));
    ck_fails(green_timeout_cancel(&timeout), EINVAL);
}
END_TEST

START_TEST(a_call_that_ends_in_time)
{
    struct green_timeout timeout, never;

    ck_ok(green_timeout_start(&never, GREEN_FOREVER));
    ck_ok(green_timeout_start(&timeout, 60 * GREEN_SEC));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_fails(green_timeout_cancel(&never), EINVAL); /* not the innermost */
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_sleep(2 * GREEN_MSEC));
    ck_assert(!green_timeout_fired(&timeout));
    ck_ok(green_timeout_cancel(&never));
    ck_assert(!green_timeout_fired(&never));
}
END_TEST

START_TEST(nested)
{
    const bool outer_first = _i;
    struct green_timeout outer, inner;

    ck_ok(green_timeout_start(&outer, (outer_first ? 2 : 20) * GREEN_MSEC));
    ck_ok(green_timeout_start(&inner, (outer_first ? 20 : 2) * GREEN_MSEC));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    if (on_sim()) { /* time is exact on sim */
        ck_assert(green_timeout_fired(&outer) == outer_first);
        ck_assert(green_timeout_fired(&inner) == !outer_first);
    }
    ck_assert(green_timeout_fired(outer_first ? &outer : &inner));
    ck_ok(green_timeout_cancel(&inner));
    if (outer_first)
        ck_fails(green_sleep(0), ETIMEDOUT);
    else
        ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_assert(green_timeout_fired(&outer));
    ck_ok(green_timeout_cancel(&outer));
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

START_TEST(at_once)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, 0));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

START_TEST(a_shield_inside_and_outside)
{
    struct green_timeout outer, inner;
    struct green_shield shield;

    ck_ok(green_timeout_start(&outer, GREEN_MSEC));
    ck_ok(green_shield_begin(&shield));
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert(green_timeout_fired(&outer));
    /* A timeout started inside the shield still fires. */
    ck_ok(green_timeout_start(&inner, GREEN_MSEC));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_assert(green_timeout_fired(&inner));
    ck_fails(green_timeout_cancel(&outer), EINVAL);
    ck_fails(green_shield_end(&shield), EINVAL);
    ck_ok(green_timeout_cancel(&inner));
    ck_ok(green_sleep(0));
    ck_ok(green_shield_end(&shield));
    ck_fails(green_sleep(0), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&outer));
    ck_ok(green_sleep(0));
}
END_TEST

static struct green_timeout others;

static void *cancels_a_timeout_of_another(void *arg)
{
    (void)arg;
    ck_fails(green_timeout_cancel(&others), EINVAL);
    ck_ok(green_sleep(3 * GREEN_MSEC)); /* not interrupted */
    count++;
    return NULL;
}

START_TEST(each_has_its_own_timeouts)
{
    struct green_thread *thread;

    ck_ok(green_timeout_start(&others, GREEN_MSEC));
    thread = green_spawn(cancels_a_timeout_of_another, NULL);
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&others));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(count, 1);
    ck_fails(green_timeout_start(NULL, 1), EINVAL);
    ck_fails(green_timeout_start(&others, -1), EINVAL);
    ck_fails(green_timeout_cancel(NULL), EINVAL);
    ck_assert(!green_timeout_fired(NULL));
}
END_TEST

static void *timed_and_killed(void *arg)
{
    struct green_timeout timeout;

    (void)arg;
    ck_ok(green_timeout_start(&timeout, GREEN_SEC));
    errors[0] = green_sleep(GREEN_FOREVER) < 0 ? errno : 0;
    ck_ok(green_timeout_cancel(&timeout));
    errors[1] = green_sleep(0) < 0 ? errno : 0;
    return NULL;
}

START_TEST(a_kill_within_a_timeout)
{
    struct green_thread *thread = green_spawn(timed_and_killed, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(errors[0], ECANCELED);
    ck_assert_int_eq(errors[1], ECANCELED);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread kill");
    TCase *kill = add_tcase(suite, "kill");
    TCase *shield = add_tcase(suite, "shield");
    TCase *timeout = add_tcase(suite, "timeout");

    tcase_add_test(kill, each_call_that_would_block_fails);
    tcase_add_test(kill, before_it_has_started);
    tcase_add_test(kill, a_finished_greenthread);
    tcase_add_test(kill, itself);
    tcase_add_test(kill, a_kill_after_the_wake);
    tcase_add_test(shield, clean_up_may_block);
    tcase_add_test(shield, killed_while_shielded);
    tcase_add_test(timeout, a_timeout_until_it_is_cancelled);
    tcase_add_test(timeout, a_call_that_ends_in_time);
    tcase_add_loop_test(timeout, nested, 0, 2);
    tcase_add_test(timeout, at_once);
    tcase_add_test(timeout, a_shield_inside_and_outside);
    tcase_add_test(timeout, each_has_its_own_timeouts);
    tcase_add_test(timeout, a_kill_within_a_timeout);
    return run_suite(suite);
}
