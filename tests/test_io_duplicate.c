/* Duplicates of descriptors: dup, dup2, dup3. */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "parked.h"

static int fds[2];

START_TEST(duplicates_work_after_a_close)
{
    struct green_thread *reader;
    int copy;

    make_pair(_i, fds);
    copy = green_dup(fds[0]);
    ck_assert_int_ge(copy, 0);
    reader = spawn(read_result, &copy);
    ck_ok(green_close(fds[0])); /* not the one that the reader waits for */
    ck_assert_int_eq(green_write(fds[1], "c", 1), 1);
    ck_assert_int_eq(join(reader), 'c');
    ck_fails(green_dup(fds[0]), EBADF);
    ck_fails(green_dup2(fds[0], copy), EBADF);
    ck_fails(green_dup2(fds[0], fds[0]), EBADF);
    ck_fails(green_dup3(copy, copy, 0), EINVAL);
    ck_fails(green_dup3(copy, -1, 0), EBADF);
    ck_assert_int_eq(green_dup2(copy, copy), copy);
    reader = spawn(read_result, &copy); /* after all these failures */
    ck_assert_int_eq(green_write(fds[1], "d", 1), 1);
    ck_assert_int_eq(join(reader), 'd');
}
END_TEST

static void *connect_to(void *port)
{
    char address[64];

    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", *(int *)port);
    return (void *)(intptr_t)green_dial(address);
}

START_TEST(the_duplicate_of_a_listener_accepts)
{
    int port, listener = tcp_listener(&port), copy;
    struct green_thread *thread;

    for (int i = 0; i < 2; i++) {
        thread = spawn(connect_to, &port);
        ck_assert_int_ge(green_accept(listener, NULL, NULL), 0);
        ck_assert_int_ge(join(thread), 0);
        copy = green_dup(listener);
        if (i)
            ck_ok(green_close(listener));
        thread = green_spawn_after(GREEN_MSEC, connect_to, &port);
        ck_assert_int_ge(green_accept(copy, NULL, NULL), 0);
        ck_assert_int_ge(join(thread), 0);
        ck_ok(green_close(copy));
    }
}
END_TEST

START_TEST(a_dup3_that_fails_closes_nothing)
{
    struct green_thread *reader;
    int other;

    make_pair(_i, fds);
    other = green_dup(STDERR_FILENO);
    reader = spawn(read_result, &fds[0]);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_fails(green_dup3(other, fds[0], O_APPEND), EINVAL);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(green_write(fds[1], "h", 1), 1);
    ck_assert_int_eq(join(reader), 'h');
}
END_TEST
int main(void)
{
    Suite *suite = suite_create("io_duplicate");
    TCase *tcase = add_tcase(suite, "duplicate");

    tcase_add_loop_test(tcase, duplicates_work_after_a_close, 0, PAIR_KINDS);
    tcase_add_test(tcase, the_duplicate_of_a_listener_accepts);
    tcase_add_loop_test(tcase, a_dup3_that_fails_closes_nothing, 0, PAIR_KINDS);
    return run_suite(suite);
}
