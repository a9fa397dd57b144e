/*
 * Loops of calls that never have to wait. They must not keep other greenthreads
 * or the hub from running, and a kill or a timeout must end them. Each loop
 * runs until the test has seen that, or until the case's time limit.
 */
#include "loops.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

/* ---- Bodies of the loops ----------------------------------------------- */

static int fds[2], file;
static struct green_queue queue;
static struct green_channel channel;
static struct green_shared_channel *shared;
static struct green_shared_event *shared_event;
static struct green_lock lock;
static struct green_recursive_lock recursive;
static struct green_rwlock rwlock;
static struct green_semaphore semaphore, limited;
static struct green_event event;
static struct green_wait_group group;
static struct green_barrier barrier;
static struct green_pool pool;
static char big[65536];

static int through_queue(void)
{
    void *item;

    return green_queue_put(&queue, &queue) < 0 ? -1
                                               : green_queue_get(&queue, &item);
}

static int through_channel(void)
{
    int value = 1;

    return green_channel_send(&channel, &value) < 0
               ? -1
               : green_channel_receive(&channel, &value);
}

static int through_shared_channel(void)
{
    int value = 1;

    return green_shared_channel_send(shared, &value) < 0
               ? -1
               : green_shared_channel_receive(shared, &value);
}

static int through_choose(void)
{
    int value = 1;
    struct green_case cases[] = {
        {.kind = GREEN_CASE_SEND, .channel = &channel, .value = &value},
        {.kind = GREEN_CASE_RECEIVE, .channel = &channel, .value = &value},
    };

    return green_choose(cases, 2, GREEN_FOREVER) < 0 ? -1 : 0;
}

static int by_polling_choose(void)
{
    struct green_case of = {
        .kind = GREEN_CASE_RECEIVE, .channel = &channel, .value = big};

    return green_choose(&of, 1, 0) < 0 && errno != EAGAIN ? -1 : 0;
}

static int by_lock(void)
{
    return green_lock_acquire(&lock) < 0 ? -1 : green_lock_release(&lock);
}

static int by_recursive_lock(void)
{
    return green_recursive_lock_acquire(&recursive) < 0
               ? -1
               : green_recursive_lock_release(&recursive);
}

static int by_rwlock(void)
{
    if (green_rwlock_read(&rwlock) < 0)
        return -1;
    green_rwlock_release(&rwlock);
    return green_rwlock_write(&rwlock) < 0 ? -1 : green_rwlock_release(&rwlock);
}

static int by_semaphore(void)
{
    return green_semaphore_acquire(&semaphore) < 0
               ? -1
               : green_semaphore_release(&semaphore);
}

static int by_limited_semaphore(void)
{
    int error;

    if (green_semaphore_try_acquire(&limited) < 0)
        return -1;
    if (green_semaphore_release_wait(&limited) == 0)
        return 0;
    error = errno;
    ck_ok(green_semaphore_release(&limited)); /* undo the acquisition */
    errno = error;
    return -1;
}

static int by_event(void)
{
    return green_event_wait(&event, NULL);
}

static int by_shared_event(void)
{
    return green_shared_event_wait(shared_event, NULL);
}

static int by_wait_group(void)
{
    return green_wait_group_wait(&group);
}

static int by_barrier(void)
{
    return green_barrier_wait(&barrier) < 0 ? -1 : 0;
}

static int by_pool(void)
{
    return green_pool_wait(&pool);
}

static int by_zeros(void)
{
    return green_read(file, big, 1024) < 0 ? -1 : 0;
}

static int by_pread(void)
{
    return green_pread(file, big, 1, 0) < 0 ? -1 : 0;
}

static int by_pair(void)
{
    char c = 'x';

    return green_write(fds[1], &c, 1) < 0 || green_read(fds[0], &c, 1) < 0 ? -1
                                                                           : 0;
}

static int by_vectors(void)
{
    struct iovec iov = {.iov_base = big, .iov_len = 8};

    return green_writev(fds[1], &iov, 1) < 0 || green_readv(fds[0], &iov, 1) < 0
               ? -1
               : 0;
}

static int by_messages(void)
{
    struct iovec iov = {.iov_base = big, .iov_len = 8};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};

    return green_sendmsg(fds[1], &message, 0) < 0 ||
                   green_recvmsg(fds[0], &message, 0) < 0
               ? -1
               : 0;
}

static int by_send(void)
{
    char c = 'x';

    return green_send(fds[1], &c, 1, 0) < 0 ||
                   green_recv(fds[0], &c, 1, MSG_WAITALL) < 0
               ? -1
               : 0;
}

/* A loop of the program's own, as on a non-blocking descriptor. */
static int by_failing_recv(void)
{
    return green_recv(fds[0], big, 1, MSG_DONTWAIT) < 0 && errno != EAGAIN ? -1
                                                                           : 0;
}

static int by_poll(void)
{
    struct pollfd poll_fd = {.fd = fds[1], .events = POLLOUT};

    return green_poll(&poll_fd, 1, -1) < 0 ? -1 : 0;
}

static int by_select(void)
{
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fds[1], &set);
    return green_select(fds[1] + 1, NULL, &set, NULL, NULL) < 0 ? -1 : 0;
}

static int by_stat(void)
{
    struct stat status;

    return green_stat("/dev/null", &status);
}

/* As in a program that waits for a server to start. */
static int by_refused_connect(void)
{
    struct sockaddr_un unused = {
        .sun_family = AF_UNIX, .sun_path = "\0greenhub fairness: no listener"};
    int fd = green_socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), result;

    result = green_connect(fd, (struct sockaddr *)&unused, sizeof unused);
    if (result < 0 && errno == ECONNREFUSED)
        result = 0;
    green_close(fd);
    return result;
}

static const struct body {
    const char *name;
    int (*call)(void);
} bodies[] = {
    {"queue", through_queue},
    {"channel", through_channel},
    {"shared channel", through_shared_channel},
    {"choose", through_choose},
    {"choose without waiting", by_polling_choose},
    {"lock", by_lock},
    {"recursive lock", by_recursive_lock},
    {"rwlock", by_rwlock},
    {"semaphore", by_semaphore},
    {"limited semaphore", by_limited_semaphore},
    {"event", by_event},
    {"shared event", by_shared_event},
    {"wait group", by_wait_group},
    {"barrier", by_barrier},
    {"pool", by_pool},
    {"zeros", by_zeros},
    {"pread", by_pread},
    {"pair", by_pair},
    {"vectors", by_vectors},
    {"messages", by_messages},
    {"send", by_send},
    {"recv without data", by_failing_recv},
    {"poll", by_poll},
    {"select", by_select},
    {"stat", by_stat},
    {"refused connect", by_refused_connect},
};
#define BODIES ((int)(sizeof bodies / sizeof bodies[0]))

static void make_all(void)
{
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    file = green_open("/dev/zero", O_RDONLY | O_CLOEXEC);
    ck_assert_int_ge(file, 0);
    ck_ok(green_queue_init(&queue, 4));
    ck_ok(green_channel_init(&channel, sizeof(int), 4));
    shared = green_shared_channel_create(sizeof(int), 4);
    shared_event = green_shared_event_create();
    ck_assert(shared && shared_event);
    ck_ok(green_shared_event_send(shared_event, NULL));
    ck_ok(green_semaphore_init(&semaphore, 1, 0));
    ck_ok(green_semaphore_init(&limited, 1, 1));
    ck_ok(green_event_send(&event, NULL));
    ck_ok(green_barrier_init(&barrier, 1));
    ck_ok(green_pool_init(&pool, 1));
}

/* ---- Others run
 * ----------------------------------------------------------- */

START_TEST(for_other_greenthreads)
{
    make_all();
    until_others_ran(bodies[_i].call, bodies[_i].name);
}
END_TEST

static void called(struct green_call *call)
{
    runs++;
    if (runs < 5)
        ck_ok(green_hub_call(green_get_hub(), call));
}

START_TEST(for_the_hub)
{
    struct green_call call = {.callback = called};

    make_all();
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (runs < 5)
        ck_ok(bodies[_i].call());
}
END_TEST

static void *ticks(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    stop = true;
    return NULL;
}

START_TEST(for_timers)
{
    struct green_thread *ticker;

    if (on_sim()) {
        SKIP("while code runs, no time passes on a virtual clock");
        return;
    }
    make_all();
    ticker = green_spawn(ticks, NULL);
    while (!stop)
        ck_ok(bodies[_i].call());
    ck_ok(green_join(ticker, NULL));
}
END_TEST

/* ---- A timeout or kill ends it
 * -------------------------------------------- */

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

static int last_error;

static void *repeats_the_call(void *arg)
{
    const struct body *body = arg;

    while (body->call() == 0)
        ;
    last_error = errno;
    return NULL;
}

START_TEST(a_kill_ends_it)
{
    struct green_thread *thread;

    make_all();
    thread = green_spawn(repeats_the_call, (void *)(uintptr_t)&bodies[_i]);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(last_error, ECANCELED);
}
END_TEST

START_TEST(a_kill_of_itself_too)
{
    make_all();
    ck_ok(green_kill(green_self()));
    ck_ok(bodies[_i].call()); /* the first calls still succeed */
    while (bodies[_i].call() == 0)
        ;
    ck_assert_int_eq(errno, ECANCELED);
}
END_TEST

/* ---- Which call fails after a kill -------------------------------------- */

static int first, second;

static void *makes_two_calls(void *arg)
{
    ck_ok(green_event_wait(arg, NULL)); /* runnable when killed */
    first = by_lock() < 0 ? errno : 0;
    second = by_lock() < 0 ? errno : 0;
    return NULL;
}

/* Woken, or about to continue: the kill ends no wait, so the next call
 * fails. */
START_TEST(at_the_first_call)
{
    struct green_event go = {0};
    struct green_thread *thread = green_spawn(makes_two_calls, &go);

    ck_ok(green_sleep(0));
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(first, ECANCELED);
    ck_assert_int_eq(second, 0); /* the kill was reported */
}
END_TEST

static void *waits_until_killed(void *arg)
{
    (void)arg;
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    first = by_lock() < 0 ? errno : 0;
    return NULL;
}

START_TEST(by_the_wait_that_it_ends)
{
    struct green_thread *thread = green_spawn(waits_until_killed, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(first, 0);
}
END_TEST

static void *is_shielded(void *arg)
{
    struct green_shield shield;

    ck_ok(green_shield_begin(&shield));
    ck_ok(green_event_wait(arg, NULL));
    for (int i = 0; i < 1000; i++)
        ck_ok(by_lock());
    ck_ok(green_shield_end(&shield));
    ck_fails(by_lock(), ECANCELED);
    return NULL;
}

START_TEST(not_within_a_shield)
{
    struct green_event go = {0};
    struct green_thread *thread = green_spawn(is_shielded, &go);

    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_event_send(&go, NULL));
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* ---- Long messages stay together ----------------------------------------- */

#define MESSAGE (4u << 20)

static void *drains(void *arg)
{
    static char seen[2 * MESSAGE];
    int from = (int)(intptr_t)arg;
    size_t done = 0;
    ssize_t n;

    while (done < sizeof seen &&
           (n = read(from, seen + done, sizeof seen - done)) > 0)
        done += (size_t)n;
    for (size_t i = 1; i < done; i++)
        runs += seen[i] != seen[i - 1];
    return (void *)(uintptr_t)done;
}

static void *writes(void *arg)
{
    char *message = malloc(MESSAGE);
    ssize_t n;

    ck_assert_ptr_nonnull(message);
    memset(message, *(const char *)arg, MESSAGE);
    n = green_write(fds[1], message, MESSAGE);
    free(message);
    return (void *)(intptr_t)n;
}

/* A writer that yields in the middle of a long message keeps its place in
 * line. */
START_TEST(long_messages_are_not_mixed)
{
    struct green_thread *threads[2];
    pthread_t drain;
    void *n;

    if (pipe_needs_os_threads(_i)) {
        SKIP("POSIX reads and writes a pipe of somebody else by OS threads");
        return;
    }
    make_pair(_i, fds);
    ck_ok(pthread_create(&drain, NULL, drains, (void *)(intptr_t)fds[0]));
    threads[0] = green_spawn(writes, (void *)(uintptr_t) "a");
    threads[1] = green_spawn(writes, (void *)(uintptr_t) "b");
    for (int i = 0; i < 2; i++) {
        ck_ok(green_join(threads[i], &n));
        ck_assert_uint_eq((uintptr_t)n, MESSAGE);
    }
    ck_ok(pthread_join(drain, &n));
    ck_assert_uint_eq((uintptr_t)n, 2 * MESSAGE);
    ck_assert_int_eq(runs, 1);
}
END_TEST

static void *closes_it(void *arg)
{
    (void)arg;
    ck_ok(green_sleep(2 * GREEN_MSEC));
    ck_ok(green_close(fds[1]));
    return NULL;
}

/* Also if the reader is fast. */
START_TEST(a_long_message_ends_with_its_descriptor)
{
    struct green_thread *thread, *closer;
    pthread_t drain;
    int written = 0;
    void *n;

    if (on_sim()) {
        SKIP("while code runs, no time passes on a virtual clock");
        return;
    }
    make_pair(_i, fds);
    ck_ok(pthread_create(&drain, NULL, drains, (void *)(intptr_t)fds[0]));
    closer = green_spawn(closes_it, NULL);
    do {
        thread = green_spawn(writes, (void *)(uintptr_t) "a");
        ck_ok(green_join(thread, &n));
    } while ((intptr_t)n == MESSAGE && written++ < 1);
    ck_ok(green_join(closer, NULL));
    ck_ok(pthread_join(drain, &n));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("fairness");
    TCase *tcase = add_tcase(suite, "fairness");

    tcase_add_loop_test(tcase, for_other_greenthreads, 0, BODIES);
    tcase_add_loop_test(tcase, for_the_hub, 0, BODIES);
    tcase_add_loop_test(tcase, for_timers, 0, BODIES);
    tcase = add_tcase(suite, "ends");
    tcase_add_loop_test(tcase, a_timeout_ends_it, 0, BODIES);
    tcase_add_loop_test(tcase, a_kill_ends_it, 0, BODIES);
    tcase_add_loop_test(tcase, a_kill_of_itself_too, 0, BODIES);
    tcase = add_tcase(suite, "kill");
    tcase_add_test(tcase, at_the_first_call);
    tcase_add_test(tcase, by_the_wait_that_it_ends);
    tcase_add_test(tcase, not_within_a_shield);
    tcase = add_tcase(suite, "together");
    tcase_add_loop_test(tcase, long_messages_are_not_mixed, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_long_message_ends_with_its_descriptor, 0,
                        PAIR_KINDS);
    return run_suite(suite);
}
