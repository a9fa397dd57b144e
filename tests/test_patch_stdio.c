/* Streams on sockets and pipes: libgreenhub-patch's group STDIO. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <syslog.h>
#include <unistd.h>

#include "patch_stream_support.h"

static int ends[2];

/* ---- Many streams ----------------------------------------------------------- */

#define STREAMS 100

/* An echo by lines. */
static void *echoes(void *arg)
{
    int fd = *(int *)arg;
    FILE *in = stream_on(fd, "r"), *out = stream_on(dup(fd), "w");
    char line[64];

    while (fgets(line, sizeof line, in)) {
        ck_assert_int_ge(fputs(line, out), 0);
        ck_ok(fflush(out));
    }
    ck_assert(feof(in) && !ferror(in));
    ck_ok(fclose(out));
    ck_ok(fclose(in));
    return NULL;
}

static void *asks(void *arg)
{
    int fd = *(int *)arg, number;
    FILE *in = stream_on(fd, "r"), *out = stream_on(dup(fd), "w");

    for (int i = 0; i < LINES; i++) {
        ck_assert_int_gt(fprintf(out, "number %d\n", i), 0);
        ck_ok(fflush(out));
        ck_assert_int_eq(fscanf(in, "number %d%*c", &number), 1);
        ck_assert_int_eq(number, i);
    }
    ck_ok(fclose(out));
    ck_ok(fclose(in));
    return NULL;
}

static void *asks_by_lines(void *arg)
{
    int fd = *(int *)arg;
    FILE *in = stream_on(fd, "r"), *out = stream_on(dup(fd), "w");
    char *line = NULL, wanted[64];
    size_t size = 0;

    for (int i = 0; i < LINES; i++) {
        snprintf(wanted, sizeof wanted, "number %d\n", i);
        ck_assert_int_gt(fprintf(out, "%s", wanted), 0);
        ck_ok(fflush(out));
        ck_assert_int_gt(getline(&line, &size, in), 0);
        ck_assert_str_eq(line, wanted);
    }
    free(line);
    ck_ok(fclose(out));
    ck_ok(fclose(in));
    return NULL;
}

START_TEST(a_hundred_streams_at_once)
{
    static int pairs[STREAMS][2];
    struct green_thread *threads[STREAMS][2];

    for (int i = 0; i < STREAMS; i++) {
        ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, pairs[i]));
        threads[i][0] = green_spawn(echoes, &pairs[i][0]);
        threads[i][1] = green_spawn(asks_by_lines, &pairs[i][1]);
    }
    for (int i = 0; i < STREAMS; i++) {
        join(threads[i][1]);
        join(threads[i][0]);
    }
}
END_TEST

/* ---- More than fits --------------------------------------------------------- */

#define LARGE (1 << 20)

static void *writes_much(void *arg)
{
    FILE *file = arg;
    static char block[LARGE];

    memset(block, 'x', sizeof block);
    ck_assert_uint_eq(fwrite(block, 1, sizeof block, file), sizeof block);
    ck_ok(fclose(file));
    return NULL;
}

START_TEST(a_large_block_is_read_and_written)
{
    static char block[LARGE + 1];
    struct green_thread *writer;
    FILE *file;

    ck_ok(pipe(ends));
    file = stream_on(ends[0], "r");
    writer = green_spawn(writes_much, stream_on(ends[1], "w"));
    ck_assert_uint_eq(fread(block, 1, sizeof block, file), LARGE);
    ck_assert(feof(file));
    ck_assert_int_eq(block[LARGE - 1], 'x');
    join(writer);
    ck_ok(fclose(file));
}
END_TEST

/* ---- Kills and timeouts ------------------------------------------------------ */

static void *reads_in_vain(void *arg)
{
    char line[64];

    ck_fails_null(fgets(line, sizeof line, arg), ECANCELED);
    ck_assert(ferror((FILE *)arg) && !feof((FILE *)arg));
    return NULL;
}

static void ck_usable(FILE *file)
{
    char line[64];

    clearerr(file);
    ck_assert_int_eq(write(ends[1], "hello\n", 6), 6);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_str_eq(line, "hello\n");
}

START_TEST(a_kill_ends_a_read)
{
    struct green_thread *thread;
    FILE *file;

    ck_ok(pipe(ends));
    file = stream_on(ends[0], "r");
    thread = green_spawn(reads_in_vain, file);
    let_all_wait();
    ck_ok(green_kill(thread));
    join(thread);
    ck_usable(file);
    ck_ok(fclose(file));
    ck_fails(write(ends[0], "", 1), EBADF);
}
END_TEST

START_TEST(a_timeout_ends_a_read)
{
    struct green_timeout timeout;
    char line[64];
    FILE *file;

    ck_ok(pipe(ends));
    file = stream_on(ends[0], "r");
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails_null(fgets(line, sizeof line, file), ETIMEDOUT);
    green_timeout_cancel(&timeout);
    ck_assert(ferror(file));
    ck_usable(file);
    ck_ok(fclose(file));
}
END_TEST

static void *writes_in_vain(void *arg)
{
    static char block[LARGE];

    errno = 0;
    ck_assert_uint_lt(fwrite(block, 1, sizeof block, arg), sizeof block);
    ck_assert_int_eq(errno, ECANCELED);
    ck_assert(ferror((FILE *)arg));
    return NULL;
}

START_TEST(a_kill_ends_a_write)
{
    struct green_thread *thread;
    FILE *file;

    ck_ok(pipe(ends));
    file = stream_on(ends[1], "w");
    thread = green_spawn(writes_in_vain, file);
    let_all_wait();
    ck_ok(green_kill(thread));
    join(thread);
    (void)fclose(file);
    ck_fails(write(ends[1], "", 1), EBADF);
}
END_TEST

/* ---- Standard input, and formats --------------------------------------------- */

static void *types(void *arg)
{
    let_all_wait();
    ck_assert_int_eq(write(ends[1], "12 x\n", 5), 5);
    return arg;
}

START_TEST(standard_input_is_waited_for)
{
    struct green_thread *thread;
    int number = 0;

    ck_ok(pipe(ends));
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    thread = green_spawn(types, NULL);
    ck_assert_int_eq(scanf("%d", &number), 1);
    ck_assert_int_eq(number, 12);
    ck_assert_int_eq(getchar(), ' ');
    join(thread);
}
END_TEST

static void *gets_killed_at_stdin(void *arg)
{
    char line[8];

    ck_fails_null(fgets(line, sizeof line, stdin), ECANCELED);
    return arg;
}

START_TEST(a_kill_ends_a_wait_for_standard_input)
{
    struct green_thread *thread;

    ck_ok(pipe(ends));
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    thread = green_spawn(gets_killed_at_stdin, NULL);
    let_all_wait();
    ck_ok(green_kill(thread));
    join(thread);
    ck_assert(ferror(stdin));
}
END_TEST

/* Behind -D_FORTIFY_SOURCE. */
void __syslog_chk(int priority, int flag, const char *format, ...);
void __vsyslog_chk(int priority, int flag, const char *format,
                   va_list arguments);

static void log_by_list(const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsyslog(LOG_INFO, format, arguments);
    va_end(arguments);
    va_start(arguments, format);
    __vsyslog_chk(LOG_INFO, 1, format, arguments);
    va_end(arguments);
}

static void *logs(void *arg)
{
    errno = ENOENT;
    syslog(LOG_INFO, "text %d", 1);
    __syslog_chk(LOG_INFO, 1, "text %d", 2);
    log_by_list("%s: %m", "text");
    ck_assert_int_eq(errno, ENOENT);
    ck_ok(close(STDERR_FILENO));
    ck_ok(close(ends[1]));
    return arg;
}

/* LOG_PERROR: a copy goes to standard error. */
START_TEST(the_log_is_written_by_another_os_thread)
{
    struct green_patch_stats stats;
    struct green_thread *thread;
    static char text[1024];
    size_t size;
    FILE *file;

    ck_ok(pipe(ends));
    ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
    file = stream_on(ends[0], "r");
    openlog("test", LOG_PERROR, LOG_USER);
    thread = green_spawn(logs, NULL);
    size = fread(text, 1, sizeof text - 1, file);
    text[size] = 0;
    join(thread);
    ck_assert_str_eq(text, "test: text 1\ntest: text 2\n"
                           "test: text: No such file or directory\n"
                           "test: text: No such file or directory\n");
    ck_ok(green_patch_stats(&stats));
    ck_assert_uint_eq(stats.worker_calls, 4);
}
END_TEST

/* ---- Child processes ---------------------------------------------------------- */

static int answer[2];

/* The child ends once another greenthread has answered it. */
static void *runs_a_child(void *arg)
{
    char command[64];
    FILE *file;

    snprintf(command, sizeof command, "cat; read a </proc/%d/fd/%d; exit $a",
             (int)getpid(), answer[0]);
    file = popen(command, "w");
    ck_assert_ptr_nonnull(file);
    ck_assert_int_ge(fputs("", file), 0);
    ck_assert_int_eq(pclose(file), 3 << 8);
    return arg;
}

static void *reads_a_child(void *arg)
{
    FILE *file = popen("cat; echo done", "r");
    char line[64];

    ck_assert_ptr_nonnull(file);
    ck_assert_ptr_nonnull(fgets(line, sizeof line, file));
    ck_assert_str_eq(line, "done\n");
    ck_ok(pclose(file));
    return arg;
}

static void *feeds_stdin(void *arg)
{
    let_all_wait();
    ck_ok(close(ends[1]));
    ck_assert_int_eq(write(answer[1], "3\n", 2), 2);
    return arg;
}

START_TEST(others_run_while_a_child_is_read_and_written)
{
    struct green_thread *threads[3];

    ck_ok(pipe2(ends, O_CLOEXEC));
    ck_ok(pipe2(answer, O_CLOEXEC));
    ck_assert_int_eq(dup2(ends[0], STDIN_FILENO), STDIN_FILENO);
    threads[0] = green_spawn(reads_a_child, NULL);
    threads[1] = green_spawn(feeds_stdin, NULL);
    threads[2] = green_spawn(runs_a_child, NULL);
    for (int i = 0; i < 3; i++)
        join(threads[i]);
}
END_TEST

static void *echo_pair(void *arg)
{
    return asks(arg);
}

START_TEST(formats_are_read_as_they_come)
{
    struct green_thread *echo, *ask;

    ck_ok(socketpair(AF_UNIX, SOCK_STREAM, 0, ends));
    echo = green_spawn(echoes, &ends[0]);
    ask = green_spawn(echo_pair, &ends[1]);
    join(ask);
    join(echo);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_stdio");
    TCase *tcase = add_tcase(suite, "streams");

    tcase_add_checked_fixture(tcase, setup_streams, NULL);
    tcase_add_test(tcase, a_hundred_streams_at_once);
    tcase_add_test(tcase, formats_are_read_as_they_come);
    tcase_add_test(tcase, a_large_block_is_read_and_written);
    tcase_add_test(tcase, standard_input_is_waited_for);
    tcase_add_test(tcase, the_log_is_written_by_another_os_thread);
    tcase_add_test(tcase, others_run_while_a_child_is_read_and_written);

    tcase = add_tcase(suite, "ends");
    tcase_add_checked_fixture(tcase, setup_streams, NULL);
    tcase_add_test(tcase, a_kill_ends_a_read);
    tcase_add_test(tcase, a_timeout_ends_a_read);
    tcase_add_test(tcase, a_kill_ends_a_write);
    tcase_add_test(tcase, a_kill_ends_a_wait_for_standard_input);
    return run_suite(suite);
}
