/* Timeouts, shields and scopes that end with their blocks; and those that the
 * program does not end, or begins twice. */
#include "support.h"

#include <greenhub/scoped.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

static int children;

/* ---- Each way to leave a block ------------------------------------------ */

static int leaves_by(int way)
{
    for (int i = 0; i < 2; i++) {
        GREEN_SCOPED_TIMEOUT(timeout, way ? GREEN_FOREVER : GREEN_MSEC);
        GREEN_SCOPED_SHIELD(shield);

        ck_ok(timeout_result);
        ck_ok(shield_result);
        errno = ENOTTY;
        switch (way) {
        case 1:
            continue;
        case 2:
            goto out;
        case 3:
            return green_sleep(0);
        case 4:
            ck_ok(green_shield_end(&shield));
            ck_ok(green_timeout_cancel(&timeout));
            break;
        }
        if (way == 5)
            break;
    }
out:
    return 0;
}

static void is_in_none(void)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_sleep(2 * GREEN_MSEC));
}

START_TEST(left_in_each_way)
{
    for (int i = 0; i < 100; i++)
        ck_ok(leaves_by(_i));
    if (_i != 3 && _i != 4)
        ck_assert_int_eq(errno, ENOTTY);
    is_in_none();
}
END_TEST

static int one_child(void *arg)
{
    (void)arg;
    children++;
    green_sleep(GREEN_FOREVER);
    children--;
    return 0;
}

static int returns_early(bool early)
{
    GREEN_SCOPED_SCOPE(scope, GREEN_FOREVER);

    ck_ok(scope_result);
    ck_ok(green_scope_spawn(&scope, one_child, NULL));
    ck_ok(green_sleep(GREEN_MSEC));
    if (early)
        return -1;
    ck_ok(green_scope_stop(&scope));
    return green_scope_end(&scope);
}

START_TEST(a_scope_is_stopped_and_waited_for)
{
    ck_assert_int_eq(returns_early(true), -1);
    ck_assert_int_eq(children, 0);
    ck_fails(returns_early(false), ECANCELED);
    ck_assert_int_eq(children, 0);
    is_in_none();
}
END_TEST

static int never_begins(void)
{
    GREEN_SCOPED_TIMEOUT(timeout, -1);
    GREEN_SCOPED_SCOPE(scope, -1);

    return timeout_result + scope_result;
}

START_TEST(not_begun_is_not_ended)
{
    ck_assert_int_eq(never_begins(), -2);
    is_in_none();
}
END_TEST

/* ---- Not ended
 * ------------------------------------------------------------ */

static void *leaves_a_timeout(void *arg)
{
    struct green_timeout outer, inner;

    ck_ok(green_timeout_start(&outer, 5 * GREEN_MSEC));
    ck_ok(green_timeout_start(&inner, GREEN_FOREVER));
    return arg;
}

static void *leaves_a_shield(void *arg)
{
    struct green_shield shield;

    ck_ok(green_shield_begin(&shield));
    return arg;
}

static void *leaves_a_scope(void *arg)
{
    struct green_scope scope;

    ck_ok(green_scope_begin(&scope, 5 * GREEN_MSEC));
    ck_ok(green_scope_spawn(&scope, one_child, NULL));
    green_sleep(GREEN_MSEC); /* a slow machine may reach the time limit */
    return arg;
}

static void deferred(void *arg)
{
    leaves_a_timeout(arg);
}

static void *defers_one_that_leaves(void *arg)
{
    ck_ok(green_at_exit(deferred, NULL));
    return arg;
}

/* Reuses the stack on which the timeout would fire, if it still did. */
static void *reuses_the_stack(void *arg)
{
    volatile char room[20000];

    memset((char *)room, 0xee, sizeof room);
    ck_ok(green_sleep(20 * GREEN_MSEC));
    for (size_t i = 0; i < sizeof room; i++)
        ck_assert_int_eq((unsigned char)room[i], 0xee);
    return arg;
}

static void begins_twice(void)
{
    struct green_timeout timeout, inner;
    struct green_shield shield;
    struct green_scope scope;

    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_timeout_start(&timeout, 5 * GREEN_MSEC), EBUSY);
    ck_ok(green_timeout_start(&inner, GREEN_SEC));
    ck_fails(green_timeout_start(&timeout, 5 * GREEN_MSEC), EBUSY);
    ck_ok(green_timeout_cancel(&inner));
    ck_ok(green_shield_begin(&shield));
    ck_fails(green_shield_begin(&shield), EBUSY);
    ck_ok(green_shield_end(&shield));
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_fails(green_scope_begin(&scope, GREEN_FOREVER), EBUSY);
    ck_ok(green_scope_end(&scope));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    is_in_none();
}

static void *(*const not_ended[])(void *) = {
    leaves_a_timeout, leaves_a_shield, leaves_a_scope, defers_one_that_leaves};

static void leave_without_end(int which)
{
    int ended = 1;
    void *result;

    if (which < 0) {
        begins_twice();
        return;
    }
    ck_ok(green_join(green_spawn(not_ended[which], &ended), &result));
    ck_assert_ptr_eq(result, &ended);
    ck_assert_int_eq(children, 0);
    ck_ok(green_join(green_spawn(reuses_the_stack, NULL), NULL));
    is_in_none();
}

/* In a debug build the library aborts. */
START_TEST(not_ended_or_begun_twice)
{
    pid_t pid;

    if (under_valgrind() && _i >= 0) {
        SKIP("reads frames of functions that have returned");
        return;
    }
    if (!getenv("GREENHUB_DEBUG")) {
        leave_without_end(_i);
        return;
    }
    pid = fork();
    if (pid == 0) {
        signal(SIGABRT, SIG_DFL);
        close(STDERR_FILENO);
        leave_without_end(_i);
        _exit(0);
    }
    ck_assert_int_eq(wait_child(pid), 1000 + SIGABRT);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scoped");
    TCase *tcase = add_tcase(suite, "scoped");

    tcase_add_loop_test(tcase, left_in_each_way, 0, 6);
    tcase_add_test(tcase, a_scope_is_stopped_and_waited_for);
    tcase_add_test(tcase, not_begun_is_not_ended);
    tcase = add_tcase(suite, "not ended");
    tcase_add_loop_test(tcase, not_ended_or_begun_twice, -1, 4);
    return run_suite(suite);
}
