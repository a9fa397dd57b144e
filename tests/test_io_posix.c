/* Behaviour that POSIX and the manual pages promise: errors that come at once,
 * timeouts, signals, and flags that other processes change. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/select.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <unistd.h>

#include "support.h"

static int fds[2];

/* Afterwards the library knows the descriptor, and the next call waits without
 * a first attempt. */
static void wait_until_timeout(int fd)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_read(fd, &(char){0}, 1), ETIMEDOUT);
    green_timeout_cancel(&timeout);
}

START_TEST(errors_come_at_once)
{
    struct green_timeout timeout;
    int listener;
    char byte;

    ck_ok(green_socketpair(AF_UNIX, SOCK_DGRAM, 0, fds));
    wait_until_timeout(fds[0]);
    ck_fails(green_recv(fds[0], &byte, 1, MSG_OOB), EOPNOTSUPP);
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    wait_until_timeout(fds[0]);
    ck_fails(green_recv(fds[0], &byte, 1, MSG_OOB), EINVAL);
    listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_accept(listener, NULL, NULL), ETIMEDOUT);
    green_timeout_cancel(&timeout);
    ck_fails(green_accept4(listener, NULL, NULL, 1), EINVAL);
}
END_TEST

/* Too few bytes for a counter, or a file that cannot be read or written: a wait
 * would not help. */
START_TEST(permanent_errors_come_at_once)
{
    const int kinds[] = {
        eventfd(0, EFD_CLOEXEC),
        timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC),
        epoll_create1(EPOLL_CLOEXEC),
    };
    char few[4] = {0};
    int fd = kinds[_i];

    if (lacks_linux()) {
        SKIP("POSIX has none of these");
        return;
    }
    ck_assert_int_ge(fd, 0);
    ck_fails(read(fd, few, sizeof few), EINVAL);
    ck_fails(green_read(fd, few, sizeof few), EINVAL);
    ck_fails(green_write(fd, few, sizeof few), EINVAL);
    ck_ok(green_close(fd));
}
END_TEST

START_TEST(a_second_connect_is_eisconn)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int port, fd, listener = tcp_listener(&port);

    ck_assert_int_ge(listener, 0);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    fd = _i ? green_socket(AF_INET, SOCK_STREAM, 0)
            : socket(AF_INET, SOCK_STREAM, 0);
    ck_ok(green_connect(fd, (struct sockaddr *)&address, sizeof address));
    ck_fails(green_connect(fd, (struct sockaddr *)&address, sizeof address),
             EISCONN);
}
END_TEST

START_TEST(connect_to_a_full_unix_socket_times_out)
{
    struct timeval time = {.tv_usec = 20000};
    struct sockaddr_un at = {.sun_family = AF_UNIX};
    struct green_timeout timeout;
    socklen_t length;
    int listener = socket(AF_UNIX, SOCK_STREAM, 0), fd;

    length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                         (size_t)snprintf(at.sun_path, sizeof at.sun_path,
                                          "%cposix-%d", 0, getpid()));
    ck_ok(bind(listener, (struct sockaddr *)&at, length));
    ck_ok(listen(listener, 0));
    do
        fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    while (connect(fd, (struct sockaddr *)&at, length) == 0);
    fd = green_socket(AF_UNIX, SOCK_STREAM, 0);
    ck_ok(green_setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
    ck_ok(green_timeout_start(&timeout, 10 * GREEN_SEC));
    ck_fails(green_connect(fd, (struct sockaddr *)&at, length), EAGAIN);
    green_timeout_cancel(&timeout);
}
END_TEST

/* ---- SIGPIPE --------------------------------------------------------- */

static int sendfile_without_reader(int fd)
{
    FILE *file = tmpfile();
    off_t offset = 0;

    if (!file || ftruncate(fileno(file), 4096) < 0)
        return 2;
    signal(SIGPIPE, SIG_DFL);
    return green_sendfile(fd, fileno(file), &offset, 4096) < 0 && errno == EPIPE
               ? 0
               : 1;
}

START_TEST(sendfile_raises_no_sigpipe_for_a_socket)
{
    sigset_t pending;
    pid_t child;

    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    ck_ok(green_close(fds[0]));
    child = fork();
    if (child == 0)
        _exit(sendfile_without_reader(fds[1]));
    ck_assert_int_eq(wait_child(child), 0);
    ck_ok(sigpending(&pending));
    ck_assert_int_eq(sigismember(&pending, SIGPIPE), 0);
}
END_TEST

START_TEST(sendfile_to_a_pipe_raises_it_as_write_does)
{
    pid_t child;

    ck_ok(green_pipe2(fds, 0));
    ck_ok(green_close(fds[0]));
    child = fork();
    if (child == 0)
        _exit(sendfile_without_reader(fds[1]));
    ck_assert_int_eq(wait_child(child), 1000 + SIGPIPE);
}
END_TEST

/* ---- Flags that other processes change ------------------------------- */

static void set_nonblock(int fd)
{
    ck_ok(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

START_TEST(nonblock_by_a_duplicate_works)
{
    char byte;
    int other;

    make_pair(_i, fds);
    wait_until_timeout(fds[0]);
    other = green_dup(fds[0]);
    wait_until_timeout(fds[0]);
    set_nonblock(other);
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
    ck_ok(fcntl(other, F_SETFL, fcntl(other, F_GETFL) & ~O_NONBLOCK));
    wait_until_timeout(fds[0]);
}
END_TEST

START_TEST(nonblock_by_a_child_works)
{
    pid_t child;
    char byte;

    make_pair(_i, fds);
    wait_until_timeout(fds[0]);
    child = fork();
    if (child == 0) {
        fcntl(fds[0], F_SETFL, fcntl(fds[0], F_GETFL) | O_NONBLOCK);
        _exit(0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
}
END_TEST

START_TEST(a_timeout_set_by_a_duplicate_works)
{
    struct timeval time = {.tv_usec = 1000};
    char byte;
    int other;

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    wait_until_timeout(fds[0]);
    other = green_dup(fds[0]);
    wait_until_timeout(fds[0]);
    ck_ok(setsockopt(other, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
}
END_TEST

START_TEST(a_listeners_flags_are_the_users)
{
    int listener = green_listen("tcp://127.0.0.1:0", NULL);
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_accept(listener, NULL, NULL), ETIMEDOUT);
    green_timeout_cancel(&timeout);
    ck_assert_int_eq(green_fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    /* The flags that the user sets are visible, and take effect. */
    ck_ok(green_fcntl(listener, F_SETFL, (void *)(intptr_t)O_NONBLOCK));
    ck_assert_int_ne(green_fcntl(listener, F_GETFL) & O_NONBLOCK, 0);
    ck_fails(green_accept(listener, NULL, NULL), EAGAIN);
}
END_TEST

static int accepted;

static void *accept_one(void *arg)
{
    if (green_accept(*(int *)arg, NULL, NULL) >= 0)
        accepted++;
    return NULL;
}

/* Two wait, and one connection arrives: the second attempt of the other must
 * not block. */
START_TEST(a_listeners_flags_set_while_it_is_waited_for)
{
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct green_thread *threads[2];
    int port, listener, client;

    listener =
        _i ? green_listen("tcp://127.0.0.1:0", NULL) : tcp_listener(&port);
    ck_ok(
        getsockname(listener, (struct sockaddr *)&to, &(socklen_t){sizeof to}));
    for (int i = 0; i < 2; i++)
        threads[i] = green_spawn(accept_one, &listener);
    ck_ok(green_sleep(GREEN_MSEC));
    /* As a program does to add a flag. */
    ck_ok(green_fcntl(listener, F_SETFL,
                      (void *)(intptr_t)green_fcntl(listener, F_GETFL)));
    client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_ok(connect(client, (struct sockaddr *)&to, sizeof to));
    for (int i = 0; i < 5; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(accepted, 1);
    for (int i = 0; i < 2; i++) {
        green_kill(threads[i]);
        ck_ok(green_join(threads[i], NULL));
    }
}
END_TEST

/* ---- select ---------------------------------------------------------- */

START_TEST(select_stays_within_the_sets_in_use)
{
    struct {
        fd_set set;
        unsigned char behind[1024];
    } sets;
    struct timeval none = {0};

    if (lacks_linux()) {
        SKIP("POSIX does not tell how many descriptors there can be");
        return;
    }
    if (under_valgrind()) {
        SKIP("valgrind's own descriptors are so high that the kernel looks at "
             "what is behind the set");
        return;
    }
    memset(&sets, 0xff, sizeof sets);
    FD_ZERO(&sets.set);
    unix_pair(fds);
    FD_SET(fds[1], &sets.set);
    ck_assert_int_eq(green_select(9000, NULL, &sets.set, NULL, &none), 1);
    for (size_t i = 0; i < sizeof sets.behind; i++)
        ck_assert_int_eq(sets.behind[i], 0xff);
}
END_TEST

static void *select_long(void *arg)
{
    struct timeval time = *(struct timeval *)arg;
    fd_set set;

    FD_ZERO(&set);
    FD_SET(fds[0], &set);
    return (void *)(intptr_t)green_select(fds[0] + 1, &set, NULL, NULL, &time);
}

START_TEST(select_waits_for_the_whole_timeout)
{
    static struct timeval times[] = {{.tv_usec = INT64_MAX},
                                     {.tv_sec = INT64_MAX, .tv_usec = 999999},
                                     {.tv_sec = 9223372034, .tv_usec = 999999},
                                     {.tv_sec = 100, .tv_usec = 5000000}};
    struct green_thread *thread;
    void *result;

    unix_pair(fds);
    thread = green_spawn(select_long, &times[_i]);
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, 1);
}
END_TEST

/* ---- As much as is asked for ----------------------------------------- */

enum way {
    LOW_WATER_READ,
    LOW_WATER_RECV,
    LOW_WATER_READV,
    LOW_WATER_MESSAGE,
    PEEK_ALL,
    MESSAGE_ALL,
    WAYS
};

static ssize_t read_by(enum way way, char *buffer, size_t size)
{
    char control[256];
    struct iovec iov = {buffer, size};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = control,
                             .msg_controllen = sizeof control};

    switch (way) {
    case LOW_WATER_READ:
        return green_read(fds[0], buffer, size);
    case LOW_WATER_RECV:
        return green_recv(fds[0], buffer, size, 0);
    case LOW_WATER_READV:
        return green_readv(fds[0], &iov, 1);
    case LOW_WATER_MESSAGE:
        return green_recvmsg(fds[0], &message, 0);
    case PEEK_ALL:
        return green_recv(fds[0], buffer, size, MSG_PEEK | MSG_WAITALL);
    case MESSAGE_ALL:
        return green_recvmsg(fds[0], &message, MSG_WAITALL);
    case WAYS:
        break;
    }
    return -1;
}

static void *read_ten(void *arg)
{
    enum way way = (enum way)(intptr_t)arg;
    char buffer[10] = "";
    ssize_t n = read_by(way, buffer, sizeof buffer);

    ck_assert_int_eq(memcmp(buffer, "0123456789", (size_t)n), 0);
    return (void *)(intptr_t)n;
}

static struct green_thread *begin_ten(int way)
{
    int low = 10;

    if (way < PEEK_ALL)
        ck_ok(green_setsockopt(fds[0], SOL_SOCKET, SO_RCVLOWAT, &low,
                               sizeof low));
    return green_spawn(read_ten, (void *)(intptr_t)way);
}

START_TEST(the_whole_amount_is_read)
{
    const int way = _i % WAYS, kind = _i / WAYS;
    struct green_thread *thread;
    void *result;

    make_pair(kind, fds);
    if (is_pipe_kind(kind))
        return;
    ck_assert_int_eq(write(fds[1], "012", 3), 3);
    thread = begin_ten(way);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(fds[1], "345", 3), 3);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(fds[1], "6789", 4), 4);
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, 10);
}
END_TEST

START_TEST(less_at_the_end)
{
    const int way = _i % WAYS, kind = _i / WAYS;
    struct green_thread *thread;
    void *result;

    make_pair(kind, fds);
    if (is_pipe_kind(kind))
        return;
    ck_assert_int_eq(write(fds[1], "012", 3), 3);
    thread = begin_ten(way);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_close(fds[1]));
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, 3);
}
END_TEST

static ssize_t sent;

static void *send_byte_by_byte(void *arg)
{
    (void)arg;
    for (sent = 0; sent < 10000; sent++)
        ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    return NULL;
}

/* Single bytes fill the sender's buffer long before they are as many as the
 * receiver wants. */
START_TEST(more_than_a_sender_can_buffer)
{
    struct green_thread *sender;
    static char buffer[20000];
    int low = 10000;

    make_pair(_i % PAIR_KINDS, fds);
    if (is_pipe_kind(_i % PAIR_KINDS))
        return;
    ck_ok(green_setsockopt(fds[0], SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
    sender = green_spawn(send_byte_by_byte, NULL);
    ck_assert_int_eq(read_by(_i / PAIR_KINDS, buffer, sizeof buffer), 10000);
    ck_ok(green_join(sender, NULL));
}
END_TEST

START_TEST(an_accepted_socket_inherits_the_low_water_mark)
{
    int port, low = 10, listener;
    struct sockaddr_in to = {.sin_family = AF_INET};
    struct green_thread *thread;
    void *result;

    listener =
        _i ? green_listen("tcp://127.0.0.1:0", NULL) : tcp_listener(&port);
    ck_ok(
        getsockname(listener, (struct sockaddr *)&to, &(socklen_t){sizeof to}));
    ck_ok(
        green_setsockopt(listener, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
    fds[1] = green_socket(AF_INET, SOCK_STREAM, 0);
    ck_ok(green_connect(fds[1], (struct sockaddr *)&to, sizeof to));
    fds[0] = green_accept(listener, NULL, NULL);
    ck_assert_int_ge(fds[0], 0);
    ck_assert_int_eq(write(fds[1], "012", 3), 3);
    thread = green_spawn(read_ten, (void *)(intptr_t)LOW_WATER_READ);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(fds[1], "3456789", 7), 7);
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, 10);
}
END_TEST

static void *read_until_closed(void *arg)
{
    char buffer[10];

    ck_fails(read_by((enum way)(intptr_t)arg, buffer, sizeof buffer), EBADF);
    return NULL;
}

/* With and without data that arrived before. */
START_TEST(bytes_of_a_reused_number_are_not_read)
{
    const int way = _i % PEEK_ALL, kind = _i / PEEK_ALL;
    struct green_thread *thread;
    int low = 10, other[2], number;
    char buffer[10];

    make_pair(kind, fds);
    if (is_pipe_kind(kind))
        return;
    number = fds[0];
    ck_ok(green_setsockopt(number, SOL_SOCKET, SO_RCVLOWAT, &low, sizeof low));
    if (is_tcp_kind(kind))
        ck_assert_int_eq(write(fds[1], "012", 3), 3);
    thread = green_spawn(read_until_closed, (void *)(intptr_t)way);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_close(number));
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, other));
    ck_assert(other[0] == number || other[1] == number);
    ck_assert_int_eq(write(other[other[0] == number], "victim", 6), 6);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(recv(number, buffer, sizeof buffer, MSG_DONTWAIT), 6);
}
END_TEST

START_TEST(a_bad_vector_fails_at_once)
{
    struct msghdr message = {.msg_iovlen = 1};
    struct iovec iov = {NULL, SIZE_MAX};

    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM, 0, fds));
    wait_until_timeout(fds[0]);
    ck_fails(green_recvmsg(fds[0], &message, 0), EFAULT);
    message.msg_iov = &iov;
    ck_fails(green_recvmsg(fds[0], &message, 0), EINVAL);
    message.msg_iovlen = 5000;
    ck_fails(green_recvmsg(fds[0], &message, 0), EMSGSIZE);
}
END_TEST

/* ---- Fast open ------------------------------------------------------- */

START_TEST(fast_open_waits_for_its_connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    int port, fd, listener = tcp_listener(&port);
    char buffer[8];
    ssize_t n;

    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons((uint16_t)port);
    fd = green_socket(AF_INET, SOCK_STREAM, 0);
    n = green_sendto(fd, "hello", 5, MSG_FASTOPEN, (struct sockaddr *)&address,
                     sizeof address);
    if (n < 0 && errno == EOPNOTSUPP) {
        SKIP("the system does not support TCP fast open");
        return;
    }
    ck_assert_int_eq(n, 5);
    fds[0] = green_accept(listener, NULL, NULL);
    ck_assert_int_eq(green_read_full(fds[0], buffer, 5), 5);
    ck_assert_int_eq(memcmp(buffer, "hello", 5), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io posix");
    TCase *tcase = add_tcase(suite, "posix");

    tcase_add_test(tcase, errors_come_at_once);
    tcase_add_loop_test(tcase, permanent_errors_come_at_once, 0, 3);
    tcase_add_loop_test(tcase, a_second_connect_is_eisconn, 0, 2);
    tcase_add_test(tcase, connect_to_a_full_unix_socket_times_out);
    tcase_add_test(tcase, sendfile_raises_no_sigpipe_for_a_socket);
    tcase_add_test(tcase, sendfile_to_a_pipe_raises_it_as_write_does);
    tcase_add_loop_test(tcase, nonblock_by_a_duplicate_works, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, nonblock_by_a_child_works, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, a_timeout_set_by_a_duplicate_works, 0,
                        PAIR_KINDS);
    tcase_add_test(tcase, a_listeners_flags_are_the_users);
    tcase_add_loop_test(tcase, a_listeners_flags_set_while_it_is_waited_for, 0,
                        2);
    tcase_add_test(tcase, select_stays_within_the_sets_in_use);
    tcase_add_loop_test(tcase, select_waits_for_the_whole_timeout, 0, 4);
    tcase_add_loop_test(tcase, the_whole_amount_is_read, 0, WAYS * PAIR_KINDS);
    tcase_add_loop_test(tcase, less_at_the_end, 0, WAYS * PAIR_KINDS);
    tcase_add_loop_test(tcase, more_than_a_sender_can_buffer, 0,
                        PEEK_ALL * PAIR_KINDS);
    tcase_add_loop_test(tcase, an_accepted_socket_inherits_the_low_water_mark,
                        0, 2);
    tcase_add_loop_test(tcase, bytes_of_a_reused_number_are_not_read, 0,
                        PEEK_ALL * PAIR_KINDS);
    tcase_add_test(tcase, a_bad_vector_fails_at_once);
    tcase_add_test(tcase, fast_open_waits_for_its_connection);
    return run_suite(suite);
}
