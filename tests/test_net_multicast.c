/* Multicast groups of UDP, on the loopback interface. */
#include <arpa/inet.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>

#include "net_support.h"
#include "peer.h"

static char buffer[16];

/* Sends to a group by the loopback interface. */
static void send_to(const char *group)
{
    struct ip_mreqn by = {.imr_ifindex = (int)if_nametoindex("lo")};
    struct sockaddr_in to = {
        .sin_family = AF_INET,
        .sin_port = htons((in_port_t)atoi(strrchr(text, ':') + 1))};
    int sender = green_socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    ck_assert_int_eq(inet_pton(AF_INET, group, &to.sin_addr), 1);
    ck_ok(
        green_setsockopt(sender, IPPROTO_IP, IP_MULTICAST_IF, &by, sizeof by));
    ck_assert_int_eq(
        green_sendto(sender, "x", 1, 0, (struct sockaddr *)&to, sizeof to), 1);
    ck_ok(green_close(sender));
}

static int bind_at(const char *address)
{
    struct green_listen_options options = {.reuse_port = true};
    int fd = green_listen(address, &options);

    ck_assert_msg(fd >= 0, "%s", green_net_error());
    ck_assert_int_ge(green_local_address(fd, text, sizeof text), 0);
    return fd;
}

static void gets_nothing(int fd)
{
    ck_fails(green_recv(fd, buffer, 1, MSG_DONTWAIT), EAGAIN);
}

/* An IPv4 group on an IPv4 socket, and on one that has both. */
static const char *const addresses[] = {"udp://0.0.0.0:0", "udp://*:0"};

START_TEST(a_group_is_joined_and_left)
{
    int fd = bind_at(addresses[_i]);

    send_to("239.7.7.7");
    gets_nothing(fd);
    ck_ok(green_multicast_join(fd, "239.7.7.7", "lo"));
    send_to("239.7.7.7");
    ck_assert_int_eq(green_read(fd, buffer, sizeof buffer), 1);
    ck_fails(green_multicast_join(fd, "239.7.7.7", "lo"), EADDRINUSE);
    ck_ok(green_multicast_leave(fd, "239.7.7.7", "lo"));
    send_to("239.7.7.7");
    gets_nothing(fd);
    ck_fails(green_multicast_leave(fd, "239.7.7.7", "lo"), EADDRNOTAVAIL);
}
END_TEST

/* By Linux's default, a socket gets what any other has joined. */
START_TEST(only_its_own_groups)
{
    int first = bind_at("udp://0.0.0.0:0"), second = bind_at(text);

    if (lacks_linux()) {
        SKIP("POSIX has no option for that");
        return;
    }
    ck_ok(green_multicast_join(first, "239.7.7.7", "lo"));
    ck_ok(green_multicast_join(second, "239.7.7.8", "lo"));
    send_to("239.7.7.7");
    ck_assert_int_eq(green_read(first, buffer, sizeof buffer), 1);
    gets_nothing(second);
    ck_ok(green_multicast_join(second, "239.7.7.7", "lo"));
    send_to("239.7.7.7");
    ck_assert_int_eq(green_read(first, buffer, sizeof buffer), 1);
    ck_assert_int_eq(green_read(second, buffer, sizeof buffer), 1);
}
END_TEST

START_TEST(a_group_of_ipv6)
{
    int fd, v4;

    if (access("/proc/net/if_inet6", F_OK) < 0) {
        SKIP("this machine has no IPv6");
        return;
    }
    fd = bind_at("udp6://*:0");
    v4 = bind_at("udp://127.0.0.1:0");
    ck_ok(green_multicast_join(fd, "ff01::77", "lo"));
    ck_fails(green_multicast_join(fd, "ff01::77%lo", NULL), EADDRINUSE);
    ck_ok(green_multicast_leave(fd, "ff01::77", "lo"));
    ck_ok(green_multicast_join(fd, "ff02::77%lo", NULL));
    ck_ok(green_multicast_leave(fd, "ff02::77", "lo"));
    ck_fails(green_multicast_join(v4, "ff01::77", "lo"), ENOPROTOOPT);
}
END_TEST

START_TEST(python_sends)
{
    static const char script[] =
        PYTHON_BEGIN "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                     "s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,\n"
                     "             socket.inet_aton('127.0.0.1'))\n"
                     "s.sendto(b'python', ('239.7.7.9', int(sys.argv[1])))\n";
    int fd = bind_at("udp://0.0.0.0:0");
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    ck_ok(green_multicast_join(fd, "239.7.7.9", "lo"));
    pid = start_python(script, strrchr(text, ':') + 1, -1);
    ck_assert_int_eq(green_read(fd, buffer, sizeof buffer), 6);
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

START_TEST(invalid_groups)
{
    int fd = bind_at("udp://0.0.0.0:0");

    ck_fails(green_multicast_join(fd, NULL, "lo"), EINVAL);
    ck_fails(green_multicast_join(fd, "", "lo"), EINVAL);
    ck_fails(green_multicast_join(fd, "127.0.0.1", "lo"), EINVAL);
    ck_fails(green_multicast_join(fd, "::1", "lo"), EINVAL);
    ck_fails(green_multicast_join(fd, "localhost", "lo"), EINVAL);
    ck_fails(green_multicast_join(fd, "udp://239.7.7.7:5", "lo"), EINVAL);
    ck_fails(green_multicast_join(fd, "239.7.7.7", "no-such-one"), ENODEV);
    ck_fails(green_multicast_join(-1, "239.7.7.7", "lo"), EBADF);
    ck_fails(green_multicast_leave(fd, NULL, "lo"), EINVAL);
    ck_fails(green_multicast_leave(fd, "239.7.7.7", "no-such-one"), ENODEV);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net multicast");
    TCase *groups = add_tcase(suite, "groups");

    tcase_add_loop_test(groups, a_group_is_joined_and_left, 0, 2);
    tcase_add_test(groups, only_its_own_groups);
    tcase_add_test(groups, a_group_of_ipv6);
    tcase_add_test(groups, python_sends);
    tcase_add_test(groups, invalid_groups);
    return run_suite(suite);
}
