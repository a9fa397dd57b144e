/* green_log_v: a program's own function that logs, with its arguments in a list. */
#include "support.h"

#include <stdarg.h>
#include <string.h>

static struct green_log *to_pipe;

__attribute__((format(printf, 1, 2))) static int warns(const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = green_log_v(to_pipe, GREEN_LOG_WARNING, format, arguments);
    va_end(arguments);
    return result;
}

START_TEST(a_function_of_the_program_logs)
{
    char line[200];
    int fds[2];
    ssize_t n;

    pipe_pair(fds);
    to_pipe = green_log_create(
        &(struct green_log_options){.fd = fds[1], .name = "test"});
    ck_assert_ptr_nonnull(to_pipe);
    ck_ok(warns("%s, %d of %d", "disk", 9, 10));
    n = green_read(fds[0], line, sizeof line - 1);
    ck_assert_int_gt(n, 0);
    line[n] = '\0';
    ck_assert_ptr_nonnull(strstr(line, " warning test["));
    ck_assert_ptr_nonnull(strstr(line, "]: disk, 9 of 10\n"));
    ck_ok(green_log_set_level(to_pipe, GREEN_LOG_ERROR));
    ck_ok(warns("%s", "nothing"));
    green_log_destroy(to_pipe); /* writes what is there */
    ck_ok(green_close(fds[1]));
    ck_assert_int_eq(green_read(fds[0], line, sizeof line), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log_list");

    tcase_add_test(add_tcase(suite, "list"), a_function_of_the_program_logs);
    return run_suite(suite);
}
