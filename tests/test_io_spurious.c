/* Events that the kernel reports but the waiting call cannot use: the call
 * keeps waiting, and the hub does not spin. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "support.h"

/* A hub that gets an event in each iteration iterates tens of thousands of
 * times in WHILE. */
#define WHILE (100 * GREEN_MSEC)
#define FEW_ITERATIONS 500u

static int fds[2];

static void assert_no_spin(void)
{
    uint64_t before = stats_now().iterations;

    ck_ok(green_sleep(WHILE));
    ck_assert_uint_lt(stats_now().iterations - before, FEW_ITERATIONS);
}

static void *read_one(void *arg)
{
    char byte = 0;

    ck_assert_int_eq(green_recv(*(int *)arg, &byte, 1, 0), 1);
    return (void *)(intptr_t)byte;
}

static void assert_joined(struct green_thread *thread, intptr_t expected)
{
    void *result;

    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, expected);
}

static void count_events(struct green_listener *listener, unsigned events)
{
    (void)events;
    ++*(int *)listener->arg;
    ck_ok(green_hub_remove(green_get_hub(), listener));
}

/* Each attempt to read skips the urgent byte; a listener that does not read
 * shows whether the event is reported. */
START_TEST(urgent_data_without_reader)
{
    struct green_hub *hub = green_get_hub();
    int events_seen = 0;
    struct green_listener listener = {
        .events = GREEN_READ, .callback = count_events, .arg = &events_seen};

    make_pair(_i, fds);
    if (!is_tcp_kind(_i))
        return;
    listener.fd = fds[0];
    ck_ok(green_hub_add(hub, &listener));
    ck_assert_int_eq(send(fds[1], "!", 1, MSG_OOB), 1);
    ck_ok(green_sleep(WHILE));
    ck_assert_int_eq(events_seen, 0);
    ck_assert_int_eq(send(fds[1], "x", 1, 0), 1);
    while (events_seen < 1)
        ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

/* A datagram to an unused port leaves an error in the queue. */
START_TEST(an_unread_error_queue)
{
    struct sockaddr_in to = {.sin_family = AF_INET}, own = {0};
    socklen_t length = sizeof own;
    struct green_thread *thread;
    int on = 1, fd;

    fd = _i ? green_socket(AF_INET, SOCK_DGRAM, 0)
            : socket(AF_INET, SOCK_DGRAM, 0);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_ok(bind(fd, (struct sockaddr *)&to, sizeof to));
    ck_ok(getsockname(fd, (struct sockaddr *)&own, &length));
    if (setsockopt(fd, IPPROTO_IP, IP_RECVERR, &on, sizeof on) < 0) {
        SKIP("needs IP_RECVERR");
        return;
    }
    to.sin_port = htons((uint16_t)unused_port());
    ck_assert_int_eq(sendto(fd, "?", 1, 0, (struct sockaddr *)&to, sizeof to),
                     1);
    ck_fails(green_recv(fd, &(char){0}, 1, 0), ECONNREFUSED);
    thread = green_spawn(read_one, &fd);
    assert_no_spin();
    ck_assert_int_eq(sendto(fd, "x", 1, 0, (struct sockaddr *)&own, sizeof own),
                     1);
    assert_joined(thread, 'x');
}
END_TEST

static struct sockaddr_un at;
static socklen_t at_length;

static void *send_one(void *arg)
{
    ck_assert_int_eq(
        green_sendto(*(int *)arg, "b", 1, 0, (struct sockaddr *)&at, at_length),
        1);
    return NULL;
}

/* The kernel reports the sender as writable, but the receiver has no room. */
START_TEST(a_full_datagram_socket_of_the_peer)
{
    int receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
    int filler = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), sender;
    struct green_thread *thread;

    at = (struct sockaddr_un){.sun_family = AF_UNIX};
    at_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
                            (size_t)snprintf(at.sun_path, sizeof at.sun_path,
                                             "%cgreen-%d", 0, getpid()));
    ck_ok(bind(receiver, (struct sockaddr *)&at, at_length));
    while (sendto(filler, "a", 1, 0, (struct sockaddr *)&at, at_length) == 1)
        ;
    sender = _i ? green_socket(AF_UNIX, SOCK_DGRAM, 0)
                : socket(AF_UNIX, SOCK_DGRAM, 0);
    thread = green_spawn(send_one, &sender);
    assert_no_spin();
    ck_assert_int_eq(recv(receiver, &(char){0}, 1, 0), 1);
    assert_joined(thread, 0);
}
END_TEST

static void count_calls(struct green_listener *listener, unsigned events)
{
    char byte;

    ++*(int *)listener->arg;
    if (!(events & GREEN_CLOSED))
        ck_assert_int_eq(read(listener->fd, &byte, 1), 1);
}

/* The duplicate keeps the open file, and so the kernel keeps the
 * registration. */
START_TEST(a_registration_that_outlives_its_descriptor)
{
    struct green_hub *hub = green_get_hub();
    int calls = 0, other;
    struct green_listener listener = {
        .events = GREEN_READ, .callback = count_calls, .arg = &calls};

    if (on_sim()) {
        SKIP("the hub sim does not replace its epoll descriptor");
        return;
    }
    unix_pair(fds);
    listener.fd = fds[0];
    ck_ok(green_hub_add(hub, &listener));
    ck_ok(green_sleep(GREEN_MSEC));
    other = dup(fds[0]);
    ck_ok(close(fds[0]));
    ck_ok(green_hub_forget(hub, fds[0]));
    ck_assert_int_eq(calls, 1);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    assert_no_spin();
    /* Other descriptors are still watched. */
    unix_pair(fds);
    listener.fd = fds[0];
    ck_ok(green_hub_add(hub, &listener));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_gt(calls, 1);
    ck_ok(green_hub_remove(hub, &listener));
    ck_ok(close(other));
}
END_TEST

/* The hub does not spin even if it gets no descriptor to replace its own. */
START_TEST(without_a_descriptor_for_a_new_epoll)
{
    struct green_hub *hub = green_get_hub();
    struct rlimit limit, none;
    int calls = 0, other;
    struct green_listener listener = {
        .events = GREEN_READ, .callback = count_calls, .arg = &calls};
    struct green_thread *thread;
    int pair[2];

    if (on_sim()) {
        SKIP("the hub sim does not replace its epoll descriptor");
        return;
    }
    unix_pair(fds);
    unix_pair(pair);
    listener.fd = fds[0];
    ck_ok(green_hub_add(hub, &listener));
    ck_ok(green_sleep(GREEN_MSEC));
    other = dup(fds[0]);
    ck_ok(close(fds[0]));
    ck_ok(green_hub_forget(hub, fds[0]));
    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    none = limit;
    none.rlim_cur = 0;
    ck_ok(setrlimit(RLIMIT_NOFILE, &none));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    assert_no_spin();
    /* Other descriptors are still watched. */
    thread = green_spawn(read_one, &pair[0]);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(pair[1], "y", 1), 1);
    assert_joined(thread, 'y');
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    ck_ok(green_sleep(GREEN_MSEC));
    assert_no_spin();
    ck_ok(close(other));
}
END_TEST

static char got[3][8];

static void *read_thrice(void *arg)
{
    (void)arg;
    for (int i = 0; i < 3; i++)
        ck_assert_int_gt(green_read(fds[0], got[i], sizeof got[i] - 1), 0);
    return NULL;
}

/* A read ends at the urgent mark, with more data behind it. A registration that
 * is not renewed would report that data a second later. */
START_TEST(a_read_that_ends_at_the_urgent_mark)
{
    struct green_timeout timeout;
    struct green_thread *thread;

    make_pair(_i, fds);
    if (!is_tcp_kind(_i))
        return;
    thread = green_spawn(read_thrice, NULL);
    ck_ok(green_sleep(0));
    ck_assert_int_eq(send(fds[1], "hi", 2, 0), 2);
    while (!got[0][0])
        ck_ok(green_sleep(0));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(send(fds[1], "abc", 3, 0), 3);
    ck_assert_int_eq(send(fds[1], "!", 1, MSG_OOB), 1);
    ck_assert_int_eq(send(fds[1], "def", 3, 0), 3);
    ck_ok(green_timeout_start(&timeout, 900 * GREEN_MSEC));
    ck_ok(green_join(thread, NULL));
    green_timeout_cancel(&timeout);
    ck_assert_str_eq(got[1], "abc");
    ck_assert_str_eq(got[2], "def");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io spurious");
    TCase *tcase = add_tcase(suite, "spurious");

    tcase_add_loop_test(tcase, urgent_data_without_reader, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, an_unread_error_queue, 0, 2);
    tcase_add_loop_test(tcase, a_full_datagram_socket_of_the_peer, 0, 2);
    tcase_add_test(tcase, a_registration_that_outlives_its_descriptor);
    tcase_add_test(tcase, without_a_descriptor_for_a_new_epoll);
    tcase_add_loop_test(tcase, a_read_that_ends_at_the_urgent_mark, 0,
                        PAIR_KINDS);
    return run_suite(suite);
}
