/* Descriptors that no green call made, and what an exchange costs the hub. */
#include <fcntl.h>
#include <netinet/in.h>
#include <pty.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "support.h"

static struct green_thread *spawn(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    green_sleep(0);
    return thread;
}

static void *read_8(void *arg)
{
    static char bytes[256];

    return (void *)(intptr_t)green_read(*(int *)arg, bytes, sizeof bytes);
}

static intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

START_TEST(an_eventfd)
{
    int fd = eventfd(0, EFD_CLOEXEC);
    struct green_thread *reader = spawn(read_8, &fd);
    uint64_t one = 1;

    ck_assert_int_eq(green_write(fd, &one, sizeof one), sizeof one);
    ck_assert_int_eq(join(reader), sizeof one);
}
END_TEST

START_TEST(a_timerfd)
{
    struct itimerspec time = {.it_value = {.tv_nsec = 10000000}};
    int fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);

    if (on_sim()) {
        SKIP("the kernel's timers do not use the hub's virtual clock");
        return;
    }
    ck_ok(timerfd_settime(fd, 0, &time, NULL));
    ck_assert_int_eq(join(spawn(read_8, &fd)), sizeof(uint64_t));
}
END_TEST

START_TEST(a_signalfd)
{
    struct green_thread *reader;
    sigset_t set;
    int fd;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_ok(sigprocmask(SIG_BLOCK, &set, NULL));
    fd = signalfd(-1, &set, SFD_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    reader = spawn(read_8, &fd);
    raise(SIGUSR1);
    ck_assert_int_eq(join(reader), sizeof(struct signalfd_siginfo));
}
END_TEST

START_TEST(a_terminal_that_hangs_up)
{
    int master, terminal;
    struct green_thread *reader;

    if (openpty(&master, &terminal, NULL, NULL, NULL) < 0) {
        SKIP("no pseudo-terminal is available");
        return;
    }
    reader = spawn(read_8, &master);
    ck_assert_int_eq(green_write(terminal, "hi", 2), 2);
    ck_assert_int_eq(join(reader), 2);
    reader = spawn(read_8, &master);
    close(terminal);
    ck_assert_int_eq(join(reader), -1); /* EIO */
}
END_TEST

static void exchange(int a, int b)
{
    struct green_thread *reader = spawn(read_8, &b);

    ck_assert_int_eq(green_write(a, "x", 1), 1);
    ck_assert_int_eq(join(reader), 1);
}

/* On an edge-triggered hub an exchange changes no registration. */
START_TEST(an_exchange_costs_no_change_of_interest)
{
    bool edge_triggered =
        green_hub_get_module(green_get_hub())->capabilities & GREEN_HUB_EDGE;
    uint64_t before;
    int fds[2];

    make_pair(FIRST_GREEN_KIND, fds);
    exchange(fds[0], fds[1]);
    exchange(fds[1], fds[0]);
    before = stats_now().changes;
    for (int i = 0; i < 100; i++) {
        exchange(fds[0], fds[1]);
        exchange(fds[1], fds[0]);
    }
    if (edge_triggered)
        ck_assert_uint_eq(stats_now().changes, before);
    else
        ck_assert_uint_le(stats_now().changes, before + 400);
}
END_TEST

START_TEST(green_sockets_made_before_the_hub_are_known)
{
    struct green_hub_stats stats;
    int fds[2];

    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    exchange(fds[0], fds[1]);
    stats = stats_now();
    for (int i = 0; i < 10; i++)
        exchange(fds[0], fds[1]);
    if (green_hub_get_module(green_get_hub())->capabilities & GREEN_HUB_EDGE)
        ck_assert_uint_eq(stats_now().changes, stats.changes);
}
END_TEST

static void *connect_to(void *arg)
{
    int fd = green_socket(AF_INET, SOCK_STREAM, 0);

    ck_assert_int_ge(fd, 0);
    if (green_connect(fd, arg, sizeof(struct sockaddr_in)) < 0)
        return (void *)(intptr_t)-errno;
    return (void *)(intptr_t)fd;
}

START_TEST(accept_and_connect)
{
    struct sockaddr_in address, peer;
    socklen_t length = sizeof address;
    int listener = tcp_listener(NULL), fd, pair[2];
    struct green_thread *client;

    ck_ok(getsockname(listener, (struct sockaddr *)&address, &length));
    client = green_spawn_after(GREEN_MSEC, connect_to, &address);
    fd = green_accept4(listener, (struct sockaddr *)&peer, &length,
                       SOCK_NONBLOCK | SOCK_CLOEXEC);
    ck_assert_int_ge(fd, 0);
    ck_assert_uint_eq(length, sizeof peer);
    ck_assert_int_eq(peer.sin_family, AF_INET);
    ck_fails(green_read(fd, &length, 1), EAGAIN);
    ck_assert_int_eq(green_fcntl(fd, F_GETFD), FD_CLOEXEC);
    ck_assert_int_ge(join(client), 0);
    ck_fails(green_accept(fd, NULL, NULL), EINVAL);
    ck_fails(green_accept(-1, NULL, NULL), EBADF);
    ck_ok(green_close(listener));
    ck_assert_int_eq(join(spawn(connect_to, &address)), -ECONNREFUSED);
    ck_fails(green_connect(-1, (struct sockaddr *)&address, length), EBADF);
    ck_fails(green_socket(-1, 0, 0), EAFNOSUPPORT);
    ck_fails(green_socketpair(AF_INET, SOCK_STREAM, 0, pair), EOPNOTSUPP);
    ck_fails(green_pipe2(pair, -1), EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_foreign");
    TCase *tcase = add_tcase(suite, "foreign");

    tcase_add_test(tcase, an_eventfd);
    tcase_add_test(tcase, a_timerfd);
    tcase_add_test(tcase, a_signalfd);
    tcase_add_test(tcase, a_terminal_that_hangs_up);
    tcase_add_test(tcase, an_exchange_costs_no_change_of_interest);
    tcase_add_test(tcase, green_sockets_made_before_the_hub_are_known);
    tcase_add_test(tcase, accept_and_connect);
    return run_suite(suite);
}
