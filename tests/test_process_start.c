/* Child processes: how they start, what they have, how they end. */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "children.h"

static void setup(void)
{
    green_get_hub();
}

/* Runs a program to its end; its exit status. */
static int run(const struct green_process_options *options)
{
    struct green_process process;
    int status = -1;

    ck_ok(green_process_start(&process, options));
    ck_ok(green_process_wait(&process, &status));
    ck_ok(green_process_end(&process));
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* What a program writes, by the pipe. */
static void output_of(struct green_process_options options, char buffer[4096])
{
    struct green_process process;
    ssize_t n;

    options.out.kind = GREEN_STDIO_PIPE;
    ck_ok(green_process_start(&process, &options));
    n = green_read_full(process.out, buffer, 4095);
    ck_assert_int_ge(n, 0);
    buffer[n] = '\0';
    ck_ok(green_process_wait(&process, NULL));
    ck_ok(green_process_end(&process));
}

/* ---- The status ----------------------------------------------------------- */

START_TEST(its_status_is_collected_once)
{
    struct green_process process;
    int status = 0, fds = count_fds();

    start_shell(&process, "read line; exit 7");
    ck_assert_int_gt(process.pid, 0);
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    ck_ok(green_process_wait(&process, &status));
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_no_child();
    status = 0;
    ck_ok(green_process_wait(&process, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_fails(green_process_kill(&process, SIGTERM), ESRCH);
    ck_ok(green_process_end(&process));
    ck_fails(green_process_wait(&process, &status), EINVAL);
    ck_ok(green_process_end(&process));
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

static void *waits_for_seven(void *arg)
{
    int status = 0;

    ck_ok(green_process_wait(arg, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    return NULL;
}

START_TEST(several_greenthreads_wait_for_it)
{
    struct green_thread *threads[5];
    struct green_process process;

    start_shell(&process, "read line; exit 7");
    for (int i = 0; i < 5; i++)
        threads[i] = green_spawn(waits_for_seven, &process);
    ck_ok(green_sleep(0));
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    for (int i = 0; i < 5; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

START_TEST(it_is_killed_by_a_signal)
{
    struct green_process process;
    int status;

    start_shell(&process, "echo up; read line");
    ck_says(&process, "up\n");
    ck_ok(green_process_kill(&process, 0));
    ck_ok(green_process_kill(&process, SIGUSR1));
    ck_ok(green_process_wait(&process, &status));
    ck_assert(WIFSIGNALED(status));
    ck_assert_int_eq(WTERMSIG(status), SIGUSR1);
    ck_ok(green_process_end(&process));
}
END_TEST

/* ---- What it is given ------------------------------------------------------ */

START_TEST(directory_and_environment)
{
    const char *const env[] = {"GREETING=hello there", NULL};
    SHELL(argv, "pwd; echo $GREETING $HOME; echo $0");
    struct green_process_options options = {.argv = argv, .directory = "/"};
    char buffer[4096];

    if (lacks_linux()) {
        SKIP("POSIX starts a child in its parent's directory");
        return;
    }
    options.program = "/bin/sh";
    options.env = env;
    output_of(options, buffer);
    ck_assert_str_eq(buffer, "/\nhello there\nsh\n");
    ck_ok(setenv("GREETING", "inherited", 1));
    options.env = NULL;
    output_of(options, buffer);
    ck_assert_ptr_nonnull(strstr(buffer, "inherited"));
}
END_TEST

START_TEST(null_and_a_descriptor)
{
    SHELL(argv, "cat; echo to out; echo to err >&2");
    struct green_process_options options = {.argv = argv};
    int fds[2];
    char buffer[64];

    pipe_pair(fds);
    options.in.kind = GREEN_STDIO_NULL;
    options.out.kind = GREEN_STDIO_NULL;
    options.err = (struct green_stdio){.kind = GREEN_STDIO_FD, .fd = fds[1]};
    ck_assert_int_eq(run(&options), 0);
    ck_ok(close(fds[1])); /* it is still this process's */
    ck_assert_int_eq(green_read_full(fds[0], buffer, sizeof buffer), 7);
    ck_assert_mem_eq(buffer, "to err\n", 7);
}
END_TEST

START_TEST(errors_into_the_output)
{
    SHELL(argv, "echo to out; echo to err >&2");
    char buffer[4096];

    output_of(
        (struct green_process_options){.argv = argv,
                                       .err = {.kind = GREEN_STDIO_AS_OUT}},
        buffer);
    ck_assert_str_eq(buffer, "to out\nto err\n");
}
END_TEST

/* One descriptor for both, which other libraries have closed too early. */
START_TEST(one_descriptor_twice)
{
    SHELL(argv, "echo to out; echo to err >&2");
    struct green_process_options options = {.argv = argv};
    char buffer[64];
    int fds[2];

    pipe_pair(fds);
    options.out = options.err =
        (struct green_stdio){.kind = GREEN_STDIO_FD, .fd = fds[1]};
    ck_assert_int_eq(run(&options), 0);
    ck_ok(close(fds[1]));
    ck_assert_int_eq(green_read_full(fds[0], buffer, sizeof buffer), 14);
}
END_TEST

/* 1 and 2 change places. */
START_TEST(standard_descriptors_are_swapped)
{
    SHELL(argv, "echo to out; echo to err >&2");
    struct green_process_options options = {.argv = argv};
    int one[2], two[2];
    char buffer[64];

    pipe_pair(one);
    pipe_pair(two);
    ck_assert_int_eq(dup3(one[1], 1, O_CLOEXEC), 1);
    ck_assert_int_eq(dup3(two[1], 2, O_CLOEXEC), 2);
    options.out = (struct green_stdio){.kind = GREEN_STDIO_FD, .fd = 2};
    options.err = (struct green_stdio){.kind = GREEN_STDIO_FD, .fd = 1};
    ck_assert_int_eq(run(&options), 0);
    ck_assert_int_eq(read(one[0], buffer, sizeof buffer), 7);
    ck_assert_mem_eq(buffer, "to err\n", 7);
    ck_assert_int_eq(read(two[0], buffer, sizeof buffer), 7);
    ck_assert_mem_eq(buffer, "to out\n", 7);
}
END_TEST

/* Then pipes get the numbers 0, 1 and 2 in this process. */
START_TEST(this_process_has_no_standard_descriptors)
{
    struct green_process process;
    char byte;

    for (int fd = 0; fd < 3; fd++)
        close(fd);
    start_shell(&process, "read line; echo got $line; read line && echo more");
    ck_assert_int_gt(process.in, 2);
    ck_assert_int_gt(process.out, 2);
    ck_assert_int_eq(green_write(process.in, "it\n", 3), 3);
    ck_says(&process, "got it\n");
    ck_ok(green_close(process.in));
    process.in = -1;
    ck_assert_int_eq(green_read(process.out, &byte, 1), 0);
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

/* Numbers in an ascending list, as "0 1 2". */
static void list_fds(pid_t pid, char list[256])
{
    char path[64];
    bool open_[64] = {false};
    struct dirent *entry;
    DIR *folder;

    snprintf(path, sizeof path, "/proc/%d/fd", (int)pid);
    folder = opendir(path);
    ck_assert_ptr_nonnull(folder);
    while ((entry = readdir(folder)))
        if (entry->d_name[0] != '.')
            open_[atoi(entry->d_name) % 64] = true;
    closedir(folder);
    list[0] = '\0';
    for (int i = 0; i < 64; i++)
        if (open_[i])
            snprintf(list + strlen(list), 256 - strlen(list), "%d ", i);
}

START_TEST(it_has_no_other_descriptor)
{
    SHELL(argv, "echo up; read line");
    struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE};
    struct green_process process, other;
    char list[256];

    for (int i = 0; i < 20; i++) /* not close-on-exec */
        ck_assert_int_ge(dup(0), 0);
    start_shell(&other, "read line");
    ck_ok(green_process_start(&process, &options));
    ck_says(&process, "up\n");
    list_fds(process.pid, list);
    ck_assert_str_eq(list, "0 1 2 ");
    ck_ok(green_process_end(&process));
    ck_ok(green_process_end(&other));
}
END_TEST

/* Two change places: what the child has as one number is another here. */
START_TEST(descriptors_are_passed)
{
    char script[128], list[256], buffer[64];
    SHELL(argv, script);
    int one[2], two[2], fds[7];
    struct green_process_options options = {.argv = argv,
                                            .in = STDIO_PIPE,
                                            .out = STDIO_PIPE,
                                            .fds = fds,
                                            .fd_count = 7};
    struct green_process process;

    pipe_pair(one);
    pipe_pair(two);
    ck_assert_int_lt(one[1], 10);
    ck_assert_int_lt(two[1], 10);
    for (int i = 0; i < 7; i++)
        fds[i] = one[1];
    fds[one[1] - 3] = two[1];
    snprintf(script, sizeof script,
             "echo of two >&%d; echo of one >&%d; echo up; read line", one[1],
             two[1]);
    ck_ok(green_process_start(&process, &options));
    ck_says(&process, "up\n");
    list_fds(process.pid, list);
    ck_assert_str_eq(list, "0 1 2 3 4 5 6 7 8 9 ");
    ck_assert_int_eq(read(one[0], buffer, sizeof buffer), 7);
    ck_assert_mem_eq(buffer, "of one\n", 7);
    ck_assert_int_eq(read(two[0], buffer, sizeof buffer), 7);
    ck_assert_mem_eq(buffer, "of two\n", 7);
    ck_ok(green_process_end(&process));
}
END_TEST

/* Python, Go and others have left SIGPIPE ignored in children. */
START_TEST(signals_are_as_a_program_expects)
{
    struct green_process process;
    char value[256];
    sigset_t all;

    sigfillset(&all);
    ck_ok(pthread_sigmask(SIG_BLOCK, &all, NULL));
    signal(SIGPIPE, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    start_shell(&process, "exec cat");
    ck_assert_int_eq(green_write(process.in, "up\n", 3), 3);
    ck_says(&process, "up\n"); /* it is cat by now */
    status_line(process.pid, "SigBlk", value);
    ck_assert_str_eq(value, "0000000000000000");
    status_line(process.pid, "SigIgn", value);
    /* 32 and 33 are glibc's own, which it leaves ignored. */
    ck_assert_uint_eq(strtoull(value, NULL, 16) & ~(3ull << 31), 0);
    ck_ok(green_process_end(&process));
}
END_TEST

/* ---- What does not start --------------------------------------------------- */

static void *fails(const struct green_process_options *options, int error)
{
    struct green_process process;
    int fds = count_fds();

    ck_fails(green_process_start(&process, options), error);
    ck_assert_int_eq(process.in, -1);
    ck_assert_int_eq(count_fds(), fds);
    ck_no_child();
    ck_ok(green_process_end(&process));
    return NULL;
}

START_TEST(there_is_no_such_program)
{
    const char *const argv[] = {"/nonexistent/program", NULL};
    const char *const name[] = {"no-such-program-anywhere", NULL};
    const char *const null[] = {"/dev/null", NULL};
    const char *const shell[] = {"sh", NULL};
    struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE, .err = STDIO_NULL};

    fails(&options, ENOENT);
    options.argv = name;
    fails(&options, ENOENT);
    options.argv = null;
    fails(&options, EACCES);
    if (lacks_linux())
        return; /* every child begins in its parent's directory */
    options.argv = shell;
    options.directory = "/nonexistent";
    fails(&options, ENOENT);
    options.directory = "/dev/null";
    fails(&options, ENOTDIR);
}
END_TEST

START_TEST(options_that_are_refused)
{
    const char *const argv[] = {"true", NULL}, *const empty[] = {NULL};
    struct green_process_options options = {.argv = argv};
    struct green_process process;
    int fd = 999;

    fails(NULL, EINVAL);
    ck_fails(green_process_start(NULL, &options), EINVAL);
    options.out.kind = GREEN_STDIO_AS_OUT;
    fails(&options, EINVAL);
    options.out.kind = (enum green_stdio_kind)77;
    fails(&options, EINVAL);
    options.out.kind = GREEN_STDIO_FD;
    options.out.fd = 999;
    fails(&options, EBADF);
    options.out.fd = -1;
    fails(&options, EBADF);
    options.out.kind = GREEN_STDIO_INHERIT;
    options.fd_count = 1;
    fails(&options, EINVAL);
    options.fds = &fd;
    fails(&options, EBADF);
    options.fd_count = 0;
    options.reserved[3] = 1;
    fails(&options, EINVAL);
    options.reserved[3] = 0;
    options.argv = empty;
    fails(&options, EINVAL);
    memset(&process, 0, sizeof process);
    ck_fails(green_process_wait(&process, NULL), EINVAL);
    ck_fails(green_process_wait(NULL, NULL), EINVAL);
    ck_fails(green_process_kill(NULL, SIGTERM), EINVAL);
    ck_fails(green_process_kill(&process, SIGTERM), EINVAL);
    ck_fails(green_process_kill_group(&process, SIGTERM), EINVAL);
    ck_ok(green_process_end(&process));
    ck_ok(green_process_end(NULL));
}
END_TEST

/* A pipe of the child's must not get the number of what the program has closed. */
START_TEST(a_descriptor_that_is_closed)
{
    SHELL(argv, "echo out");
    struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE};
    int fds[2];

    pipe_pair(fds);
    ck_ok(close(fds[0]));
    ck_ok(close(fds[1]));
    options.fds = fds;
    options.fd_count = 2;
    fails(&options, EBADF);
    options.fd_count = 0;
    options.err = (struct green_stdio){.kind = GREEN_STDIO_FD, .fd = fds[1]};
    fails(&options, EBADF);
}
END_TEST

/* Leaves so many descriptors free, of 64. */
static void limit_descriptors(int free_ones)
{
    const struct rlimit limit = {.rlim_cur = 64, .rlim_max = 4096};
    int taken[64], count = 0, fd;

    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    while ((fd = dup(0)) >= 0)
        taken[count++] = fd;
    ck_assert_int_eq(errno, EMFILE);
    while (free_ones-- > 0)
        ck_ok(close(taken[--count]));
}

/* It needs two for each pipe, for a moment, and then one for the child. */
START_TEST(few_descriptors_are_free)
{
    SHELL(argv, "exit 3");
    struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE, .err = STDIO_PIPE};
    struct green_process process;
    int status = 0, fds;

    limit_descriptors(_i);
    fds = count_fds();
    if (green_process_start(&process, &options) < 0) {
        ck_assert_int_eq(errno, EMFILE);
        ck_assert_int_lt(_i, 6);
    } else {
        ck_assert_int_ge(_i, 6);
        ck_ok(green_process_wait(&process, &status));
        ck_assert_int_eq(WEXITSTATUS(status), 3);
        ck_ok(green_process_end(&process));
    }
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process_start");
    TCase *status = add_tcase(suite, "status");
    TCase *given = add_tcase(suite, "given");
    TCase *numbers = add_tcase(suite, "numbers"); /* low: without a hub yet */
    TCase *refused = add_tcase(suite, "refused");

    tcase_add_checked_fixture(status, setup, NULL);
    tcase_add_test(status, its_status_is_collected_once);
    tcase_add_test(status, several_greenthreads_wait_for_it);
    tcase_add_test(status, it_is_killed_by_a_signal);
    tcase_add_checked_fixture(given, setup, NULL);
    tcase_add_test(given, directory_and_environment);
    tcase_add_test(given, null_and_a_descriptor);
    tcase_add_test(given, errors_into_the_output);
    tcase_add_test(given, one_descriptor_twice);
    tcase_add_test(given, standard_descriptors_are_swapped);
    tcase_add_test(given, this_process_has_no_standard_descriptors);
    tcase_add_test(given, it_has_no_other_descriptor);
    tcase_add_test(given, signals_are_as_a_program_expects);
    tcase_add_test(numbers, descriptors_are_passed);
    tcase_add_checked_fixture(refused, setup, NULL);
    tcase_add_test(refused, there_is_no_such_program);
    tcase_add_test(refused, options_that_are_refused);
    tcase_add_test(refused, a_descriptor_that_is_closed);
    tcase_add_loop_test(refused, few_descriptors_are_free, 1, 8);
    return run_suite(suite);
}
