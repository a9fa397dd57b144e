/*
 * Loops of calls that have nothing to do, whose data is already in memory, or
 * that fail at once: a kill and a timeout end them too, and others run
 * meanwhile. Each loop runs until the test has seen that, or until the case's
 * time limit.
 */
#include "loops.h"

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/un.h>
#include <unistd.h>

static int fds[2];
static char big[4096], lines[4096];
static struct green_reader reader;
static struct green_once once;

static int read_nothing(void)
{
    return (int)green_read(fds[0], big, 0);
}

static int readv_nothing(void)
{
    struct iovec iov = {.iov_base = big};

    return (int)green_readv(fds[0], &iov, 1);
}

static int read_full_of_nothing(void)
{
    return (int)green_read_full(fds[0], big, 0);
}

static int writev_nothing(void)
{
    return (int)green_writev(fds[1], NULL, 0);
}

static int write_all_of_nothing(void)
{
    return green_write_all(fds[1], big, 0);
}

static int send_nothing_of_a_file(void)
{
    static int file;

    if (!file)
        file = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
    return (int)green_sendfile(fds[1], file, NULL, 0);
}

static void refill(void)
{
    if (reader.internal.start < reader.internal.end)
        return;
    memset(lines, '\n', sizeof lines);
    reader.internal.start = 0;
    reader.internal.end = sizeof lines - 1;
}

static int read_line(void)
{
    char *line;

    refill();
    return green_read_line(&reader, &line, NULL) < 0 ? -1 : 0;
}

static int skip_line(void)
{
    refill();
    return green_reader_skip_line(&reader) < 0 ? -1 : 0;
}

static int read_what_is_there(void)
{
    refill();
    return green_reader_read(&reader, big, 1) < 0 ? -1 : 0;
}

static int is_done(void *arg)
{
    return arg == NULL;
}

static int once_more(void)
{
    return green_once_run(&once, is_done, &once);
}

/* As in a program that repeatedly tries to reach a server that is down. */
static int connect_without_listener(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = green_socket(AF_UNIX, SOCK_STREAM, 0), result, error;

    snprintf(address.sun_path + 1, sizeof address.sun_path - 1,
             "greenhub-test-unused-%d", getpid());
    result = green_connect(fd, (struct sockaddr *)&address, sizeof address);
    error = errno;
    ck_assert_int_lt(result, 0);
    ck_ok(green_close(fd));
    errno = error;
    return error == ECONNREFUSED ? 0 : -1;
}

static int accept_from_nothing(void)
{
    int result = green_accept(-1, NULL, NULL);

    return result < 0 && errno == EBADF ? 0 : -1;
}

static int wait_for_what_is_not_ready(void)
{
    int result = green_wait(fds[0], GREEN_READ, 0);

    return result < 0 && errno == EAGAIN ? 0 : -1;
}

static int wait_for_what_is_ready(void)
{
    return green_wait(fds[1], GREEN_WRITE, GREEN_FOREVER) < 0 ? -1 : 0;
}

static int read_full_counted(void)
{
    size_t done;

    return green_read_full_counted(fds[0], big, 0, &done);
}

static int write_all_counted(void)
{
    size_t done;

    return green_write_all_counted(fds[1], big, 0, &done);
}

static int read_within(void *arg)
{
    (void)arg;
    return read_nothing();
}

static int read_with_timeout(void)
{
    return green_with_timeout(GREEN_FOREVER, read_within, NULL);
}

static int dial_without_listener(void)
{
    const struct green_dial_options options = {.timeout = 3600 * GREEN_SEC};
    char address[64];
    int result;

    snprintf(address, sizeof address, "unix://@greenhub-test-unused-%d",
             getpid());
    result = green_dial_with(address, &options);
    return result < 0 && errno == ECONNREFUSED ? 0 : -1;
}

static int look_up_a_number(void)
{
    struct addrinfo *found;

    if (green_getaddrinfo("127.0.0.1", "80", NULL, &found) != 0)
        return -1;
    freeaddrinfo(found);
    return 0;
}

static int wait_without_child(void)
{
    pid_t pid = green_waitpid(-1, NULL, 0);

    return pid < 0 && errno == ECHILD ? 0 : -1;
}

static int take_a_pending_signal(void)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_ok(pthread_sigmask(SIG_BLOCK, &set, NULL));
    ck_ok(raise(SIGUSR1));
    return green_signal_wait(&set, NULL) == SIGUSR1 ? 0 : -1;
}

static const struct body {
    const char *name;
    int (*call)(void);
    bool blocks; /* fails at once after a kill */
} bodies[] = {
    {"read nothing", read_nothing, false},
    {"readv nothing", readv_nothing, false},
    {"read full of nothing", read_full_of_nothing, false},
    {"writev nothing", writev_nothing, false},
    {"write all of nothing", write_all_of_nothing, false},
    {"sendfile nothing", send_nothing_of_a_file, false},
    {"read line", read_line, false},
    {"skip line", skip_line, false},
    {"reader read", read_what_is_there, false},
    {"once", once_more, false},
    {"connect", connect_without_listener, false},
    {"accept", accept_from_nothing, false},
    {"wait, not ready", wait_for_what_is_not_ready, false},
    {"wait, ready", wait_for_what_is_ready, false},
    {"read full counted", read_full_counted, false},
    {"write all counted", write_all_counted, false},
    {"with timeout", read_with_timeout, false},
    {"dial with", dial_without_listener, false},
    {"getaddrinfo", look_up_a_number, false},
    {"waitpid", wait_without_child, false},
    {"signal wait", take_a_pending_signal, false},
    {"yield", green_yield, .blocks = true},
};
#define BODIES ((int)(sizeof bodies / sizeof bodies[0]))

static void make_all(void)
{
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    ck_ok(green_reader_init(&reader, fds[0], lines, sizeof lines));
    ck_ok(green_once_run(&once, is_done, &once));
}

START_TEST(others_run)
{
    make_all();
    until_others_ran(bodies[_i].call, bodies[_i].name);
}
END_TEST

START_TEST(a_timeout_ends_it)
{
    if (on_sim()) {
        SKIP("while code runs, no time passes on a virtual clock");
        return;
    }
    make_all();
    until_a_timeout(bodies[_i].call);
}
END_TEST

/* At the latest by the 64th call; the first still succeeds. */
START_TEST(a_kill_ends_it)
{
    int calls = 0;

    make_all();
    ck_ok(green_kill(green_self()));
    if (!bodies[_i].blocks)
        ck_ok(bodies[_i].call());
    while (bodies[_i].call() == 0)
        ck_assert_int_lt(calls++, 64);
    ck_assert_int_eq(errno, ECANCELED);
}
END_TEST

/* A read that fails for a kill loses no data. */
START_TEST(a_kill_loses_no_line)
{
    char *line;

    make_all();
    ck_assert_int_eq(green_write(fds[1], "1\n2\n", 4), 4);
    ck_assert_int_eq(green_read_line(&reader, &line, NULL), 1);
    ck_ok(green_kill(green_self()));
    for (int i = 1; i < 64; i++)
        ck_ok(once_more());
    ck_fails(green_read_line(&reader, &line, NULL), ECANCELED);
    ck_assert_int_eq(green_read_line(&reader, &line, NULL), 1);
    ck_assert_str_eq(line, "2");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("loops");
    TCase *tcase = add_tcase(suite, "loops");

    tcase_add_loop_test(tcase, others_run, 0, BODIES);
    tcase_add_loop_test(tcase, a_timeout_ends_it, 0, BODIES);
    tcase_add_loop_test(tcase, a_kill_ends_it, 0, BODIES);
    tcase_add_test(tcase, a_kill_loses_no_line);
    return run_suite(suite);
}
