/* O_NONBLOCK and the sockets' own timeouts: the user sets them, and the library
 * does not change them. */
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sys/time.h>
#include <unistd.h>

#include "support.h"

static int fds[2];

static void set_nonblock(int fd)
{
    ck_ok(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK));
}

static ssize_t write_until_full(int fd)
{
    static char block[65536];
    ssize_t n;

    do
        n = green_write(fd, block, sizeof block);
    while (n > 0);
    return n;
}

START_TEST(nonblock_set_by_the_user_works)
{
    struct iovec iov;
    char byte;

    make_pair(_i, fds);
    iov = (struct iovec){&byte, 1};
    /* On a green descriptor only green_fcntl may set it; see the next case. */
    for (int i = 0; i < 2; i++) {
        if (_i < FIRST_GREEN_KIND)
            set_nonblock(fds[i]);
        else
            ck_ok(green_fcntl(
                fds[i], F_SETFL,
                (void *)(intptr_t)(fcntl(fds[i], F_GETFL) | O_NONBLOCK)));
    }
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
    ck_fails(green_readv(fds[0], &iov, 1), EAGAIN);
    if (!is_pipe_kind(_i))
        ck_fails(green_recv(fds[0], &byte, 1, 0), EAGAIN);
    errno = 0;
    ck_assert_int_eq(write_until_full(fds[1]), -1);
    ck_assert_int_eq(errno, EAGAIN);
    iov.iov_base = "x";
    errno = 0;
    while (green_writev(fds[1], &iov, 1) == 1)
        continue; /* TCP's buffers may have grown meanwhile */
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

static void *set_and_clear(void *arg)
{
    intptr_t flags = green_fcntl(fds[0], F_GETFL);

    (void)arg;
    ck_ok(green_fcntl(fds[0], F_SETFL, flags | O_NONBLOCK));
    ck_fails(green_read(fds[0], &(char){0}, 1), EAGAIN);
    ck_ok(green_fcntl(fds[0], F_SETFL, flags));
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    return NULL;
}

START_TEST(green_fcntl_works_at_once)
{
    struct green_thread *thread;
    char byte = 0;

    make_pair(_i, fds);
    /* It has waited once, so the library has cached facts about it. */
    thread = green_spawn(set_and_clear, NULL);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    thread = green_spawn(set_and_clear, NULL);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'x');
}
END_TEST

START_TEST(descriptors_made_nonblocking_fail_with_eagain)
{
    struct sockaddr_in address = {.sin_family = AF_INET};
    char byte;
    int fd;

    ck_ok(green_pipe2(fds, O_NONBLOCK | O_CLOEXEC));
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds));
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
    fd = green_socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
    ck_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
    ck_ok(listen(fd, 5));
    ck_fails(green_accept(fd, NULL, NULL), EAGAIN);
    fd = green_socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    ck_fails(green_recvfrom(fd, &byte, 1, 0, NULL, NULL), EAGAIN);
}
END_TEST

static void *write_one(void *arg)
{
    green_sleep(0);
    ck_assert_int_eq(green_write(*(int *)arg, "x\n", 2), 2);
    return NULL;
}

static void wait_both_ways(int in, int out, int writer)
{
    struct green_thread *thread = green_spawn(write_one, &writer);
    char buffer[8];

    ck_assert_int_eq(green_read(in, buffer, sizeof buffer), 2);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(green_write(out, "y\n", 2), 2);
}

START_TEST(flags_stay_unchanged)
{
    int before[2];

    make_pair(_i, fds);
    for (int i = 0; i < 2; i++)
        before[i] = fcntl(fds[i], F_GETFL);
    wait_both_ways(fds[0], fds[1], fds[1]);
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(fcntl(fds[i], F_GETFL), before[i]);
}
END_TEST

START_TEST(a_terminal_works_and_its_flags_stay)
{
    int master, terminal, before[2];

    if (openpty(&master, &terminal, NULL, NULL, NULL) < 0) {
        SKIP("no pseudo-terminal is available");
        return;
    }
    before[0] = fcntl(master, F_GETFL);
    before[1] = fcntl(terminal, F_GETFL);
    wait_both_ways(terminal, terminal, master);
    ck_assert_int_eq(fcntl(master, F_GETFL), before[0]);
    ck_assert_int_eq(fcntl(terminal, F_GETFL), before[1]);
}
END_TEST

static void limit(int fd, int which, long usec)
{
    struct timeval time = {.tv_sec = 0, .tv_usec = usec};

    ck_ok(green_setsockopt(fd, SOL_SOCKET, which, &time, sizeof time));
}

static void ck_waited(green_time since, green_time least)
{
    green_time waited = green_now() - since;

    ck_assert_msg(waited >= least, "waited %ld ns only", (long)waited);
    ck_assert_msg(waited < least + 5 * GREEN_SEC, "%ld ns", (long)waited);
}

START_TEST(receive_timeouts_work)
{
    struct msghdr message = {0};
    struct iovec iov = {0};
    green_time start;
    char byte;

    make_pair(_i, fds);
    if (is_pipe_kind(_i)) {
        ck_fails(
            green_setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &iov, sizeof iov),
            ENOTSOCK);
        return;
    }
    iov = (struct iovec){&byte, 1};
    message.msg_iov = &iov;
    message.msg_iovlen = 1;
    limit(fds[0], SO_RCVTIMEO, 20000);
    start = green_now();
    ck_fails(green_read(fds[0], &byte, 1), EAGAIN);
    ck_waited(start, 20 * GREEN_MSEC);
    start = green_now();
    ck_fails(green_recv(fds[0], &byte, 1, 0), EAGAIN);
    ck_fails(green_recvmsg(fds[0], &message, 0), EAGAIN);
    ck_fails(green_readv(fds[0], &iov, 1), EAGAIN);
    ck_waited(start, 60 * GREEN_MSEC);
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
    limit(fds[0], SO_RCVTIMEO, 0);
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(green_read(fds[0], &byte, 1), 1);
}
END_TEST

START_TEST(send_timeouts_work)
{
    green_time start;

    make_pair(_i, fds);
    if (is_pipe_kind(_i))
        return;
    limit(fds[1], SO_SNDTIMEO, 20000);
    start = green_now();
    errno = 0;
    ck_assert_int_eq(write_until_full(fds[1]), -1);
    ck_assert_int_eq(errno, EAGAIN);
    ck_waited(start, 20 * GREEN_MSEC);
    errno = 0;
    while (green_send(fds[1], "x", 1, 0) == 1)
        continue; /* TCP's buffers may have grown meanwhile */
    ck_assert_int_eq(errno, EAGAIN);
}
END_TEST

START_TEST(the_receive_timeout_applies_to_accept)
{
    int fd = tcp_listener(NULL);
    green_time start;

    limit(fd, SO_RCVTIMEO, 20000);
    start = green_now();
    ck_fails(green_accept(fd, NULL, NULL), EAGAIN);
    ck_waited(start, 20 * GREEN_MSEC);
}
END_TEST

START_TEST(fcntl_passes_other_commands_on)
{
    int copy;

    if (is_emulated()) {
        SKIP("qemu-user checks the command before the descriptor");
        return;
    }
    make_pair(_i, fds);
    ck_fails(green_fcntl(-1, F_GETFL), EBADF);
    ck_ok(green_fcntl(fds[0], F_SETFD, 0));
    ck_assert_int_eq(green_fcntl(fds[0], F_GETFD), 0);
    copy = green_fcntl(fds[0], F_DUPFD_CLOEXEC, 100);
    ck_assert_int_ge(copy, 100);
    ck_assert_int_eq(green_fcntl(copy, F_GETFD), FD_CLOEXEC);
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(green_read(copy, &(char){0}, 1), 1);
    copy = green_fcntl(fds[0], F_DUPFD, 100);
    ck_assert_int_ge(copy, 100);
    ck_fails(green_setsockopt(-1, SOL_SOCKET, SO_RCVTIMEO, &copy, sizeof copy),
             EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_flags");
    TCase *pairs = add_tcase(suite, "pairs"), *rest = add_tcase(suite, "other");

    tcase_add_loop_test(pairs, nonblock_set_by_the_user_works, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, green_fcntl_works_at_once, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, flags_stay_unchanged, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, receive_timeouts_work, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, send_timeouts_work, 0, PAIR_KINDS);
    tcase_add_loop_test(pairs, fcntl_passes_other_commands_on, 0, PAIR_KINDS);
    tcase_add_test(rest, descriptors_made_nonblocking_fail_with_eagain);
    tcase_add_test(rest, a_terminal_works_and_its_flags_stay);
    tcase_add_test(rest, the_receive_timeout_applies_to_accept);
    return run_suite(suite);
}
