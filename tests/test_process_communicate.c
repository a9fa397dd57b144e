/* green_process_communicate: the input and both outputs of a child at once. */
#include "children.h"

#define BIG ((size_t)1 << 20) /* larger than a pipe */

static void setup(void)
{
    green_get_hub();
}

static char *pattern(size_t size)
{
    char *bytes = malloc(size);

    ck_assert_ptr_nonnull(bytes);
    for (size_t i = 0; i < size; i++)
        bytes[i] = (char)('!' + i * 7919 % 90);
    return bytes;
}

static void start(struct green_process *process, const char *script)
{
    SHELL(argv, script);
    const struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE, .err = STDIO_PIPE};

    ck_ok(green_process_start(process, &options));
}

static void finish(struct green_process *process,
                   struct green_exchange *exchange)
{
    ck_ok(green_process_end(process));
    free(exchange->out);
    free(exchange->err);
}

/* ---- To the end ------------------------------------------------------------- */

START_TEST(more_than_pipes_hold)
{
    char *bytes = pattern(BIG);
    struct green_exchange exchange = {
        .input = bytes, .input_size = BIG, .limit = BIG};
    struct green_process process;
    int status = -1, fds = count_fds();

    start(&process, "tee /dev/stderr; exit 3");
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 3);
    ck_assert_uint_eq(exchange.sent, BIG);
    ck_assert_uint_eq(exchange.out_size, BIG);
    ck_assert_uint_eq(exchange.err_size, BIG);
    ck_assert_mem_eq(exchange.out, bytes, BIG);
    ck_assert_mem_eq(exchange.err, bytes, BIG);
    ck_assert_int_eq(exchange.out[BIG], '\0');
    finish(&process, &exchange);
    free(bytes);
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(nothing_in_nothing_out)
{
    struct green_exchange exchange = {.input = NULL};
    struct green_process process;
    int status = -1;

    start(&process, "cat");
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(status, 0);
    ck_assert_str_eq(exchange.out, "");
    ck_assert_str_eq(exchange.err, "");
    ck_assert_uint_eq(exchange.out_size, 0);
    finish(&process, &exchange);
}
END_TEST

START_TEST(only_some_are_pipes)
{
    SHELL(argv, "echo out; echo err >&2");
    struct green_process_options options = {
        .argv = argv, .in = STDIO_NULL, .out = STDIO_NULL, .err = STDIO_PIPE};
    struct green_exchange exchange = {.input = "unread", .input_size = 6};
    struct green_process process;

    ck_ok(green_process_start(&process, &options));
    ck_ok(green_process_communicate(&process, &exchange, NULL));
    ck_assert_ptr_null(exchange.out);
    ck_assert_str_eq(exchange.err, "err\n");
    ck_assert_uint_eq(exchange.sent, 0);
    finish(&process, &exchange);
}
END_TEST

static void *talks(void *arg)
{
    struct green_exchange exchange = {
        .input = arg, .input_size = 100000, .limit = 100000};
    struct green_process process;
    int status = -1;

    start(&process, "tee /dev/stderr");
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(status, 0);
    ck_assert_uint_eq(exchange.out_size, 100000);
    ck_assert_uint_eq(exchange.err_size, 100000);
    ck_assert_mem_eq(exchange.out, arg, 100000);
    ck_assert_mem_eq(exchange.err, arg, 100000);
    finish(&process, &exchange);
    return NULL;
}

START_TEST(a_hundred_children_at_once)
{
    char *bytes = pattern(100000);
    int count = fewer_if_checked(100, 5), fds = count_fds();
    struct green_thread *threads[100];

    for (int i = 0; i < count; i++)
        threads[i] = green_spawn(talks, bytes);
    for (int i = 0; i < count; i++)
        ck_ok(green_join(threads[i], NULL));
    free(bytes);
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Children that close early ------------------------------------------------ */

static volatile sig_atomic_t broken;

static void on_sigpipe(int number)
{
    (void)number;
    broken++;
}

START_TEST(a_child_that_reads_nothing)
{
    const char *const scripts[] = {"exec 0<&-; echo closed; sleep 0.01; exit 2",
                                   "echo closed; exit 2"};
    char *bytes = pattern(BIG);
    sigset_t pending;

    signal(SIGPIPE, on_sigpipe);
    for (int i = 0; i < 2; i++) {
        struct green_exchange exchange = {.input = bytes, .input_size = BIG};
        struct green_process process;
        int status = -1;

        start(&process, scripts[i]);
        ck_ok(green_process_communicate(&process, &exchange, &status));
        ck_assert_int_eq(WEXITSTATUS(status), 2);
        ck_assert_str_eq(exchange.out, "closed\n");
        ck_assert_uint_lt(exchange.sent, BIG);
        finish(&process, &exchange);
    }
    ck_assert_int_eq(broken, 0);
    ck_ok(sigpending(&pending));
    ck_assert_int_eq(sigismember(&pending, SIGPIPE), 0);
    free(bytes);
}
END_TEST

/* Python took the end of the outputs for the end of the child. */
START_TEST(a_child_that_closes_its_outputs)
{
    struct green_exchange exchange = {.input = "x\n", .input_size = 2};
    struct green_process process;
    int status = -1;

    start(&process, "echo bye; exec >&- 2>&-; read line; exit 8");
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 8);
    ck_assert_str_eq(exchange.out, "bye\n");
    finish(&process, &exchange);
}
END_TEST

/* A process that the child leaves behind holds the pipes. The end of this one's
 * input is what it waits for. */

START_TEST(until_the_childs_end)
{
    struct green_exchange exchange = {.until_end = true};
    struct green_process process;
    int gate[2], status = -1;
    SHELL(argv, "(read line <&3; echo late) & printf %s done; exit 1");
    const struct green_process_options options = {.argv = argv,
                                                  .in = STDIO_PIPE,
                                                  .out = STDIO_PIPE,
                                                  .err = STDIO_PIPE,
                                                  .fds = &gate[0],
                                                  .fd_count = 1};
    struct green_exchange whole = {.input = NULL};
    struct green_timeout timeout;

    pipe_pair(gate);
    ck_ok(green_process_start(&process, &options));
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 1);
    ck_assert_str_eq(exchange.out, "done");
    finish(&process, &exchange);

    ck_ok(green_process_start(&process, &options));
    do {
        ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
        ck_fails(green_process_communicate(&process, &whole, NULL), ETIMEDOUT);
        ck_ok(green_timeout_cancel(&timeout));
    } while (whole.out_size < strlen("done"));
    ck_assert_int_eq(write(gate[1], "x\nx\n", 4), 4);
    ck_ok(green_process_communicate(&process, &whole, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 1);
    ck_assert_str_eq(whole.out, "donelate\n");
    finish(&process, &whole);
}
END_TEST

/* What is in the pipe when the child ends is read to its end. */
START_TEST(until_the_childs_end_nothing_is_lost)
{
    for (int i = 0; i < 20; i++) {
        struct green_exchange exchange = {.until_end = true};
        struct green_process process;

        start(&process, "head -c 60000 /dev/zero; head -c 60000 /dev/zero >&2");
        ck_ok(green_process_communicate(&process, &exchange, NULL));
        ck_assert_uint_eq(exchange.out_size, 60000);
        ck_assert_uint_eq(exchange.err_size, 60000);
        finish(&process, &exchange);
    }
}
END_TEST

/* ---- Interruptions -------------------------------------------------------------- */

START_TEST(a_timeout_loses_nothing)
{
    char *bytes = pattern(BIG);
    struct green_exchange exchange = {
        .input = bytes, .input_size = BIG, .limit = BIG};
    struct green_timeout timeout;
    struct green_process process;
    int status, timeouts = 0;

    start(&process, "exec cat");
    ck_ok(green_process_kill(&process, SIGSTOP));
    for (int i = 0; i < 3; i++) {
        ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
        ck_fails(green_process_communicate(&process, &exchange, NULL),
                 ETIMEDOUT);
        ck_ok(green_timeout_cancel(&timeout));
        timeouts++;
    }
    ck_assert_uint_lt(exchange.sent, BIG);
    ck_ok(green_process_kill(&process, SIGCONT));
    ck_ok(green_process_communicate(&process, &exchange, &status));
    ck_assert_int_eq(timeouts, 3);
    ck_assert_uint_eq(exchange.out_size, BIG);
    ck_assert_mem_eq(exchange.out, bytes, BIG);
    finish(&process, &exchange);
    free(bytes);
}
END_TEST

static void *is_killed(void *arg)
{
    struct green_exchange exchange = {.input = NULL};
    struct green_process process;

    start(&process, arg);
    ck_fails(green_process_communicate(&process, &exchange, NULL), ECANCELED);
    finish(&process, &exchange);
    return NULL;
}

/* One hangs, one ignores SIGTERM, one is stopped. */
START_TEST(a_kill_ends_it)
{
    const char *const scripts[] = {"sleep 1000", "trap '' TERM; sleep 1000",
                                   "kill -STOP $$",
                                   "exec >&- 2>&-; sleep 1000"};
    int fds = count_fds();

    for (int i = 0; i < 4; i++) {
        struct green_thread *thread =
            green_spawn(is_killed, (void *)(uintptr_t)scripts[i]);

        ck_ok(green_sleep(5 * GREEN_MSEC));
        ck_ok(green_kill(thread));
        ck_ok(green_join(thread, NULL));
    }
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- The limit ------------------------------------------------------------------ */

START_TEST(output_is_bounded)
{
    struct green_exchange exchange = {.limit = 10000};
    struct green_process process;

    start(&process, "exec yes");
    ck_fails(green_process_communicate(&process, &exchange, NULL), EMSGSIZE);
    ck_assert_uint_eq(exchange.out_size, 10000);
    ck_assert_mem_eq(exchange.out, "y\ny\n", 4);
    finish(&process, &exchange);
    ck_no_child();
}
END_TEST

START_TEST(just_as_long_as_the_limit)
{
    struct green_exchange exchange = {.limit = 5000};
    struct green_process process;

    start(&process, "head -c 5000 /dev/zero");
    ck_ok(green_process_communicate(&process, &exchange, NULL));
    ck_assert_uint_eq(exchange.out_size, 5000);
    finish(&process, &exchange);
}
END_TEST

START_TEST(a_limit_that_is_raised)
{
    struct green_exchange exchange = {.limit = 1};
    struct green_process process;

    start(&process, "head -c 70000 /dev/zero >&2");
    ck_fails(green_process_communicate(&process, &exchange, NULL), EMSGSIZE);
    ck_assert_uint_eq(exchange.err_size, 1);
    exchange.limit = 0; /* 1 MiB */
    ck_ok(green_process_communicate(&process, &exchange, NULL));
    ck_assert_uint_eq(exchange.err_size, 70000);
    finish(&process, &exchange);
}
END_TEST

START_TEST(what_is_refused)
{
    struct green_exchange exchange = {.input_size = 1};
    struct green_process process, none = {.pid = 0};

    start(&process, "exit");
    ck_fails(green_process_communicate(&process, NULL, NULL), EINVAL);
    ck_fails(green_process_communicate(&process, &exchange, NULL), EINVAL);
    exchange.input_size = 0;
    exchange.reserved[0] = 1;
    ck_fails(green_process_communicate(&process, &exchange, NULL), EINVAL);
    exchange.reserved[0] = 0;
    ck_fails(green_process_communicate(&none, &exchange, NULL), EINVAL);
    ck_fails(green_process_communicate(NULL, &exchange, NULL), EINVAL);
    ck_ok(green_process_communicate(&process, &exchange, NULL));
    finish(&process, &exchange);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process_communicate");
    TCase *whole = add_tcase(suite, "whole");
    TCase *early = add_tcase(suite, "early");
    TCase *ended = add_tcase(suite, "ended");

    tcase_add_checked_fixture(whole, setup, NULL);
    tcase_add_test(whole, more_than_pipes_hold);
    tcase_add_test(whole, nothing_in_nothing_out);
    tcase_add_test(whole, only_some_are_pipes);
    tcase_add_test(whole, a_hundred_children_at_once);
    tcase_add_checked_fixture(early, setup, NULL);
    tcase_add_test(early, a_child_that_reads_nothing);
    tcase_add_test(early, a_child_that_closes_its_outputs);
    tcase_add_test(early, until_the_childs_end);
    tcase_add_test(early, until_the_childs_end_nothing_is_lost);
    tcase_add_checked_fixture(ended, setup, NULL);
    tcase_add_test(ended, a_timeout_loses_nothing);
    tcase_add_test(ended, a_kill_ends_it);
    tcase_add_test(ended, output_is_bounded);
    tcase_add_test(ended, just_as_long_as_the_limit);
    tcase_add_test(ended, a_limit_that_is_raised);
    tcase_add_test(ended, what_is_refused);
    return run_suite(suite);
}
