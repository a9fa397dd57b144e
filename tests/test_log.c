/* green_log: to files, descriptors and the system's log. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "support.h"

static char folder[64], path[128], text[1 << 20];
static struct green_log *file_log;

static void make_folder(void)
{
    strcpy(folder, "/tmp/greenhub-log-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/log", folder);
}

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static struct green_log *log_to(struct green_log_options options)
{
    struct green_log *log;

    options.name = "test";
    log = green_log_create(&options);
    ck_assert_msg(log != NULL, "%s", strerror(errno));
    return log;
}

static void log_to_file(void)
{
    make_folder();
    file_log = log_to((struct green_log_options){.path = path});
}

static const char *contents(const char *name)
{
    int fd = open(name, O_RDONLY | O_CLOEXEC);
    ssize_t n = read(fd, text, sizeof text - 1);

    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    close(fd);
    return text;
}

/* The text of the first line, without its head; drops the line. */
static const char *next_line(char **rest)
{
    char *line = *rest, *end = strchr(line, '\n'), *head;

    ck_assert_msg(end != NULL, "no line: '%s'", line);
    *end = '\0';
    *rest = end + 1;
    head = strstr(line, "]: ");
    ck_assert_msg(head != NULL, "%s", line);
    return head + 3;
}

static struct green_log_stats stats_of(struct green_log *log)
{
    struct green_log_stats stats;

    ck_ok(green_log_get_stats(log, &stats));
    return stats;
}

/* ---- Lines ------------------------------------------------------------- */

START_TEST(a_line_in_a_file)
{
    const char *volatile format = "%s is %d: %m\n"; /* not ISO C's */
    char expected[64], *rest;
    struct stat status;

    log_to_file();
    errno = ENOENT;
    ck_ok(green_log(file_log, GREEN_LOG_INFO, format, "x", 7));
    ck_assert_int_eq(errno, ENOENT);
    ck_ok(green_log_flush(file_log));
    contents(path);
    snprintf(expected, sizeof expected, " info test[%d]: x is 7: %s\n",
             getpid(), "No such file or directory");
    ck_assert_str_eq(text + strlen("2026-11-26T22:10:00.123Z"), expected);
    ck_assert(text[4] == '-' && text[10] == 'T' && text[19] == '.' &&
              text[23] == 'Z');
    ck_ok(stat(path, &status));
    ck_assert_int_eq(status.st_mode & 07137, 0);
    rest = text;
    next_line(&rest);
    ck_assert_str_eq(rest, "");
    ck_assert_uint_eq(stats_of(file_log).written, 1);
    green_log_destroy(file_log);
    remove_folder();
}
END_TEST

START_TEST(levels)
{
    char *rest = text;

    log_to_file();
    ck_ok(green_log(file_log, GREEN_LOG_DEBUG, "no"));
    ck_ok(green_log_set_level(file_log, GREEN_LOG_DEBUG));
    ck_ok(green_log(file_log, GREEN_LOG_DEBUG, "yes"));
    ck_ok(green_log_set_level(file_log, GREEN_LOG_EMERGENCY));
    ck_ok(green_log(file_log, GREEN_LOG_ALERT, "no"));
    ck_ok(green_log(file_log, GREEN_LOG_EMERGENCY, "yes, too"));
    green_log_destroy(file_log); /* writes what is there */
    contents(path);
    ck_assert_str_eq(next_line(&rest), "yes");
    ck_assert_str_eq(next_line(&rest), "yes, too");
    ck_assert_str_eq(rest, "");
    remove_folder();
}
END_TEST

/* A user's text must not look like a line of its own. */
START_TEST(nobody_forges_lines)
{
    char *rest = text;

    log_to_file();
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "a\nb\r\x1b[31m\tc\x7f"));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "%s", ""));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "\xc3\xa4"));
    green_log_destroy(file_log);
    contents(path);
    ck_assert_str_eq(next_line(&rest), "a#012b#015#033[31m\tc#177");
    ck_assert_str_eq(next_line(&rest), "");
    ck_assert_str_eq(next_line(&rest), "\xc3\xa4");
    ck_assert_str_eq(rest, "");
    remove_folder();
}
END_TEST

START_TEST(a_long_line_is_cut)
{
    static char lengthy[3 * GREEN_LOG_LINE];

    memset(lengthy, _i == 0 ? 'x' : '\1', sizeof lengthy - 1);
    log_to_file();
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "%s", lengthy));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "next"));
    green_log_destroy(file_log);
    contents(path);
    ck_assert_uint_le((size_t)(strchr(text, '\n') - text), GREEN_LOG_LINE - 1);
    ck_assert_uint_ge((size_t)(strchr(text, '\n') - text), GREEN_LOG_LINE - 8);
    ck_assert_ptr_nonnull(strstr(text, ": next\n"));
    remove_folder();
}
END_TEST

/* ---- Drops ------------------------------------------------------------- */

/* The queue has room for some; the next line that has room tells of the
 * others. */
START_TEST(a_full_queue)
{
    struct green_log_options options = {.queue = 4096};
    int taken = 0, dropped = 0;
    char note[64], *rest = text;

    make_folder();
    options.path = path;
    file_log = log_to(options);
    for (int i = 0; i < 200; i++) {
        if (green_log(file_log, GREEN_LOG_INFO, "line %d", i) == 0) {
            taken++;
        } else {
            ck_assert_int_eq(errno, ENOBUFS);
            dropped++;
        }
    }
    ck_assert_int_gt(taken, 10);
    ck_assert_int_gt(dropped, 10);
    ck_assert_uint_eq(stats_of(file_log).dropped, (unsigned)dropped);
    ck_ok(green_log_flush(file_log));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "after"));
    green_log_destroy(file_log);
    contents(path);
    for (int i = 0; i < taken; i++)
        next_line(&rest);
    snprintf(note, sizeof note, "%d lines dropped", dropped);
    ck_assert_str_eq(next_line(&rest), note);
    ck_assert_str_eq(next_line(&rest), "after");
    ck_assert_str_eq(rest, "");
    remove_folder();
}
END_TEST

/* A pipe that nobody reads keeps the log's greenthread, and nobody else. */
START_TEST(a_pipe_that_is_full)
{
    struct green_log_options options = {.queue = 4096};
    struct green_timeout timeout;
    int fds[2];

    pipe_pair(fds);
    ck_ok(fcntl(fds[1], F_SETFL, O_NONBLOCK));
    while (write(fds[1], text, 4096) > 0)
        continue;
    ck_ok(fcntl(fds[1], F_SETFL, 0));
    options.fd = fds[1];
    file_log = log_to(options);
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "line"));
    green_sleep(GREEN_MSEC);
    while (green_log(file_log, GREEN_LOG_INFO, "line") == 0)
        continue;
    ck_assert_int_eq(errno, ENOBUFS);
    ck_assert_uint_gt(stats_of(file_log).dropped, 0);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_log_flush(file_log), ETIMEDOUT);
    green_timeout_cancel(&timeout);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    green_log_destroy(file_log); /* gives the rest up */
    green_timeout_cancel(&timeout);
}
END_TEST

/* ---- Targets that fail -------------------------------------------------- */

START_TEST(a_device_without_space)
{
    int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct green_log_options options = {.fd = fd};

    file_log = log_to(options);
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "one"));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "two"));
    ck_ok(green_log_flush(file_log));
    ck_assert_uint_eq(stats_of(file_log).lost, 2);
    ck_assert_uint_eq(stats_of(file_log).written, 0);
    ck_assert_int_eq(stats_of(file_log).error, ENOSPC);
    /* The disk has space again. */
    make_folder();
    ck_assert_int_eq(
        dup3(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), fd, O_CLOEXEC),
        fd);
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "three"));
    green_log_destroy(file_log);
    contents(path);
    ck_assert_ptr_nonnull(
        strstr(text, ": 2 lines lost: No space left on device\n"));
    ck_assert_ptr_nonnull(strstr(text, ": three\n"));
    remove_folder();
}
END_TEST

/* Without SIGPIPE, which would end the program. */
START_TEST(a_pipe_without_a_reader)
{
    struct green_log_options options = {.queue = 4096};
    int fds[2];

    pipe_pair(fds);
    options.fd = fds[1];
    file_log = log_to(options);
    ck_ok(close(fds[0]));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "one"));
    ck_ok(green_log_flush(file_log));
    ck_assert_uint_eq(stats_of(file_log).lost, 1);
    ck_assert_int_eq(stats_of(file_log).error, EPIPE);
    green_log_destroy(file_log);
}
END_TEST

START_TEST(invalid_arguments)
{
    struct green_log_options wrong[] = {
        {.fd = 2, .path = "x"},
        {.path = "x", .syslog = "y"},
        {.fd = -1},
        {.facility = 24},
        {.queue = 4095},
        {.level = (enum green_log_level)8},
        {.reserved = {0, 0, 0, 1}},
    };
    struct green_log_options missing = {.path = "/no/such/folder/log"};
    struct green_log_options nobody = {.syslog = "/no/such/socket"};
    int fds = (green_get_hub(), count_fds());

    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        ck_fails_null(green_log_create(&wrong[i]), EINVAL);
    ck_fails_null(green_log_create(&missing), ENOENT);
    ck_fails_null(green_log_create(&nobody), ENOENT);
    ck_assert_int_eq(count_fds(), fds);
    ck_fails(green_log(NULL, GREEN_LOG_INFO, "x"), EINVAL);
    ck_fails(green_log_flush(NULL), EINVAL);
    ck_fails(green_log_reopen(NULL), EINVAL);
    ck_fails(green_log_set_level(NULL, GREEN_LOG_INFO), EINVAL);
    ck_fails(green_log_get_stats(NULL, NULL), EINVAL);
    green_log_destroy(NULL);
    file_log = green_log_create(NULL);
    ck_fails(green_log(file_log, (enum green_log_level)8, "x"), EINVAL);
    green_log_destroy(file_log);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Rotation ---------------------------------------------------------- */

static void hang_up(int number)
{
    (void)number;
    green_log_reopen(file_log);
}

START_TEST(a_renamed_file)
{
    char old[160];

    log_to_file();
    snprintf(old, sizeof old, "%s.1", path);
    signal(SIGHUP, hang_up);
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "first"));
    ck_ok(green_log_flush(file_log));
    ck_ok(rename(path, old));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "second"));
    ck_ok(green_log_flush(file_log));
    ck_ok(raise(SIGHUP));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "third"));
    green_log_destroy(file_log);
    contents(old);
    ck_assert_ptr_nonnull(strstr(text, "first\n"));
    ck_assert_ptr_nonnull(strstr(text, "second\n"));
    contents(path);
    ck_assert_ptr_nonnull(strstr(text, "third\n"));
    ck_assert_ptr_null(strstr(text, "second\n"));
    unlink(old);
    remove_folder();
}
END_TEST

/* As logrotate's copytruncate: the next line is at the file's start. */
START_TEST(a_truncated_file)
{
    log_to_file();
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "first"));
    ck_ok(green_log_flush(file_log));
    ck_ok(truncate(path, 0));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "second"));
    green_log_destroy(file_log);
    contents(path);
    ck_assert_int_eq(text[4], '-');
    ck_assert_ptr_null(strstr(text, "first\n"));
    remove_folder();
}
END_TEST

START_TEST(a_path_that_cannot_be_opened_again)
{
    char old[160];

    log_to_file();
    snprintf(old, sizeof old, "%s.1", path);
    ck_ok(rename(path, old));
    ck_ok(mkdir(path, 0700)); /* in the way */
    ck_ok(green_log_reopen(file_log));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "kept"));
    ck_ok(green_log_flush(file_log));
    ck_assert_int_eq(stats_of(file_log).error, EISDIR);
    green_log_destroy(file_log);
    ck_assert_ptr_nonnull(strstr(contents(old), "kept\n"));
    ck_ok(rmdir(path));
    unlink(old);
    remove_folder();
}
END_TEST

/* ---- The system's log --------------------------------------------------- */

static int daemon_socket(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    unlink(path);
    strcpy(address.sun_path, path);
    ck_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
    return fd;
}

static const char *received(int fd)
{
    ssize_t n = green_recv(fd, text, sizeof text - 1, 0);

    ck_assert_int_ge(n, 0);
    text[n] = '\0';
    return text;
}

START_TEST(messages_to_the_systems_log)
{
    struct green_log_options options = {.syslog = path, .facility = 3};
    char expected[128], host[64] = "";
    int fd;

    make_folder();
    fd = daemon_socket();
    options.rfc5424 = _i == 1;
    file_log = log_to(options);
    ck_ok(green_log(file_log, GREEN_LOG_ERROR, "one"));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "two"));
    received(fd);
    gethostname(host, sizeof host - 1);
    if (_i == 0)
        snprintf(expected, sizeof expected, " test[%d]: one", getpid());
    else
        snprintf(expected, sizeof expected, "Z %s test %d - - one", host,
                 getpid());
    ck_assert_int_eq(strncmp(text, _i == 0 ? "<27>" : "<27>1 ", 4), 0);
    ck_assert_str_eq(text + (_i == 0 ? strlen("<27>Nov 26 22:10:00")
                                     : strlen("<27>1 2026-11-26T22:10:00.123")),
                     expected);
    ck_assert_int_eq(strncmp(received(fd), "<30>", 4), 0);
    green_log_destroy(file_log);
    remove_folder();
}
END_TEST

START_TEST(a_daemon_that_starts_anew)
{
    struct green_log_options options = {.syslog = path};
    int fd;

    make_folder();
    fd = daemon_socket();
    file_log = log_to(options);
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "one"));
    received(fd);
    ck_ok(green_close(fd));
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "lost"));
    ck_ok(green_log_flush(file_log));
    ck_assert_uint_eq(stats_of(file_log).lost, 1);
    fd = daemon_socket();
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "two"));
    ck_assert_ptr_nonnull(strstr(received(fd), "1 lines lost: "));
    ck_assert_ptr_nonnull(strstr(received(fd), ": two"));
    green_log_destroy(file_log);
    remove_folder();
}
END_TEST

/* Its socket takes some messages; then the log's greenthread waits, and the end
 * of the log does not wait longer than its caller may. */
START_TEST(a_daemon_that_does_not_read)
{
    struct green_log_options options = {.syslog = path};
    struct green_timeout timeout;

    make_folder();
    daemon_socket();
    file_log = log_to(options);
    for (int i = 0; i < 1000; i++)
        ck_ok(green_log(file_log, GREEN_LOG_INFO, "line"));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_log_flush(file_log), ETIMEDOUT);
    green_timeout_cancel(&timeout);
    ck_assert_uint_lt(stats_of(file_log).written, 1000);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    green_log_destroy(file_log);
    green_timeout_cancel(&timeout);
    remove_folder();
}
END_TEST

/* ---- Who logs ----------------------------------------------------------- */

#define THREADS 4
#define LINES 2000

static void *logs_many(void *arg)
{
    for (int i = 0; i < LINES; i++)
        ck_ok(green_log(file_log, GREEN_LOG_INFO, "%c %d", *(char *)arg, i));
    return NULL;
}

START_TEST(several_os_threads)
{
    static char names[THREADS] = {'a', 'b', 'c', 'd'};
    struct green_log_options options = {.queue = 1 << 20};
    pthread_t threads[THREADS];
    int next[THREADS] = {0}, number;
    char *rest = text, who;

    make_folder();
    options.path = path;
    file_log = log_to(options);
    for (int i = 0; i < THREADS; i++)
        ck_ok(pthread_create(&threads[i], NULL, logs_many, &names[i]));
    for (int i = 0; i < THREADS; i++)
        ck_ok(pthread_join(threads[i], NULL));
    green_log_destroy(file_log);
    contents(path);
    for (int i = 0; i < THREADS * LINES; i++) {
        ck_assert_int_eq(sscanf(next_line(&rest), "%c %d", &who, &number), 2);
        ck_assert_int_eq(number, next[who - 'a']++);
    }
    ck_assert_str_eq(rest, "");
    remove_folder();
}
END_TEST

static void *flushes(void *arg)
{
    ck_fails(green_log_flush(file_log), EPERM);
    return arg;
}

static void on_timer(struct green_timer *timer)
{
    (void)timer;
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "from a timer"));
    ck_fails(green_log_flush(file_log), EDEADLK);
}

START_TEST(a_callback_and_another_thread)
{
    struct green_timer timer = {.callback = on_timer};
    pthread_t thread;

    log_to_file();
    ck_ok(green_hub_schedule(green_get_hub(), &timer, green_after(GREEN_MSEC)));
    green_sleep(2 * GREEN_MSEC);
    ck_ok(pthread_create(&thread, NULL, flushes, NULL));
    ck_ok(pthread_join(thread, NULL));
    green_log_destroy(file_log);
    ck_assert_ptr_nonnull(strstr(contents(path), "from a timer\n"));
    remove_folder();
}
END_TEST

START_TEST(a_forked_child)
{
    pid_t pid;

    log_to_file();
    ck_ok(green_log(file_log, GREEN_LOG_INFO, "once"));
    pid = fork();
    if (pid == 0) {
        int result = green_log(file_log, GREEN_LOG_INFO, "child");

        if (result != -1 || errno != ECHILD)
            _exit(1);
        green_log_destroy(file_log);
        _exit(0);
    }
    ck_assert_int_eq(wait_child(pid), 0);
    green_log_destroy(file_log);
    contents(path);
    ck_assert_ptr_null(strstr(strstr(text, "once\n") + 1, "once\n"));
    ck_assert_ptr_null(strstr(text, "child"));
    remove_folder();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("log");
    TCase *lines = add_tcase(suite, "lines");
    TCase *targets = add_tcase(suite, "targets");
    TCase *who = add_tcase(suite, "who");

    tcase_add_test(lines, a_line_in_a_file);
    tcase_add_test(lines, levels);
    tcase_add_test(lines, nobody_forges_lines);
    tcase_add_loop_test(lines, a_long_line_is_cut, 0, 2);
    tcase_add_test(lines, a_full_queue);
    tcase_add_test(targets, a_pipe_that_is_full);
    tcase_add_test(targets, a_device_without_space);
    tcase_add_test(targets, a_pipe_without_a_reader);
    tcase_add_test(targets, invalid_arguments);
    tcase_add_test(targets, a_renamed_file);
    tcase_add_test(targets, a_truncated_file);
    tcase_add_test(targets, a_path_that_cannot_be_opened_again);
    tcase_add_loop_test(targets, messages_to_the_systems_log, 0, 2);
    tcase_add_test(targets, a_daemon_that_starts_anew);
    tcase_add_test(targets, a_daemon_that_does_not_read);
    tcase_add_test(who, several_os_threads);
    tcase_add_test(who, a_callback_and_another_thread);
    tcase_add_test(who, a_forked_child);
    return run_suite(suite);
}
