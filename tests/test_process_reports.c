/*
 * What users of other libraries have reported of child processes: a signal that
 * collects the status, children that are given up at any moment, and a grandchild
 * that keeps a pipe.
 */
#include "children.h"

/* CPython 87744: the status of a child that was sent a signal after its end. */
START_TEST(a_signal_collects_no_status)
{
    struct green_process process;
    siginfo_t info;
    int status = -1;
    SHELL(argv, "exit 7");
    const struct green_process_options options = {.argv = argv};

    ck_ok(green_process_start(&process, &options));
    ck_ok(waitid(P_PID, (id_t)process.pid, &info, WEXITED | WNOWAIT));
    for (int i = 0; i < 3; i++)
        (void)green_process_kill(&process, SIGTERM);
    ck_ok(green_process_wait(&process, &status));
    ck_assert(WIFEXITED(status) && WEXITSTATUS(status) == 7);
    ck_fails(green_process_kill(&process, SIGTERM), ESRCH);
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

/* CPython 119710: a grandchild has the pipe, and lives on. */
START_TEST(a_grandchild_keeps_the_pipe)
{
    struct green_process process;
    int status = -1, gate[2];
    SHELL(argv, "read line <&3 & exit 5");
    const struct green_process_options options = {
        .argv = argv, .out = STDIO_PIPE, .fds = &gate[0], .fd_count = 1};

    pipe_pair(gate);
    ck_ok(green_process_start(&process, &options));
    ck_ok(green_process_wait(&process, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 5);
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

static unsigned given_up;

static void *talks(void *limit)
{
    SHELL(argv, "cat");
    const struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE};
    struct green_exchange exchange = {.input = "hello", .input_size = 5};
    struct green_process process;
    struct green_timeout timeout;

    ck_ok(green_process_start(&process, &options));
    ck_ok(green_timeout_start(&timeout, (green_time)(intptr_t)limit));
    if (green_process_communicate(&process, &exchange, NULL) < 0) {
        ck_assert_int_eq(errno, ETIMEDOUT);
        given_up++;
    } else {
        ck_assert_str_eq(exchange.out, "hello");
    }
    green_timeout_cancel(&timeout);
    ck_ok(green_process_end(&process));
    free(exchange.out);
    return NULL;
}

/* CPython 125502: some were started just now, some are about to end. */
START_TEST(many_are_given_up_at_any_moment)
{
    struct green_thread *threads[20];
    int fds = (green_get_hub(), count_fds());

    for (int round = 0; round < fewer_if_checked(4, 2); round++) {
        for (int i = 0; i < 20; i++)
            threads[i] =
                green_spawn(talks, (void *)(intptr_t)(i * 500 * GREEN_USEC));
        for (int i = 0; i < 20; i++)
            ck_ok(green_join(threads[i], NULL));
    }
    ck_assert_uint_gt(given_up, 0);
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process_reports");
    TCase *tcase = add_tcase(suite, "reports");

    tcase_add_test(tcase, a_signal_collects_no_status);
    tcase_add_test(tcase, a_grandchild_keeps_the_pipe);
    tcase_add_test(tcase, many_are_given_up_at_any_moment);
    return run_suite(suite);
}
