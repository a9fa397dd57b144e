/* Listening, dialling, and addresses of sockets: TCP, and invalid addresses. */
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net_support.h"

#define COUNT(table) ((int)(sizeof(table) / sizeof(table)[0]))

static bool has_ipv6(void)
{
    struct sockaddr_in6 address = {.sin6_family = AF_INET6,
                                   .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    bool has;

    if (fd < 0)
        return false;
    has = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
    close(fd);
    return has;
}

/* The port at the end of `text`, which the kernel has chosen. */
static int chosen_port(void)
{
    const char *colon = strrchr(text, ':');
    int port = colon ? atoi(colon + 1) : 0;

    ck_assert_msg(port > 0, "no port in %s", text);
    return port;
}

static const char *at_port(const char *host, int port)
{
    static char address[128];

    snprintf(address, sizeof address, "%s:%d", host, port);
    return address;
}

/* ---- TCP -------------------------------------------------------------- */

static const struct {
    const char *address, *local, *dialled;
    bool ipv6;
} tcp_forms[] = {
    {"tcp://127.0.0.1:0", "tcp://127.0.0.1", "tcp://127.0.0.1", false},
    {"tcp://[127.0.0.1]:0", "tcp://127.0.0.1", "tcp://127.0.0.1", false},
    {"tcp://localhost:0", NULL, "tcp://localhost", false},
    {"tcp://*:0", NULL, "tcp://127.0.0.1", false},
    {"tcp://*:0", "tcp://[::]", "tcp://[::1]", true},
    {"tcp://[::1]:0", "tcp://[::1]", "tcp://[::1]", true},
    {"tcp6://[::1]:0", "tcp://[::1]", "tcp6://[::1]", true},
    {"tcp6://*:0", "tcp://[::]", "tcp6://[::1]", true},
};

START_TEST(a_tcp_listener_is_reached)
{
    int listener, port;

    if (tcp_forms[_i].ipv6 && !has_ipv6()) {
        SKIP("this machine has no IPv6");
        return;
    }
    listener = listen_at(tcp_forms[_i].address);
    port = chosen_port();
    if (tcp_forms[_i].local)
        ck_assert_str_eq(text, at_port(tcp_forms[_i].local, port));
    is_reached_at(listener, at_port(tcp_forms[_i].dialled, port));
    ck_ok(green_close(listener));
}
END_TEST

START_TEST(its_local_address_reaches_it)
{
    int listener = listen_at("tcp://127.0.0.1:0");

    is_reached_at(listener, text);
}
END_TEST

START_TEST(a_port_that_was_asked_for)
{
    int port = unused_port();
    int listener = listen_at(at_port("tcp://127.0.0.1", port));

    ck_assert_int_eq(chosen_port(), port);
    is_reached_at(listener, text);
}
END_TEST

/* tcp6 listens on IPv6 alone, so IPv4 can use the same port; another process
 * may have taken it already, for a port or two. */
START_TEST(tcp6_leaves_ipv4_alone)
{
    int listener = -1;

    if (!has_ipv6()) {
        SKIP("this machine has no IPv6");
        return;
    }
    for (int i = 0; i < 10 && listener < 0; i++) {
        listen_at("tcp6://*:0");
        listener =
            green_listen(at_port("tcp://127.0.0.1", chosen_port()), NULL);
    }
    ck_assert_msg(listener >= 0, "%s", strerror(errno));
    is_reached_at(listener, at_port("tcp://127.0.0.1", chosen_port()));
}
END_TEST

START_TEST(a_port_in_use)
{
    int fds;

    listen_at("tcp://127.0.0.1:0");
    fds = count_fds();
    ck_fails(green_listen(text, NULL), EADDRINUSE);
    ck_fails(green_listen(at_port("tcp://*", chosen_port()), NULL), EADDRINUSE);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* 198.51.100.0/24 is for documentation: no machine has it. */
START_TEST(an_address_of_another_machine)
{
    int fds = (green_get_hub(), count_fds());

    ck_fails(green_listen("tcp://198.51.100.1:0", NULL), EADDRNOTAVAIL);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(without_a_listener)
{
    char address[128];
    int fds = (green_get_hub(), count_fds());

    snprintf(address, sizeof address, "tcp://127.0.0.1:%d", unused_port());
    ck_fails(green_dial(address), ECONNREFUSED);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Options ----------------------------------------------------------- */

START_TEST(listeners_share_a_port)
{
    struct green_listen_options options = {.reuse_port = true};
    int first = green_listen("tcp://127.0.0.1:0", &options);

    ck_assert_int_ge(first, 0);
    ck_assert_int_eq(flag_of(first, SOL_SOCKET, SO_REUSEPORT), 1);
    green_local_address(first, text, sizeof text);
    ck_assert_int_ge(green_listen(text, &options), 0);
    ck_fails(green_listen(text, NULL), EADDRINUSE);
}
END_TEST

START_TEST(addresses_are_reused_by_default)
{
    struct green_listen_options options = {.no_reuse_address = true};
    int fd = listen_at("tcp://127.0.0.1:0");

    ck_assert_int_eq(flag_of(fd, SOL_SOCKET, SO_REUSEADDR), 1);
    ck_assert_int_eq(flag_of(fd, SOL_SOCKET, SO_REUSEPORT), 0);
    fd = green_listen("tcp://127.0.0.1:0", &options);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(flag_of(fd, SOL_SOCKET, SO_REUSEADDR), 0);
}
END_TEST

/* For a listener the kernel reports here the limit of its backlog. */
static int backlog_of(int fd)
{
    struct tcp_info info;
    socklen_t length = sizeof info;

    ck_ok(getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &length));
    return (int)info.tcpi_sacked;
}

START_TEST(a_backlog)
{
    struct green_listen_options options = {.backlog = 7};
    FILE *file = fopen("/proc/sys/net/core/somaxconn", "re");
    int most = 0;

    if (is_emulated()) {
        SKIP("qemu-user does not support TCP_INFO");
        return;
    }
    ck_assert_ptr_nonnull(file);
    ck_assert_int_eq(fscanf(file, "%d", &most), 1);
    fclose(file);
    ck_assert_int_eq(backlog_of(green_listen("tcp://127.0.0.1:0", &options)),
                     7);
    ck_assert_int_eq(backlog_of(green_listen("tcp://127.0.0.1:0", NULL)),
                     most < 4096 ? most : 4096);
    options.backlog = -1;
    ck_fails(green_listen("tcp://127.0.0.1:0", &options), EINVAL);
    options.backlog = INT_MIN;
    ck_fails(green_listen("unix://@greenhub-test-backlog", &options), EINVAL);
}
END_TEST

/* ---- Invalid addresses --------------------------------------------------- */

static const char *const nonsense[] = {
    NULL,
    "",
    "tcp",
    "127.0.0.1:80",
    "sctp://127.0.0.1:80",
    "tcp://",
    "tcp://h",
    "tcp://127.0.0.1:",
    "tcp://127.0.0.1:65536",
    "tcp://127.0.0.1:http",
    "tcp://:80",
    "tcp://::1:80",
    "tcp://[::1]",
    "unix://",
    "unix://@",
};

START_TEST(invalid_addresses_fail)
{
    int fds = (green_get_hub(), count_fds());

    ck_fails(green_listen(nonsense[_i], NULL), EINVAL);
    ck_fails(green_dial(nonsense[_i]), EINVAL);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

static const char *const no_destination[] = {
    "tcp://*:80",        "tcp6://*:80",       "tcp://*:0",
    "tcp://127.0.0.1:0", "tcp://localhost:0",
};

START_TEST(addresses_to_listen_on_alone)
{
    ck_fails(green_dial(no_destination[_i]), EINVAL);
}
END_TEST

/* ---- Addresses of sockets ------------------------------------------------ */

START_TEST(an_address_that_just_fits)
{
    int fd = listen_at("tcp://127.0.0.1:0"), length = (int)strlen(text);
    char *exact = malloc((size_t)length + 1);

    ck_assert_int_eq(green_local_address(fd, exact, (size_t)length + 1),
                     length);
    ck_assert_str_eq(exact, text);
    ck_fails(green_local_address(fd, exact, (size_t)length), ENOSPC);
    ck_fails(green_local_address(fd, exact, 0), ENOSPC);
    free(exact);
}
END_TEST

START_TEST(sockets_without_an_address)
{
    int tcp = listen_at("tcp://127.0.0.1:0"), fds[2], other;

    ck_fails(green_local_address(tcp, NULL, 10), EINVAL);
    ck_fails(green_peer_address(tcp, NULL, 10), EINVAL);
    ck_fails(green_peer_address(tcp, text, sizeof text), ENOTCONN);
    ck_fails(green_local_address(-1, text, sizeof text), EBADF);
    ck_fails(green_peer_address(-1, text, sizeof text), EBADF);
    pipe_pair(fds);
    ck_fails(green_local_address(fds[0], text, sizeof text), ENOTSOCK);
    ck_fails(green_peer_address(fds[0], text, sizeof text), ENOTSOCK);
    other = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    ck_assert_int_ge(other, 0);
    ck_fails(green_local_address(other, text, sizeof text), EAFNOSUPPORT);
    unix_pair(fds);
    ck_assert_int_eq(green_local_address(fds[0], text, sizeof text), 7);
    ck_assert_str_eq(text, "unix://");
    ck_assert_int_eq(green_peer_address(fds[0], text, sizeof text), 7);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net address");
    TCase *tcp = add_tcase(suite, "tcp");
    TCase *other = add_tcase(suite, "other");

    tcase_add_loop_test(tcp, a_tcp_listener_is_reached, 0, COUNT(tcp_forms));
    tcase_add_test(tcp, its_local_address_reaches_it);
    tcase_add_test(tcp, a_port_that_was_asked_for);
    tcase_add_test(tcp, tcp6_leaves_ipv4_alone);
    tcase_add_test(tcp, a_port_in_use);
    tcase_add_test(tcp, an_address_of_another_machine);
    tcase_add_test(tcp, without_a_listener);
    tcase_add_test(tcp, listeners_share_a_port);
    tcase_add_test(tcp, addresses_are_reused_by_default);
    tcase_add_test(tcp, a_backlog);
    tcase_add_loop_test(other, invalid_addresses_fail, 0, COUNT(nonsense));
    tcase_add_loop_test(other, addresses_to_listen_on_alone, 0,
                        COUNT(no_destination));
    tcase_add_test(other, an_address_that_just_fits);
    tcase_add_test(other, sockets_without_an_address);
    return run_suite(suite);
}
