/*
 * One accept takes one connection: poll, select, choose, plain system calls and
 * the next hub find the others.
 */
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/select.h>
#include <unistd.h>

#include "support.h"

#define CLIENTS 3

static int listener, clients[CLIENTS], accepted;
static struct sockaddr_in at, peer;
static socklen_t at_length = sizeof at, peer_length;

static void *accept_one(void *arg)
{
    (void)arg;
    peer_length = sizeof peer;
    memset(&peer, 0x5a, sizeof peer);
    accepted = green_accept(listener, (struct sockaddr *)&peer, &peer_length);
    ck_assert_int_ge(accepted, 0);
    return NULL;
}

/* One greenthread waits to accept, and several clients connect. */
static void set_up(void)
{
    struct green_thread *accepter;

    listener = green_listen("tcp://127.0.0.1:0", NULL);
    ck_assert_int_ge(listener, 0);
    ck_ok(getsockname(listener, (struct sockaddr *)&at, &at_length));
    accepter = green_spawn(accept_one, NULL);
    ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 0; i < CLIENTS; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_ok(connect(clients[i], (struct sockaddr *)&at, sizeof at));
    }
    ck_ok(green_join(accepter, NULL));
    ck_ok(green_sleep(GREEN_MSEC)); /* the hub has iterated since */
}

START_TEST(one_descriptor_is_made)
{
    int before;

    ck_ok(green_close(accepted));
    before = count_fds();
    for (int i = 1; i < CLIENTS; i++) {
        accept_one(NULL);
        ck_ok(green_sleep(0));
        ck_assert_int_eq(count_fds(), before + i);
    }
}
END_TEST

START_TEST(poll_reports_the_others)
{
    struct pollfd set[] = {{.fd = listener, .events = POLLIN},
                           {.fd = accepted, .events = POLLOUT}};

    for (int i = 1; i < CLIENTS; i++) {
        ck_assert_int_eq(green_poll(set, 1, 0), 1);
        ck_assert_int_eq(green_poll(set, 1, -1), 1);
        ck_assert_int_eq(green_poll(set, 2, -1), 2); /* beside one ready */
        ck_assert_int_eq(set[0].revents, POLLIN);
        accept_one(NULL);
    }
    ck_assert_int_eq(green_poll(set, 1, 1), 0);
}
END_TEST

START_TEST(select_reports_the_others)
{
    struct timeval none = {0};
    fd_set set;

    FD_ZERO(&set);
    FD_SET(listener, &set);
    ck_assert_int_eq(green_select(listener + 1, &set, NULL, NULL, &none), 1);
    ck_assert(FD_ISSET(listener, &set));
}
END_TEST

START_TEST(choose_reports_the_others_and_does_not_spin)
{
    struct green_case listens = {
        .kind = GREEN_CASE_DESCRIPTOR, .fd = listener, .events = GREEN_READ};
    uint64_t iterations;

    for (int i = 1; i < CLIENTS; i++) {
        ck_assert_int_eq(green_choose(&listens, 1, 0), 0);
        ck_assert_int_eq(green_choose(&listens, 1, GREEN_FOREVER), 0);
        accept_one(NULL);
    }
    iterations = stats_now().iterations;
    ck_fails(green_choose(&listens, 1, green_now() + 50 * GREEN_MSEC), EAGAIN);
    ck_assert_uint_lt(stats_now().iterations, iterations + 20);
}
END_TEST

START_TEST(nonblocking_accept_gets_the_others)
{
    int fd;

    ck_ok(green_fcntl(listener, F_SETFL, O_NONBLOCK));
    for (int i = 1; i < CLIENTS; i++)
        ck_assert_int_ge(green_accept(listener, NULL, NULL), 0);
    ck_fails(fd = green_accept(listener, NULL, NULL), EAGAIN);
    ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(plain_calls_get_the_others)
{
    for (int i = 1; i < CLIENTS; i++)
        ck_assert_int_ge(accept(listener, NULL, NULL), 0);
}
END_TEST

/* _i: nor is a connection lost that arrives while a greenthread waits on the
 * old hub. */
START_TEST(the_next_hub_gets_the_others)
{
    char byte;

    for (int i = 1; i < CLIENTS && _i; i++)
        accept_one(NULL);
    if (_i) {
        ck_ok(green_detach(green_spawn(accept_one, NULL)));
        ck_ok(green_sleep(GREEN_MSEC));
        for (int i = 1; i < CLIENTS; i++) {
            clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
            ck_ok(connect(clients[i], (struct sockaddr *)&at, sizeof at));
        }
    }
    ck_ok(green_use_hub("poll"));
    for (int i = 1; i < CLIENTS; i++) {
        accept_one(NULL);
        ck_fails(recv(clients[i], &byte, 1, MSG_DONTWAIT), EAGAIN);
    }
}
END_TEST

static int reset_client(void)
{
    const struct linger at_once = {.l_onoff = 1};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_in own;
    socklen_t length = sizeof own;

    ck_ok(connect(fd, (struct sockaddr *)&at, sizeof at));
    ck_ok(getsockname(fd, (struct sockaddr *)&own, &length));
    ck_ok(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once));
    ck_ok(close(fd));
    return own.sin_port;
}

/* accept(2) returns the address of a connection even if the client has reset
 * it. */
START_TEST(the_address_of_a_reset_connection)
{
    struct green_thread *accepter;
    int first, second;

    for (int i = 1; i < CLIENTS; i++)
        accept_one(NULL);
    accepter = green_spawn(accept_one, NULL);
    ck_ok(green_sleep(GREEN_MSEC));
    first = reset_client();
    second = reset_client();
    ck_ok(green_join(accepter, NULL));
    ck_assert_uint_eq(peer_length, sizeof peer);
    ck_assert_int_eq(peer.sin_family, AF_INET);
    ck_assert_int_eq(peer.sin_port, first);
    accept_one(NULL);
    ck_assert_uint_eq(peer_length, sizeof peer);
    ck_assert_int_eq(peer.sin_port, second);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_accept");
    TCase *tcase = add_tcase(suite, "accept");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, one_descriptor_is_made);
    tcase_add_test(tcase, poll_reports_the_others);
    tcase_add_test(tcase, select_reports_the_others);
    tcase_add_test(tcase, choose_reports_the_others_and_does_not_spin);
    tcase_add_test(tcase, nonblocking_accept_gets_the_others);
    tcase_add_test(tcase, plain_calls_get_the_others);
    tcase_add_loop_test(tcase, the_next_hub_gets_the_others, 0, 2);
    tcase_add_test(tcase, the_address_of_a_reset_connection);
    return run_suite(suite);
}
