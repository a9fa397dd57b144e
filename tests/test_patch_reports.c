/* What users of other libraries that put green functions in front of libc's have
 * reported: each tried here. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "patch_support.h"

#define MANY 20

static int ends[2];

static void setup(void)
{
    patch_threads();
}

static struct sockaddr_in local(int port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port)};

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return address;
}

/* ---- connect --------------------------------------------------------------- */

/* It failed with EINPROGRESS on a blocking socket, which the clients of MySQL and
 * Redis do not expect (Tencent/libco 12). */
START_TEST(a_blocking_connect_connects)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    int port, listener = tcp_listener(&port);
    int fd = socket(AF_INET, SOCK_STREAM, 0);

    address = local(port);
    ck_ok(connect(fd, (struct sockaddr *)&address, sizeof address));
    ck_ok(getpeername(fd, (struct sockaddr *)&address, &length));
    ck_assert_int_eq(write(fd, "x", 1), 1);
    close(fd);
    close(listener);
}
END_TEST

/* A listener whose queue is full, so that nobody answers. */
static int full_listener(int *port)
{
    struct sockaddr_in address;
    int listener = tcp_listener(port);

    ck_ok(listen(listener, 0));
    address = local(*port);
    for (int i = 0; i < 4; i++) {
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

        (void)connect(fd, (struct sockaddr *)&address, sizeof address);
    }
    return listener;
}

/* At its time limit it returned 0 (Tencent/libco 144). */
START_TEST(a_connect_that_times_out_has_failed)
{
    const struct timeval limit = {.tv_usec = 50000};
    struct sockaddr_in address;
    int port, fd = socket(AF_INET, SOCK_STREAM, 0);

    full_listener(&port);
    address = local(port);
    ck_ok(setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit));
    ck_fails(connect(fd, (struct sockaddr *)&address, sizeof address),
             EINPROGRESS);
}
END_TEST

/* ---- Names ------------------------------------------------------------------ */

static void *looks_up(void *arg)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM,
                                   .ai_family = AF_INET};
    struct addrinfo *list = NULL;
    const struct hostent *host = gethostbyname("localhost");

    ck_assert_ptr_nonnull(host);
    ck_assert_int_eq(host->h_addrtype, AF_INET);
    ck_ok(getaddrinfo("localhost", "80", &hints, &list));
    ck_assert_ptr_nonnull(list);
    freeaddrinfo(list);
    return arg;
}

/* Several at once crashed (Tencent/libco 18), or failed, as they shared a socket
 * (libgo 107). */
START_TEST(many_look_up_names_at_once)
{
    pthread_t threads[MANY];

    for (int i = 0; i < MANY; i++)
        threads[i] = start_thread(looks_up, NULL);
    for (int i = 0; i < MANY; i++)
        join_thread(threads[i]);
}
END_TEST

/* ---- Functions that were left out ---------------------------------------------- */

static bool others_run;

static void *runs(void *arg)
{
    others_run = true;
    return arg;
}

static void *drains(void *arg)
{
    static char bytes[65536];
    ssize_t n;

    while ((n = read(ends[0], bytes, sizeof bytes)) > 0)
        *(size_t *)arg += (size_t)n;
    return arg;
}

/* It blocked all (Tencent/libco 59). */
START_TEST(an_array_larger_than_the_buffer_is_written_whole)
{
    static char bytes[1 << 20];
    struct iovec parts[2] = {{bytes, sizeof bytes / 2},
                             {bytes, sizeof bytes / 2}};
    size_t received = 0;
    pthread_t reader;

    unix_pair(ends);
    reader = start_thread(drains, &received);
    ck_assert_int_eq(writev(ends[1], parts, 2), sizeof bytes);
    close(ends[1]);
    join_thread(reader);
    ck_assert_uint_eq(received, sizeof bytes);
}
END_TEST

/* They did (tencent-wechat/libco 11). */
START_TEST(sleeps_let_others_run)
{
    pthread_t other = start_thread(runs, NULL);

    ck_ok(usleep(1));
    ck_assert(others_run);
    join_thread(other);
    others_run = false;
    other = start_thread(runs, NULL);
    ck_assert_int_eq(sleep(1), 0);
    ck_assert(others_run);
    join_thread(other);
}
END_TEST

/* ---- Locks around waits ----------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static int initialised;

/* A function that initialises itself under a mutex, and polls there. */
static void *initialises(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    if (!initialised) {
        ck_assert_int_eq(poll(NULL, 0, 5), 0);
        initialised++;
    }
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

/* The second one blocked the first one's OS thread (rust-random/getrandom
 * 355). */
START_TEST(one_polls_under_a_mutex_that_others_want)
{
    pthread_t threads[MANY];

    for (int i = 0; i < MANY; i++)
        threads[i] = start_thread(initialises, NULL);
    for (int i = 0; i < MANY; i++)
        join_thread(threads[i]);
    ck_assert_int_eq(initialised, 1);
}
END_TEST

static struct timespec in_20_ms(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_nsec += 20000000;
    time.tv_sec += time.tv_nsec / 1000000000;
    time.tv_nsec %= 1000000000;
    return time;
}

/* The time of the one clock was taken for that of the other, and the wait did not
 * end (libfaketime 142, 469). */
START_TEST(conditions_know_their_clock)
{
    pthread_condattr_t attributes;
    pthread_cond_t realtime = PTHREAD_COND_INITIALIZER, monotonic;
    struct timespec time = in_20_ms(CLOCK_REALTIME);

    ck_ok(pthread_condattr_init(&attributes));
    ck_ok(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    ck_ok(pthread_cond_init(&monotonic, &attributes));
    ck_ok(pthread_mutex_lock(&mutex));
    ck_assert_int_eq(pthread_cond_timedwait(&realtime, &mutex, &time),
                     ETIMEDOUT);
    time = in_20_ms(CLOCK_MONOTONIC);
    ck_assert_int_eq(pthread_cond_timedwait(&monotonic, &mutex, &time),
                     ETIMEDOUT);
    time = in_20_ms(CLOCK_MONOTONIC);
    ck_assert_int_eq(
        pthread_cond_clockwait(&realtime, &mutex, CLOCK_MONOTONIC, &time),
        ETIMEDOUT);
    ck_ok(pthread_mutex_unlock(&mutex));
}
END_TEST

static void *asks_about_its_os_thread(void *arg)
{
    struct sched_param parameters;
    pthread_attr_t attributes;
    struct timespec time;
    cpu_set_t set;
    clockid_t clock;
    int policy;

    ck_ok(pthread_mutex_lock(&mutex)); /* libc knows it by its own id now */
    ck_ok(pthread_mutex_unlock(&mutex));
    ck_assert_int_eq(pthread_getattr_np(pthread_self(), &attributes), 0);
    pthread_attr_destroy(&attributes);
    ck_assert_int_eq(pthread_getaffinity_np(pthread_self(), sizeof set, &set),
                     0);
    ck_assert_int_eq(pthread_setaffinity_np(pthread_self(), sizeof set, &set),
                     0);
    ck_assert_int_eq(
        pthread_getschedparam(pthread_self(), &policy, &parameters), 0);
    ck_assert_int_eq(pthread_setschedparam(pthread_self(), policy, &parameters),
                     0);
    ck_assert_int_eq(pthread_getcpuclockid(pthread_self(), &clock), 0);
    ck_ok(clock_gettime(clock, &time));
    return arg;
}

/* Garbage collectors and sanitizers do, to find the stack: they aborted, as libc
 * asked the kernel for a thread with the greenthread's id. */
START_TEST(a_greenthread_asks_about_its_os_thread)
{
    ck_ok(green_join(green_spawn(asks_about_its_os_thread, NULL), NULL));
    join_thread(start_thread(asks_about_its_os_thread, NULL));
}
END_TEST

/* ---- Processes ---------------------------------------------------------------------- */

static volatile sig_atomic_t ended;

static void note_end(int number)
{
    (void)number;
    ended++;
}

static int run_true(void)
{
    int status = system("exit 3"); /* NOLINT: a fixed command */

    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* The parent handles SIGCHLD; its child puts the default back, and waits for a
 * child of its own: it hung (gevent 857). */
START_TEST(a_child_without_the_handler_waits_for_its_child)
{
    pid_t child;

    signal(SIGCHLD, note_end);
    child = fork();
    if (child == 0) {
        signal(SIGCHLD, SIG_DFL);
        _exit(run_true());
    }
    ck_assert_int_eq(wait_child(child), 3);
    ck_assert_int_ge(ended, 1);
    ck_assert_int_eq(run_true(), 3);
}
END_TEST

/* waitpid of one child, while a command of another thread runs (gevent 622). */
static void *runs_commands(void *arg)
{
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(run_true(), 3);
    return arg;
}

START_TEST(one_waits_for_a_child_while_others_run_commands)
{
    pthread_t threads[3];

    for (int i = 0; i < 3; i++)
        threads[i] = start_thread(runs_commands, NULL);
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();

        if (child == 0)
            _exit(i);
        ck_assert_int_eq(wait_child(child), i);
    }
    for (int i = 0; i < 3; i++)
        join_thread(threads[i]);
}
END_TEST

static pthread_cond_t happened = PTHREAD_COND_INITIALIZER;
static bool has_happened;

static void *waits_for_event(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    while (!has_happened)
        ck_ok(pthread_cond_wait(&happened, &mutex));
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

static void happen(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
    has_happened = true;
    ck_ok(pthread_cond_broadcast(&happened));
    ck_ok(pthread_mutex_unlock(&mutex));
}

/* A thread that a forked child started never woke (gevent 2017). */
START_TEST(a_forked_child_starts_threads_and_waits)
{
    pthread_t thread = start_thread(waits_for_event, NULL);
    pid_t child;

    ck_ok(usleep(1));
    child = fork();
    if (child == 0) {
        thread = start_thread(waits_for_event, NULL);
        usleep(1);
        happen();
        join_thread(thread);
        _exit(4);
    }
    ck_assert_int_eq(wait_child(child), 4);
    happen();
    join_thread(thread);
}
END_TEST

/* What ssh does when it starts took the shim's own descriptors (proxychains-ng
 * 439). */
START_TEST(a_program_closes_a_range_and_connects)
{
    struct sockaddr_in address;
    int port, listener, fd;

    ck_ok(usleep(1)); /* there is a hub */
    if (strcmp(hub_under_test(), "libevent") == 0)
        SKIP("libevent does not tell which descriptors it has");
    ck_ok(close_range(100, ~0u, 0));
    listener = tcp_listener(&port);
    address = local(port);
    fd = socket(AF_INET, SOCK_STREAM, 0);
    ck_ok(connect(fd, (struct sockaddr *)&address, sizeof address));
    fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
}
END_TEST

/* A process that went into the background could not connect (proxychains-ng
 * 330). */
START_TEST(a_program_in_the_background_connects)
{
    struct sockaddr_in address;
    int port, listener = tcp_listener(&port), fd;
    pid_t child;
    char byte;

    ck_ok(usleep(1));
    child = fork();
    if (child == 0) {
        if (daemon(1, 1) < 0)
            _exit(1);
        address = local(port);
        fd = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
            write(fd, "d", 1) != 1)
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    fd = accept(listener, NULL, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(read(fd, &byte, 1), 1);
    ck_assert_int_eq(byte, 'd');
}
END_TEST

static int inherited; /* from whoever started this program */

/* Those with high numbers, as a hub's have. */
static int descriptors_of_a_program(void)
{
    FILE *list = popen("ls /proc/self/fd", "r"); /* NOLINT: as above */
    char line[64];
    int count = 0;

    if (!list)
        return -1;
    while (fgets(line, sizeof line, list))
        count += strtol(line, NULL, 10) > 255;
    return pclose(list) == 0 ? count : -1;
}

/* Descriptors of the shim were left open in programs that were executed
 * (proxychains-ng 273). */
START_TEST(an_executed_program_has_no_descriptors_of_the_hub)
{
    ck_ok(usleep(1));
    ck_assert_int_eq(descriptors_of_a_program(), inherited);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch reports");
    TCase *tcase = add_tcase(suite, "reports");

    inherited = descriptors_of_a_program();
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_blocking_connect_connects);
    tcase_add_test(tcase, a_connect_that_times_out_has_failed);
    tcase_add_test(tcase, many_look_up_names_at_once);
    tcase_add_test(tcase, an_array_larger_than_the_buffer_is_written_whole);
    tcase_add_test(tcase, sleeps_let_others_run);
    tcase_add_test(tcase, one_polls_under_a_mutex_that_others_want);
    tcase_add_test(tcase, conditions_know_their_clock);
    tcase_add_test(tcase, a_greenthread_asks_about_its_os_thread);
    tcase_add_test(tcase, a_child_without_the_handler_waits_for_its_child);
    tcase_add_test(tcase, one_waits_for_a_child_while_others_run_commands);
    tcase_add_test(tcase, a_forked_child_starts_threads_and_waits);
    tcase_add_test(tcase, a_program_closes_a_range_and_connects);
    tcase_add_test(tcase, a_program_in_the_background_connects);
    tcase_add_test(tcase, an_executed_program_has_no_descriptors_of_the_hub);
    return run_suite(suite);
}
