/* UDP: sockets that are bound or connected by an address as text. */
#include <arpa/inet.h>
#include <stdio.h>

#include "net_support.h"
#include "peer.h"

static char buffer[64];
static union {
    struct sockaddr any;
    struct sockaddr_storage storage;
} from;
static socklen_t from_length;

static int bind_at(const char *address)
{
    int fd = green_listen(address, NULL);

    ck_assert_msg(fd >= 0, "%s: %s", address, green_net_error());
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(flag_of(fd, SOL_SOCKET, SO_TYPE), SOCK_DGRAM);
    ck_assert_int_ge(green_local_address(fd, text, sizeof text), 0);
    return fd;
}

static int dial(const char *address)
{
    int fd = green_dial(address);

    ck_assert_msg(fd >= 0, "%s: %s", address, green_net_error());
    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    return fd;
}

static ssize_t receive_from(int fd)
{
    from_length = sizeof from;
    return green_recvfrom(fd, buffer, sizeof buffer, 0, &from.any,
                          &from_length);
}

/* Receives a datagram, and answers it. */
static void *answer(void *arg)
{
    int fd = *(int *)arg;

    ck_assert_int_eq(receive_from(fd), 4);
    ck_assert_mem_eq(buffer, "ping", 4);
    ck_assert_int_eq(green_sendto(fd, "pong", 4, 0, &from.any, from_length), 4);
    return NULL;
}

static void is_answered(int client)
{
    char reply[8];

    ck_assert_int_eq(green_write(client, "ping", 4), 4);
    ck_assert_int_eq(green_read(client, reply, sizeof reply), 4);
    ck_assert_mem_eq(reply, "pong", 4);
}

static const struct {
    const char *address, *local, *dialled;
    bool ipv6;
} forms[] = {
    {"udp://127.0.0.1:0", "udp://127.0.0.1", "udp://127.0.0.1", false},
    {"udp://localhost:0", NULL, "udp://localhost", false},
    {"udp://*:0", NULL, "udp://127.0.0.1", false},
    {"udp://*:0", "udp://[::]", "udp://[::1]", true},
    {"udp6://[::1]:0", "udp://[::1]", "udp6://[::1]", true},
    {"udp6://*:0", "udp://[::]", "udp6://[::1]", true},
};
#define FORMS ((int)(sizeof forms / sizeof forms[0]))

START_TEST(a_bound_socket_is_reached)
{
    char address[64], peer[64];
    struct green_thread *server;
    const char *port;
    int fd, client;

    if (forms[_i].ipv6 && access("/proc/net/if_inet6", F_OK) < 0) {
        SKIP("this machine has no IPv6");
        return;
    }
    fd = bind_at(forms[_i].address);
    port = strrchr(text, ':');
    if (forms[_i].local)
        ck_assert_int_eq(
            strncmp(text, forms[_i].local, strlen(forms[_i].local)), 0);
    snprintf(address, sizeof address, "%s%s", forms[_i].dialled, port);
    client = dial(address);
    server = green_spawn(answer, &fd);
    is_answered(client);
    ck_ok(green_join(server, NULL));
    ck_assert_int_gt(green_peer_address(client, peer, sizeof peer), 0);
    ck_assert_str_eq(strrchr(peer, ':'), port);
    ck_assert_int_eq(strncmp(peer, "udp://", 6), 0);
}
END_TEST

/* With SO_REUSEADDR the second would take the datagrams of the first. */
START_TEST(a_port_in_use)
{
    struct green_listen_options options = {.reuse_port = true};
    int fd = bind_at("udp://127.0.0.1:0"), other;
    int fds = count_fds();

    ck_fails(green_listen(text, NULL), EADDRINUSE);
    ck_fails(green_listen(text, &options), EADDRINUSE);
    ck_assert_int_eq(count_fds(), fds);
    ck_ok(green_close(fd));
    fd = green_listen(text, &options);
    ck_assert_int_ge(fd, 0);
    other = green_listen(text, &options);
    ck_assert_int_ge(other, 0);
}
END_TEST

static void handle(int fd, void *arg)
{
    (void)fd;
    (void)arg;
}

START_TEST(invalid_uses)
{
    struct green_keepalive keepalive = {.idle = GREEN_SEC};
    struct green_listen_options fast = {.fast_open = 5},
                                kept = {.keepalive = &keepalive};
    struct green_dial_options from_tcp = {.local = "tcp://127.0.0.1:0"};
    struct green_dial_options from_udp = {.local = "udp://127.0.0.1:0"};
    int fd = bind_at("udp://127.0.0.1:0");

    ck_fails(green_serve(fd, handle, NULL), EINVAL);
    ck_fails(green_accept(fd, NULL, NULL), EOPNOTSUPP);
    ck_fails(green_listen("udp://127.0.0.1:0", &fast), EINVAL);
    ck_assert_str_eq(green_net_error(),
                     "udp://127.0.0.1:0: fast open and keepalive are TCP's");
    ck_fails(green_listen("unix://@greenhub-x", &kept), EINVAL);
    ck_fails(green_dial("udp://*:5"), EINVAL);
    ck_fails(green_dial("udp://127.0.0.1:0"), EINVAL);
    ck_fails(green_dial_with(text, &from_tcp), EINVAL);
    fd = green_dial_with(text, &from_udp);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(green_local_address(fd, buffer, sizeof buffer), 0);
    ck_assert_int_eq(strncmp(buffer, "udp://127.0.0.1:", 16), 0);
}
END_TEST

/* ---- Failures ---------------------------------------------------------- */

/* The kernel learns by ICMP that nobody has the port. */
START_TEST(nobody_has_the_port)
{
    int fd = bind_at("udp://127.0.0.1:0"), client;

    ck_ok(green_close(fd));
    client = dial(text);
    ck_assert_int_eq(green_write(client, "x", 1), 1);
    ck_fails(green_read(client, buffer, 1), ECONNREFUSED);
    ck_assert_int_eq(green_write(client, "x", 1), 1);
    ck_fails(green_write(client, "x", 1), ECONNREFUSED);
    /* The error is told once, and the socket goes on. */
    fd = green_listen(text, NULL);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(green_write(client, "x", 1), 1);
    ck_assert_int_eq(receive_from(fd), 1);
}
END_TEST

static void *reads_a_refusal(void *arg)
{
    ck_fails(green_read(*(int *)arg, buffer, 1), ECONNREFUSED);
    return NULL;
}

START_TEST(a_refusal_ends_a_wait)
{
    int fd = bind_at("udp://127.0.0.1:0"), client;
    struct green_thread *reader;

    client = dial(text);
    reader = green_spawn(reads_a_refusal, &client);
    green_yield();
    ck_ok(green_close(fd));
    ck_assert_int_eq(green_write(client, "x", 1), 1);
    ck_ok(green_join(reader, NULL));
}
END_TEST

/* An unconnected socket never hears of it. */
START_TEST(a_bound_socket_is_not_told_of_refusals)
{
    struct sockaddr_in nobody = {.sin_family = AF_INET,
                                 .sin_port = htons((in_port_t)unused_port()),
                                 .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int fd = bind_at("udp://127.0.0.1:0");

    for (int i = 0; i < 3; i++)
        ck_assert_int_eq(green_sendto(fd, "x", 1, 0, (struct sockaddr *)&nobody,
                                      sizeof nobody),
                         1);
    ck_fails(green_recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN);
}
END_TEST

START_TEST(sizes_of_datagrams)
{
    static char large[65536], room[65536];
    int fd = bind_at("udp://127.0.0.1:0"), client = dial(text);

    ck_fails(green_write(client, large, sizeof large), EMSGSIZE);
    ck_fails(green_write(client, large, 65508), EMSGSIZE);
    ck_assert_int_eq(green_write(client, large, 65507), 65507);
    ck_assert_int_eq(green_read(fd, room, sizeof room), 65507);
    ck_assert_int_eq(green_write(client, "", 0), 0); /* an empty datagram */
    ck_assert_int_eq(receive_from(fd), 0);
    ck_assert_int_eq(green_write(client, "abcdef", 6), 6);
    ck_assert_int_eq(green_read(fd, room, 3), 3); /* the rest is cut off */
    ck_fails(green_recv(fd, room, 3, MSG_DONTWAIT), EAGAIN);
    ck_assert_int_eq(green_write(client, "abcdef", 6), 6);
    ck_assert_int_eq(green_recv(fd, room, 3, MSG_TRUNC), 6);
}
END_TEST

static void *reads_until_killed(void *arg)
{
    ck_fails(green_read(*(int *)arg, buffer, 1), ECANCELED);
    return NULL;
}

START_TEST(a_read_is_killed_or_timed_out)
{
    int fd = bind_at("udp://127.0.0.1:0");
    struct green_thread *reader = green_spawn(reads_until_killed, &fd);
    struct green_timeout timeout;

    green_yield();
    ck_ok(green_kill(reader));
    ck_ok(green_join(reader, NULL));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(receive_from(fd), ETIMEDOUT);
    green_timeout_cancel(&timeout);
}
END_TEST

/* ---- Real peers -------------------------------------------------------- */

START_TEST(python_asks)
{
    static const char script[] =
        PYTHON_BEGIN "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                     "s.connect(('127.0.0.1', int(sys.argv[1])))\n"
                     "s.send(b'ping')\n"
                     "assert s.recv(100) == b'pong'\n";
    int fd = bind_at("udp://127.0.0.1:0");
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    pid = start_python(script, strrchr(text, ':') + 1, -1);
    answer(&fd);
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

START_TEST(python_answers)
{
    static const char script[] = PYTHON_BEGIN "s = inherited()\n"
                                              "data, peer = s.recvfrom(100)\n"
                                              "assert data == b'ping'\n"
                                              "s.sendto(b'pong', peer)\n";
    int fd = bind_at("udp://127.0.0.1:0");
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    pid = start_python(script, NULL, fd);
    is_answered(dial(text));
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

/* A program with pipes for its input and output; [0] is read, [1] written. */
static pid_t start_program(char *const argv[], int ends[2])
{
    int in[2], out[2];
    pid_t pid;

    pipe_pair(in);
    pipe_pair(out);
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0) {
        dup2(in[0], 0);
        dup2(out[1], 1);
        execv(argv[0], argv);
        _exit(127);
    }
    ck_ok(close(in[0]));
    ck_ok(close(out[1]));
    ends[0] = out[0];
    ends[1] = in[1];
    return pid;
}

static char peer_address[64];
static char *const socat[] = {"/usr/bin/socat", "-t", "5", "-",
                              peer_address,     NULL};
static char *const nc[] = {"/usr/bin/nc", "-u",         "-w", "1",
                           "127.0.0.1",   peer_address, NULL};

START_TEST(a_program_asks)
{
    char *const *argv = _i == 0 ? socat : nc;
    int fd = bind_at("udp://127.0.0.1:0"), ends[2];
    pid_t pid;

    if (access(argv[0], X_OK) < 0 || is_emulated()) {
        SKIP("needs socat and nc");
        return;
    }
    snprintf(peer_address, sizeof peer_address, "%s%s",
             _i == 0 ? "UDP:127.0.0.1" : "",
             strrchr(text, ':') + (_i == 0 ? 0 : 1));
    pid = start_program(argv, ends);
    ck_assert_int_eq(green_write(ends[1], "ping", 4), 4);
    answer(&fd);
    ck_assert_int_eq(green_read(ends[0], buffer, sizeof buffer), 4);
    ck_assert_mem_eq(buffer, "pong", 4);
    ck_ok(green_close(ends[1]));
    kill(pid, SIGTERM);
    wait_child(pid);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net udp");
    TCase *reached = add_tcase(suite, "reached");
    TCase *failures = add_tcase(suite, "failures");
    TCase *peers = add_tcase(suite, "peers");

    tcase_add_loop_test(reached, a_bound_socket_is_reached, 0, FORMS);
    tcase_add_test(reached, a_port_in_use);
    tcase_add_test(reached, invalid_uses);
    tcase_add_test(failures, nobody_has_the_port);
    tcase_add_test(failures, a_refusal_ends_a_wait);
    tcase_add_test(failures, a_bound_socket_is_not_told_of_refusals);
    tcase_add_test(failures, sizes_of_datagrams);
    tcase_add_test(failures, a_read_is_killed_or_timed_out);
    tcase_add_test(peers, python_asks);
    tcase_add_test(peers, python_answers);
    tcase_add_loop_test(peers, a_program_asks, 0, 2);
    return run_suite(suite);
}
