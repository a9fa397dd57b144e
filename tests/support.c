#include "support.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* The hub's name at the start of the program: cases change the environment. */
static const char *hub_name;

bool may_be_missing(const char *name)
{
    return strcmp(name, "libevent") == 0 || strcmp(name, "uring") == 0 ||
           (lacks_linux() && strcmp(name, "epolls") == 0);
}

bool lacks_linux(void)
{
    return GREEN_TEST_POSIX;
}

static const char *missing_reason;

START_TEST(the_hub_can_be_used_here)
{
    skip_case(__func__, missing_reason);
}
END_TEST

/* A suite that runs in place of `suite` where this system lacks its hub: its
 * one case prints the reason. */
static Suite *suite_that_skips(Suite *suite)
{
    static Suite *left_out;
    Suite *skips = suite_create("skipped");

    left_out = suite;
    (void)left_out; /* reachable for leak checkers; libcheck cannot free it */
    tcase_add_test(add_tcase(skips, "hub"), the_hub_can_be_used_here);
    return skips;
}

int run_suite(Suite *suite)
{
    SRunner *runner;
    int failed;

    hub_name = getenv("GREENHUB_HUB");
    hub_name = strdup(hub_name && *hub_name ? hub_name : "epolls");
    if (may_be_missing(hub_name) &&
        !green_hub_available(hub_name, &missing_reason))
        suite = suite_that_skips(suite);
    runner = srunner_create(suite);
    srunner_run_all(runner, CK_ENV);
    failed = srunner_ntests_failed(runner);
    if (srunner_ntests_run(runner) == 0)
        failed = 1;
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

TCase *add_tcase(Suite *suite, const char *name)
{
    TCase *tcase = tcase_create(name);

    tcase_set_timeout(tcase, 20);
    suite_add_tcase(suite, tcase);
    return tcase;
}

/* For the case NAME libcheck calls a function NAME_fn. */
bool is_emulated(void)
{
    return getenv("GREENHUB_EMULATED") != NULL;
}

void skip_case(const char *function, const char *why)
{
    const char *path = getenv("GREENHUB_SKIPS");
    size_t length = strlen(function);
    FILE *file = path ? fopen(path, "ae") : NULL;

    if (length > 3 && strcmp(function + length - 3, "_fn") == 0)
        length -= 3;
    fprintf(stderr, "skipped %.*s: %s\n", (int)length, function, why);
    if (file == NULL)
        return;
    fprintf(file, "%.*s: %s\n", (int)length, function, why);
    fclose(file);
}

const char *hub_under_test(void)
{
    return hub_name;
}

bool on_sim(void)
{
    return strcmp(hub_under_test(), "sim") == 0;
}

bool in_chaos(void)
{
    return getenv("GREENHUB_CHAOS_SEED") != NULL;
}

const char *checker(void)
{
    return getenv("GREENHUB_CHECKER");
}

bool under_valgrind(void)
{
    return checker() && strcmp(checker(), "valgrind") == 0;
}

int tcp_listener(int *port)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    socklen_t length = sizeof address;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
    ck_ok(listen(fd, 128));
    ck_ok(getsockname(fd, (struct sockaddr *)&address, &length));
    if (port)
        *port = ntohs(address.sin_port);
    return fd;
}

void tcp_pair(int fds[2])
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = tcp_listener(NULL);

    fds[0] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fds[0], 0);
    ck_ok(getsockname(listener, (struct sockaddr *)&address, &length));
    ck_ok(connect(fds[0], (struct sockaddr *)&address, length));
    fds[1] = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fds[1], 0);
    close(listener);
}

void unix_pair(int fds[2])
{
    ck_ok(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
}

void pipe_pair(int fds[2])
{
    ck_ok(pipe2(fds, O_CLOEXEC));
}

bool is_pipe_kind(int kind)
{
    return kind % FIRST_GREEN_KIND == 2;
}

bool is_tcp_kind(int kind)
{
    return kind % FIRST_GREEN_KIND == 0;
}

static void green_tcp_pair(int fds[2])
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int listener = tcp_listener(NULL);

    fds[1] = green_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(fds[1], 0);
    ck_ok(getsockname(listener, (struct sockaddr *)&address, &length));
    ck_ok(green_connect(fds[1], (struct sockaddr *)&address, length));
    fds[0] = green_accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    ck_assert_int_ge(fds[0], 0);
    ck_ok(green_close(listener));
}

bool pipe_needs_os_threads(int kind)
{
    return lacks_linux() && is_pipe_kind(kind) && kind < FIRST_GREEN_KIND;
}

void make_pair(int kind, int fds[2])
{
    static void (*const plain[])(int fds[2]) = {tcp_pair, unix_pair, pipe_pair};

    if (kind < FIRST_GREEN_KIND)
        plain[kind](fds);
    else if (is_tcp_kind(kind))
        green_tcp_pair(fds);
    else if (is_pipe_kind(kind))
        ck_ok(green_pipe2(fds, O_CLOEXEC));
    else
        ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
}

int unused_port(void)
{
    int port, fd = tcp_listener(&port);

    close(fd);
    return port;
}

int raise_fd(int fd, int least)
{
    struct rlimit limit;
    int raised;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_cur != RLIM_INFINITY && limit.rlim_cur <= (rlim_t)least) {
        limit.rlim_cur = limit.rlim_max;
        ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    }
    raised = fcntl(fd, F_DUPFD_CLOEXEC, least);
    ck_assert_msg(raised >= least, "no descriptor from %d on: %s", least,
                  strerror(errno));
    close(fd);
    return raised;
}

struct green_hub_stats stats_now(void)
{
    struct green_hub_stats stats;

    ck_ok(green_hub_stats(green_get_hub(), &stats));
    return stats;
}

int count_fds(void)
{
    DIR *dir = opendir("/proc/self/fd");
    int count = -3; /* ".", "..", and dir's own */

    ck_assert_ptr_nonnull(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

int count_mappings(void)
{
    FILE *file = fopen("/proc/self/maps", "re");
    int count = 0, c;

    ck_assert_ptr_nonnull(file);
    while ((c = getc(file)) != EOF)
        count += c == '\n';
    fclose(file);
    return count;
}

static long statm(bool is_resident)
{
    FILE *file = fopen("/proc/self/statm", "re");
    long size, resident;

    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%ld %ld", &size, &resident), 2);
    fclose(file);
    return (is_resident ? resident : size) * (sysconf(_SC_PAGESIZE) / 1024);
}

long resident_kib(void)
{
    return statm(true);
}

long mapped_kib(void)
{
    return statm(false);
}

int wait_child(pid_t pid)
{
    int status;

    ck_assert_int_gt(pid, 0);
    while (waitpid(pid, &status, 0) < 0)
        ck_assert_int_eq(errno, EINTR);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000 + WTERMSIG(status);
}

struct green_thread *spawn_named(const char *name, void *(*fn)(void *),
                                 void *arg)
{
    struct green_attr attr = {.name = name};
    struct green_thread *thread = green_spawn_with(&attr, fn, arg);

    ck_assert_ptr_nonnull(thread);
    return thread;
}

green_time real_clock(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * GREEN_SEC + now.tv_nsec;
}

long on_thread(long (*fn)(void *arg), void *arg)
{
    long result = -1;

    return green_thread_pool_run(fn, arg, &result) < 0 ? -1 : result;
}
