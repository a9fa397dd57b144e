/* green_serve: what handlers get, limits, too few descriptors, bad
 * arguments. */
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>

#include "server.h"

/* ---- Handlers ---------------------------------------------------------- */

static int seen_fd, seen_nodelay, seen_flags;
static void *seen_arg;

static void note_descriptor(int fd, void *arg)
{
    socklen_t length = sizeof seen_nodelay;

    seen_fd = fd;
    seen_arg = arg;
    seen_flags = fcntl(fd, F_GETFD);
    getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &seen_nodelay, &length);
    echo(fd, arg);
}

START_TEST(the_handler_runs_and_its_fd_is_closed)
{
    int fd;

    handler = note_descriptor;
    options.arg = &seen_arg;
    serve_tcp();
    fd = client();
    ck_assert_uint_eq(server.accepted, 1);
    ck_assert_uint_eq(server.active, 1);
    ck_assert_ptr_eq(seen_arg, &seen_arg);
    ck_assert_int_ne(seen_nodelay, 0);
    ck_assert(seen_flags & FD_CLOEXEC);
    ck_ok(green_shutdown(fd, SHUT_WR));
    sees_the_end(fd);
    ck_assert_int_eq(ended, 1);
    ck_assert_uint_eq(server.accepted, 1);
    ck_assert_uint_eq(server.active, 0);
    ck_fails(fcntl(seen_fd, F_GETFD), EBADF);
    stop_server();
    ck_assert_uint_eq(server.pauses, 0);
}
END_TEST

static void shut_down(int fd, void *arg)
{
    (void)arg;
    seen_fd = fd;
    ck_ok(green_shutdown(fd, SHUT_RDWR));
}

START_TEST(a_handler_may_shut_its_fd_down)
{
    handler = shut_down;
    serve_tcp();
    for (int i = 0; i < 3; i++)
        sees_the_end(dial_server());
    wait_until(server.active == 0);
    ck_fails(fcntl(seen_fd, F_GETFD), EBADF);
    ck_assert_uint_eq(server.accepted, 3);
    stop_server();
}
END_TEST

#define CLIENTS 100

START_TEST(many_at_once)
{
    int fds[CLIENTS], before;

    serve_tcp();
    ck_ok(green_close(client()));
    wait_until(server.active == 0);
    before = count_fds();
    for (int i = 0; i < CLIENTS; i++)
        fds[i] = client();
    ck_assert_uint_eq(server.active, CLIENTS);
    for (int i = CLIENTS - 1; i >= 0; i--)
        round_trip(fds[i]);
    for (int i = 0; i < CLIENTS; i++)
        ck_ok(green_close(fds[i]));
    wait_until(server.active == 0);
    ck_assert_uint_eq(server.accepted, CLIENTS + 1);
    ck_assert_int_eq(ended, CLIENTS + 1);
    ck_assert_int_eq(count_fds(), before);
    stop_server();
}
END_TEST

/* Clients that reset, or have closed before the server accepts them. */
START_TEST(clients_that_reset)
{
    struct linger now = {.l_onoff = 1};
    int fd;

    listen_for_server("tcp://127.0.0.1:0", false);
    for (int i = 0; i < 10; i++) {
        fd = dial_server();
        if (i % 2)
            ck_ok(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now));
        ck_ok(green_close(fd));
    }
    start_server();
    ck_ok(green_close(client()));
    wait_until(server.active == 0);
    ck_assert_int_eq(begun, ended);
    stop_server();
}
END_TEST

START_TEST(a_unix_socket)
{
    char at[64];

    snprintf(at, sizeof at, "unix://@greenhub-test-serve-%d", getpid());
    listen_for_server(at, false);
    start_server();
    ck_ok(green_close(client()));
    stop_server();
    ck_assert_uint_eq(server.accepted, 1);
}
END_TEST

/* A listener on which the user set O_NONBLOCK works too. */
START_TEST(a_listener_that_does_not_block)
{
    listen_for_server("tcp://127.0.0.1:0", false);
    ck_ok(green_fcntl(listener, F_SETFL, O_NONBLOCK));
    start_server();
    run_others();
    ck_ok(green_close(client()));
    stop_server();
}
END_TEST

/* ---- max_connections --------------------------------------------------- */

#define MOST 3

START_TEST(at_most_max_connections)
{
    int fds[MOST * 2];

    options.max_connections = MOST;
    serve_tcp();
    for (int i = 0; i < MOST; i++)
        fds[i] = client();
    for (int i = MOST; i < MOST * 2; i++)
        fds[i] = dial_server();
    for (int i = 0; i < 10; i++)
        round_trip(fds[0]); /* the acceptor could have run */
    run_others();
    ck_assert_uint_eq(server.active, MOST);
    ck_assert_uint_eq(server.accepted, MOST);
    ck_assert_int_eq(begun, MOST);
    for (int i = 0; i < MOST; i++) {
        ck_ok(green_close(fds[i]));
        round_trip(fds[i + MOST]);
        ck_assert_uint_eq(server.active, MOST);
    }
    ck_ok(green_server_stop(&server));
    for (int i = MOST; i < MOST * 2; i++)
        ck_ok(green_close(fds[i]));
    has_ended(0, 0);
    ck_assert_uint_eq(server.accepted, MOST * 2);
    ck_assert_uint_eq(server.pauses, 0);
}
END_TEST

START_TEST(a_stop_while_it_is_full)
{
    int fd, other;

    options.max_connections = 1;
    serve_tcp();
    fd = client();
    other = dial_server();
    run_others();
    ck_ok(green_server_stop(&server));
    run_others();
    round_trip(fd);
    ck_ok(green_close(fd));
    has_ended(0, 0);
    ck_assert_uint_eq(server.accepted, 1);
    /* The other one was never accepted; it ends when the listener closes. */
    ck_ok(green_close(listener));
    sees_the_end(other);
}
END_TEST

/* ---- Out of descriptors ------------------------------------------------ */

/* Descriptors that the case holds, all but `left`, so that the server runs out
 * soon. */
static int fillers[64], filled;

/* Call it before the server starts: a hub may submit accepts then, with the
 * limit of that moment. */
static void lower_limit(void)
{
    struct rlimit limit;
    int highest = dup(0);

    ck_assert_int_ge(highest, 0);
    close(highest);
    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)highest + 20;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

static void fill(int left)
{
    while ((fillers[filled] = dup(0)) >= 0)
        ck_assert_int_lt(filled++, 63);
    ck_assert_int_eq(errno, EMFILE);
    while (left-- > 0)
        close(fillers[--filled]);
}

/* Connects a socket that was made before descriptors ran out. */
static void connect_client(int fd)
{
    struct sockaddr_in at;
    socklen_t length = sizeof at;

    ck_ok(getsockname(listener, (struct sockaddr *)&at, &length));
    ck_ok(green_connect(fd, (struct sockaddr *)&at, length));
}

static int new_socket(void)
{
    int fd = green_socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    ck_assert_int_ge(fd, 0);
    return fd;
}

#define LOSES                                                                  \
    "valgrind closes what accept makes above the limit: the connection is "    \
    "lost"

START_TEST(without_descriptors_it_pauses_and_continues)
{
    int fd;

    if (under_valgrind()) {
        SKIP(LOSES);
        return;
    }
    fd = new_socket();

    lower_limit();
    serve_tcp();
    ck_ok(green_close(client()));
    wait_until(server.active == 0);
    fill(0);
    connect_client(fd);
    ck_ok(green_write_all(fd, "hello", 5));
    wait_until(server.pauses >= 2);
    ck_assert_uint_eq(server.accepted, 1);
    close(fillers[--filled]);
    wait_until(server.accepted == 2);
    ck_assert_int_eq(green_read_full(fd, (char[5]){0}, 5), 5);
    ck_ok(green_close(fd));
    stop_server();
}
END_TEST

/* Each connection gets the descriptor of the one that ended before. */
START_TEST(without_descriptors_connections_follow_each_other)
{
    int fds[3];

    if (under_valgrind()) {
        SKIP(LOSES);
        return;
    }
    for (int i = 0; i < 3; i++)
        fds[i] = new_socket();
    lower_limit();
    serve_tcp();
    run_others();
    fill(1);
    connect_client(fds[0]);
    round_trip(fds[0]);
    for (int i = 1; i < 3; i++) {
        connect_client(fds[i]);
        wait_until(server.pauses >= (uint64_t)i);
        ck_assert_uint_eq(server.accepted, (uint64_t)i);
        ck_ok(green_shutdown(fds[i - 1], SHUT_WR));
        round_trip(fds[i]);
    }
    ck_assert_uint_eq(server.accepted, 3);
    ck_ok(green_close(fds[2]));
    stop_server();
}
END_TEST

/* During a pause the OS thread does not spin. */
START_TEST(a_pause_does_not_spin)
{
    int fd = new_socket();
    green_time begin;

    lower_limit();
    serve_tcp();
    run_others();
    fill(0);
    begin = green_now();
    connect_client(fd);
    wait_until(server.pauses >= 4);
    ck_assert_int_ge(green_now() - begin, 100 * GREEN_MSEC);
    stop_server();
}
END_TEST

START_TEST(a_stop_during_a_pause)
{
    int fd = new_socket();

    lower_limit();
    serve_tcp();
    run_others();
    fill(0);
    connect_client(fd);
    wait_until(server.pauses >= 1);
    stop_server();
    ck_assert_uint_eq(server.accepted, 0);
}
END_TEST

/* ---- Bad arguments ----------------------------------------------------- */

START_TEST(bad_arguments)
{
    int fds[2], before;

    listen_for_server("tcp://127.0.0.1:0", false);
    pipe_pair(fds);
    before = count_fds();
    ck_fails(green_serve(listener, NULL, NULL), EINVAL);
    ck_fails(green_serve(-1, echo, NULL), EBADF);
    ck_fails(green_serve(fds[1] + 100, echo, NULL), EBADF);
    ck_fails(green_serve(fds[0], echo, NULL), ENOTSOCK);
    tcp_pair(fds);
    ck_fails(green_serve(fds[0], echo, NULL), EINVAL);
    close(fds[0]);
    close(fds[1]);
    options.threads = 2;
    ck_fails(green_serve(listener, echo, &options), EINVAL);
    ck_assert_int_eq(count_fds(), before);
    ck_fails(green_server_stop(NULL), EINVAL);
}
END_TEST

/* A stack that is too large for any greenthread is an error, not a shortage. */
START_TEST(a_stack_too_large)
{
    int fd;

    options.stack_size = ((size_t)1 << 30) + 1;
    serve_tcp();
    fd = dial_server();
    has_ended(-1, EINVAL);
    sees_the_end(fd);
}
END_TEST

static void use_stack(int fd, void *arg)
{
    volatile char room[600 * 1024];

    for (size_t i = 0; i < sizeof room; i += 1024)
        room[i] = (char)fd;
    echo(fd, arg);
}

START_TEST(a_stack_as_large_as_asked)
{
    handler = use_stack;
    options.stack_size = 1024 * 1024;
    serve_tcp();
    ck_ok(green_close(client()));
    wait_until(ended == 1);
    stop_server();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net serve");
    TCase *handlers = add_tcase(suite, "handlers");
    TCase *limits = add_tcase(suite, "limits");
    TCase *bad = add_tcase(suite, "bad");

    tcase_add_test(handlers, the_handler_runs_and_its_fd_is_closed);
    tcase_add_test(handlers, a_handler_may_shut_its_fd_down);
    tcase_add_test(handlers, many_at_once);
    tcase_add_test(handlers, clients_that_reset);
    tcase_add_test(handlers, a_unix_socket);
    tcase_add_test(handlers, a_listener_that_does_not_block);
    tcase_add_test(limits, at_most_max_connections);
    tcase_add_test(limits, a_stop_while_it_is_full);
    tcase_add_test(limits, without_descriptors_it_pauses_and_continues);
    tcase_add_test(limits, without_descriptors_connections_follow_each_other);
    tcase_add_test(limits, a_pause_does_not_spin);
    tcase_add_test(limits, a_stop_during_a_pause);
    tcase_add_test(bad, bad_arguments);
    tcase_add_test(bad, a_stack_too_large);
    tcase_add_test(bad, a_stack_as_large_as_asked);
    return run_suite(suite);
}
