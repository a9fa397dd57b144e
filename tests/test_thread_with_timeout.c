/* green_with_timeout: a call with a timeout around it. */
#include "support.h"

static int result, error;

static int returns(void *arg)
{
    errno = *(int *)arg;
    return result;
}

static int sleeps(void *arg)
{
    (void)arg;
    return green_sleep(GREEN_FOREVER);
}

/* Fails with an error of its own after the timeout. */
static int fails_otherwise(void *arg)
{
    sleeps(arg);
    errno = EIO;
    return -7;
}

static int succeeds_late(void *arg)
{
    sleeps(arg);
    return 3;
}

START_TEST(the_functions_result_is_returned)
{
    error = EBADMSG;
    for (result = -2; result < 3; result++) {
        errno = 0;
        ck_assert_int_eq(green_with_timeout(GREEN_SEC, returns, &error),
                         result);
        ck_assert_int_eq(errno, EBADMSG);
    }
    ck_assert_int_eq(green_with_timeout(GREEN_FOREVER, returns, &error), 3);
}
END_TEST

START_TEST(when_the_timeout_fires)
{
    ck_fails(green_with_timeout(GREEN_MSEC, sleeps, NULL), ETIMEDOUT);
    ck_fails(green_with_timeout(0, sleeps, NULL), ETIMEDOUT);
    ck_fails(green_with_timeout(GREEN_MSEC, fails_otherwise, NULL), ETIMEDOUT);
    ck_assert_int_eq(green_with_timeout(GREEN_MSEC, succeeds_late, NULL), 3);
    ck_ok(green_sleep(2 * GREEN_MSEC)); /* no timeout is left */
}
END_TEST

START_TEST(a_timeout_outside)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_assert_int_eq(green_with_timeout(GREEN_FOREVER, fails_otherwise, NULL),
                     -7);
    ck_assert_int_eq(errno, EIO);
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

static void calls_in_a_callback(struct green_call *call)
{
    ck_fails(green_with_timeout(GREEN_SEC, returns, &error), EDEADLK);
    call->arg = NULL;
}

static void *is_killed(void *arg)
{
    ck_fails(green_with_timeout(GREEN_FOREVER, sleeps, NULL), ECANCELED);
    return arg;
}

START_TEST(errors)
{
    struct green_call call = {.callback = calls_in_a_callback, .arg = &call};
    struct green_thread *thread = green_spawn(is_killed, NULL);

    ck_fails(green_with_timeout(GREEN_SEC, NULL, NULL), EINVAL);
    ck_fails(green_with_timeout(-1, returns, &error), EINVAL);
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("with timeout");
    TCase *tcase = add_tcase(suite, "with timeout");

    tcase_add_test(tcase, the_functions_result_is_returned);
    tcase_add_test(tcase, when_the_timeout_fires);
    tcase_add_test(tcase, a_timeout_outside);
    tcase_add_test(tcase, errors);
    return run_suite(suite);
}
