/* UDP datagrams that the kernel cuts and joins. */
#include <netinet/udp.h>
#include <stdlib.h>

#include "net_support.h"
#include "peer.h"

#define ALL 200000

static char sent[ALL], got[65536];
static int fd, client;
static size_t segment;

static void make_pair_of_sockets(void)
{
    int size = 1 << 20;

    fd = green_listen("udp://127.0.0.1:0", NULL);
    ck_ok(green_setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size));
    ck_assert_int_ge(green_local_address(fd, text, sizeof text), 0);
    client = green_dial(text);
    ck_assert_int_ge(client, 0);
    for (int i = 0; i < ALL; i++)
        sent[i] = (char)(i * 7 + i / 251);
}

static ssize_t receive(void)
{
    return green_recv_segments(fd, got, sizeof got, &segment, NULL, NULL);
}

/* Each datagram arrives by itself. */
static void are_received(size_t size, size_t each)
{
    for (size_t at = 0; at < size; at += each) {
        size_t left = size - at, n = left < each ? left : each;

        ck_assert_int_eq(green_recv(fd, got, sizeof got, MSG_DONTWAIT),
                         (ssize_t)n);
        ck_assert_mem_eq(got, sent + at, n);
    }
    ck_fails(green_recv(fd, got, 1, MSG_DONTWAIT), EAGAIN);
}

static const struct {
    size_t size, segment;
} cuts[] = {
    {1000, 100}, {1001, 100},    {99, 100},       {100, 100},
    {0, 100},    {70, 1},        {65507, 1200},   {100000, 1200},
    {1, 65507},  {65507, 65507}, {120000, 60000},
};
#define CUTS ((int)(sizeof cuts / sizeof cuts[0]))

START_TEST(a_buffer_is_cut)
{
    make_pair_of_sockets();
    ck_assert_int_eq(
        green_send_segments(client, sent, cuts[_i].size, cuts[_i].segment),
        (ssize_t)cuts[_i].size);
    if (cuts[_i].size == 0)
        ck_assert_int_eq(green_recv(fd, got, sizeof got, MSG_DONTWAIT), 0);
    are_received(cuts[_i].size, cuts[_i].segment);
}
END_TEST

/* The kernel cuts no datagrams without checksums. */
START_TEST(a_kernel_that_refuses)
{
    int one = 1;

    make_pair_of_sockets();
    ck_ok(green_setsockopt(client, SOL_SOCKET, SO_NO_CHECK, &one, sizeof one));
    ck_assert_int_eq(green_send_segments(client, sent, 100000, 1200), 100000);
    are_received(100000, 1200);
}
END_TEST

START_TEST(joined_datagrams)
{
    struct sockaddr_in from, own;
    socklen_t length = sizeof from, size = sizeof own;
    ssize_t all = 0, n;

    make_pair_of_sockets();
    if (green_join_segments(fd, true) < 0) {
        ck_assert_int_eq(errno, ENOPROTOOPT);
        SKIP("this kernel has no UDP_GRO");
        return;
    }
    ck_assert_int_eq(green_send_segments(client, sent, 50000, 1000), 50000);
    for (; all < 50000; all += n) {
        n = green_recv_segments(fd, got, sizeof got, &segment,
                                (struct sockaddr *)&from, &length);
        ck_assert_int_ge(n, 1000);
        ck_assert_uint_eq(segment, 1000);
        ck_assert_mem_eq(got, sent + all, (size_t)n);
    }
    ck_assert_int_eq(all, 50000);
    ck_assert_uint_eq(length, sizeof from);
    ck_ok(getsockname(client, (struct sockaddr *)&own, &size));
    ck_assert_int_eq(from.sin_port, own.sin_port);
    ck_assert_int_eq(green_write(client, "abc", 3), 3); /* one by itself */
    ck_assert_int_eq(receive(), 3);
    ck_assert_uint_eq(segment, 3);
    ck_ok(green_join_segments(fd, false));
    ck_assert_int_eq(green_send_segments(client, sent, 3000, 1000), 3000);
    are_received(3000, 1000);
}
END_TEST

START_TEST(a_small_buffer)
{
    make_pair_of_sockets();
    ck_assert_int_eq(green_write(client, "abc", 3), 3);
    ck_fails(green_recv_segments(fd, got, 2, &segment, NULL, NULL), EMSGSIZE);
    ck_assert_int_eq(green_write(client, "", 0), 0);
    ck_assert_int_eq(receive(), 0);
    ck_assert_uint_eq(segment, 0);
}
END_TEST

START_TEST(errors)
{
    struct sockaddr_in from;
    int ends[2];

    make_pair_of_sockets();
    unix_pair(ends);
    ck_fails(green_send_segments(client, NULL, 1, 1), EINVAL);
    ck_fails(green_send_segments(client, sent, 1, 0), EINVAL);
    ck_fails(green_send_segments(client, sent, 70000, 65508), EMSGSIZE);
    ck_fails(green_send_segments(-1, sent, 10, 1), EBADF);
    ck_fails(green_join_segments(-1, true), EBADF);
    ck_fails(green_join_segments(ends[0], true), EOPNOTSUPP);
    ck_fails(green_recv_segments(fd, NULL, 1, &segment, NULL, NULL), EINVAL);
    ck_fails(green_recv_segments(fd, got, 1, NULL, NULL, NULL), EINVAL);
    ck_fails(green_recv_segments(fd, got, 1, &segment, (struct sockaddr *)&from,
                                 NULL),
             EINVAL);
    ck_ok(green_close(fd));
    ck_assert_int_eq(green_send_segments(client, sent, 10, 10), 10);
    ck_fails(green_send_segments(client, sent, 10, 1), ECONNREFUSED);
}
END_TEST

static void *receives_until_killed(void *arg)
{
    ck_fails(receive(), ECANCELED);
    return arg;
}

START_TEST(a_receiver_is_killed)
{
    struct green_thread *thread;

    make_pair_of_sockets();
    thread = green_spawn(receives_until_killed, NULL);
    green_yield();
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(python_receives)
{
    static const char script[] =
        PYTHON_BEGIN "s = inherited()\n"
                     "sizes = [len(s.recv(65536)) for i in range(51)]\n"
                     "assert sizes == 50 * [1000] + [5], sizes\n";
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    make_pair_of_sockets();
    pid = start_python(script, NULL, fd);
    ck_assert_int_eq(green_send_segments(client, sent, 50005, 1000), 50005);
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net segments");
    TCase *tcase = add_tcase(suite, "segments");

    tcase_add_loop_test(tcase, a_buffer_is_cut, 0, CUTS);
    tcase_add_test(tcase, a_kernel_that_refuses);
    tcase_add_test(tcase, joined_datagrams);
    tcase_add_test(tcase, a_small_buffer);
    tcase_add_test(tcase, errors);
    tcase_add_test(tcase, a_receiver_is_killed);
    tcase_add_test(tcase, python_receives);
    return run_suite(suite);
}
