/* Options of TCP: keepalive and fast open. */
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "net_support.h"
#include "peer.h"

static bool is_kept(int fd, int idle, int interval, int probes)
{
    return flag_of(fd, SOL_SOCKET, SO_KEEPALIVE) == 1 &&
           flag_of(fd, IPPROTO_TCP, TCP_KEEPIDLE) == idle &&
           flag_of(fd, IPPROTO_TCP, TCP_KEEPINTVL) == interval &&
           flag_of(fd, IPPROTO_TCP, TCP_KEEPCNT) == probes;
}

START_TEST(keepalive_of_a_socket)
{
    struct green_keepalive keepalive = {
        .idle = 9 * GREEN_SEC + 1, .interval = GREEN_MSEC, .probes = 3};
    int fds[2], idle;

    tcp_pair(fds);
    idle = flag_of(fds[0], IPPROTO_TCP, TCP_KEEPIDLE);
    ck_assert_int_eq(flag_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
    ck_ok(green_set_keepalive(fds[1], &keepalive));
    ck_assert(is_kept(fds[1], 10, 1, 3)); /* rounded up */
    ck_ok(green_set_keepalive(fds[1], NULL));
    ck_assert_int_eq(flag_of(fds[1], SOL_SOCKET, SO_KEEPALIVE), 0);
    keepalive = (struct green_keepalive){.probes = 0};
    ck_ok(green_set_keepalive(fds[0], &keepalive));
    ck_assert_int_eq(flag_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 1);
    ck_assert_int_eq(flag_of(fds[0], IPPROTO_TCP, TCP_KEEPIDLE), idle);
}
END_TEST

START_TEST(keepalive_of_accepted_connections)
{
    struct green_keepalive keepalive = {
        .idle = 60 * GREEN_SEC, .interval = 5 * GREEN_SEC, .probes = 4};
    struct green_listen_options options = {.keepalive = &keepalive};
    int listener = green_listen("tcp://127.0.0.1:0", &options), client, fd;

    ck_assert_int_ge(listener, 0);
    ck_assert_int_ge(green_local_address(listener, text, sizeof text), 0);
    client = green_dial(text);
    ck_assert_int_ge(client, 0);
    fd = green_accept(listener, NULL, NULL);
    ck_assert(is_kept(fd, 60, 5, 4));
    ck_assert_int_eq(flag_of(client, SOL_SOCKET, SO_KEEPALIVE), 0);
}
END_TEST

static const struct green_keepalive invalid[] = {
    {.idle = -1},
    {.interval = -1},
    {.idle = 32767 * GREEN_SEC + 1},
    {.interval = 32767 * GREEN_SEC + 1},
    {.probes = 128},
    {.reserved = {0, 1}},
};
#define INVALID ((int)(sizeof invalid / sizeof invalid[0]))

START_TEST(invalid_keepalive)
{
    struct green_listen_options options = {.keepalive = &invalid[_i]};
    int fds[2], count = (green_get_hub(), count_fds());

    ck_fails(green_listen("tcp://127.0.0.1:0", &options), EINVAL);
    ck_assert_int_eq(count_fds(), count);
    tcp_pair(fds);
    ck_fails(green_set_keepalive(fds[0], &invalid[_i]), EINVAL);
    ck_assert_int_eq(flag_of(fds[0], SOL_SOCKET, SO_KEEPALIVE), 0);
}
END_TEST

START_TEST(keepalive_of_what_is_not_tcp)
{
    struct green_keepalive keepalive = {.idle = GREEN_SEC};
    int fds[2], udp = green_listen("udp://127.0.0.1:0", NULL);

    unix_pair(fds);
    ck_fails(green_set_keepalive(fds[0], &keepalive), EOPNOTSUPP);
    ck_fails(green_set_keepalive(udp, &keepalive), ENOPROTOOPT);
    pipe_pair(fds);
    ck_fails(green_set_keepalive(fds[0], &keepalive), ENOTSOCK);
    ck_fails(green_set_keepalive(-1, &keepalive), EBADF);
}
END_TEST

/* ---- Fast open --------------------------------------------------------- */

/* A network of its own, in which servers may be opened fast. */
static bool make_network(void)
{
    struct ifreq loopback = {.ifr_name = "lo", .ifr_flags = IFF_UP};
    FILE *file;
    int fd;
    bool done;

    if (unshare(CLONE_NEWNET) < 0)
        return false;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    done = ioctl(fd, SIOCSIFFLAGS, &loopback) == 0;
    close(fd);
    file = fopen("/proc/sys/net/ipv4/tcp_fastopen", "we");
    if (!file)
        return false;
    fputs("3\n", file);
    return fclose(file) == 0 && done;
}

/* Connects twice: the first time the client gets a cookie. */
static const char opens_fast[] =
    PYTHON_BEGIN "for i in range(2):\n"
                 "    s = socket.socket()\n"
                 "    s.sendto(b'early', socket.MSG_FASTOPEN,\n"
                 "             ('127.0.0.1', int(sys.argv[1])))\n"
                 "    assert s.recv(5) == b''\n"
                 "    s.close()\n";

START_TEST(data_in_the_first_segment)
{
    struct green_listen_options options = {.fast_open = 16};
    struct tcp_info info = {.tcpi_options = 0};
    socklen_t length = sizeof info;
    int listener, fd = -1;
    char buffer[8];
    pid_t pid;

    if (!has_python() || !make_network()) {
        SKIP("needs " PYTHON " and the right to make a network namespace");
        return;
    }
    listener = green_listen("tcp://127.0.0.1:0", &options);
    ck_assert_int_ge(listener, 0);
    ck_assert_int_eq(flag_of(listener, IPPROTO_TCP, TCP_FASTOPEN), 16);
    ck_assert_int_ge(green_local_address(listener, text, sizeof text), 0);
    pid = start_python(opens_fast, strrchr(text, ':') + 1, -1);
    for (int i = 0; i < 2; i++) {
        fd = green_accept(listener, NULL, NULL);
        ck_assert_int_eq(green_read(fd, buffer, sizeof buffer), 5);
        ck_ok(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
        ck_assert_int_eq(info.tcpi_options & TCPI_OPT_SYN_DATA,
                         i == 0 ? 0 : TCPI_OPT_SYN_DATA);
        ck_ok(green_close(fd));
    }
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

START_TEST(too_long_a_queue)
{
    struct green_listen_options options = {.fast_open = 0x80000000u};

    ck_fails(green_listen("tcp://127.0.0.1:0", &options), EINVAL);
    ck_assert_str_eq(green_net_error(),
                     "tcp://127.0.0.1:0: the number of fast open requests is "
                     "too large");
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net options");
    TCase *keepalive = add_tcase(suite, "keepalive");
    TCase *fast = add_tcase(suite, "fast open");

    tcase_add_test(keepalive, keepalive_of_a_socket);
    tcase_add_test(keepalive, keepalive_of_accepted_connections);
    tcase_add_loop_test(keepalive, invalid_keepalive, 0, INVALID);
    tcase_add_test(keepalive, keepalive_of_what_is_not_tcp);
    tcase_add_test(fast, data_in_the_first_segment);
    tcase_add_test(fast, too_long_a_queue);
    return run_suite(suite);
}
