/* Waiting for one descriptor: green_wait. */
#include <fcntl.h>
#include <unistd.h>

#include "support.h"

static int fds[2];

static void setup(void)
{
    make_pair(3, fds);
}

static void *writes(void *arg)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    return arg;
}

START_TEST(until_it_is_ready)
{
    struct green_thread *thread = green_spawn(writes, NULL);

    ck_fails(green_wait(fds[0], GREEN_READ, 0), EAGAIN);
    ck_fails(green_wait(fds[0], GREEN_READ, green_after(1)), EAGAIN);
    ck_assert_int_eq(green_wait(fds[0], GREEN_READ, GREEN_FOREVER), GREEN_READ);
    ck_assert_int_eq(green_wait(fds[0], GREEN_READ, 0), GREEN_READ);
    ck_assert_int_eq(
        green_wait(fds[0], GREEN_READ | GREEN_WRITE, green_after(GREEN_SEC)),
        GREEN_READ | GREEN_WRITE);
    ck_assert_int_eq(green_wait(fds[0], GREEN_WRITE, GREEN_FOREVER),
                     GREEN_WRITE);
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(the_peer_closes)
{
    int ready;

    ck_ok(green_close(fds[1]));
    ready = green_wait(fds[0], GREEN_READ, GREEN_FOREVER);
    ck_assert_int_gt(ready, 0);
    ck_assert(ready & GREEN_READ);
}
END_TEST

START_TEST(a_file_is_always_ready)
{
    int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);

    ck_assert_int_eq(green_wait(fd, GREEN_READ, GREEN_FOREVER), GREEN_READ);
    close(fd);
}
END_TEST

static void *closes(void *arg)
{
    ck_ok(green_close(fds[0]));
    return arg;
}

START_TEST(errors)
{
    struct green_thread *thread = green_spawn(closes, NULL);

    ck_fails(green_wait(-1, GREEN_READ, 0), EBADF);
    ck_fails(green_wait(fds[0], 0, 0), EINVAL);
    ck_fails(green_wait(fds[0], GREEN_ERROR, 0), EINVAL);
    ck_fails(green_wait(fds[0], GREEN_READ, GREEN_FOREVER), EBADF);
    ck_fails(green_wait(fds[0], GREEN_READ, 0), EBADF);
    ck_ok(green_join(thread, NULL));
}
END_TEST

static void waits_in_a_callback(struct green_call *call)
{
    ck_assert_int_eq(green_wait(fds[0], GREEN_WRITE, GREEN_FOREVER),
                     GREEN_WRITE);
    ck_fails(green_wait(fds[0], GREEN_READ, 0), EAGAIN);
    ck_fails(green_wait(fds[0], GREEN_READ, GREEN_FOREVER), EDEADLK);
    call->arg = NULL;
}

static void *waits_until_killed(void *arg)
{
    ck_fails(green_wait(fds[0], GREEN_READ, GREEN_FOREVER), ECANCELED);
    return arg;
}

START_TEST(kill_and_timeout)
{
    struct green_call call = {.callback = waits_in_a_callback, .arg = &call};
    struct green_thread *thread = green_spawn(waits_until_killed, NULL);
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_wait(fds[0], GREEN_READ, GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io wait");
    TCase *tcase = add_tcase(suite, "wait");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, until_it_is_ready);
    tcase_add_test(tcase, the_peer_closes);
    tcase_add_test(tcase, a_file_is_always_ready);
    tcase_add_test(tcase, errors);
    tcase_add_test(tcase, kill_and_timeout);
    return run_suite(suite);
}
