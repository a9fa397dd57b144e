/* recv and send with flags, datagrams, addresses and ancillary data. */
#include <limits.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <unistd.h>

#include "support.h"

static int fds[2];

static void later(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    ck_ok(green_detach(thread));
}

static void *send_later(void *text)
{
    green_sleep(0);
    ck_assert_int_eq(green_send(fds[1], text, strlen(text), 0),
                     (ssize_t)strlen(text));
    return NULL;
}

/* The kinds of socket among the pairs. */
static const int kinds[] = {0, 1, 3, 4};
#define SOCKET_KINDS 4

START_TEST(peeked_data_stays)
{
    char buffer[8] = "";

    make_pair(kinds[_i], fds);
    later(send_later, "abc");
    ck_assert_int_eq(green_recv(fds[0], buffer, 2, MSG_PEEK), 2);
    ck_assert_int_eq(green_recv(fds[0], buffer, 8, MSG_PEEK), 3);
    ck_assert_int_eq(green_recv(fds[0], buffer, 8, 0), 3);
    ck_assert_str_eq(buffer, "abc");
}
END_TEST

START_TEST(dontwait_does_not_wait)
{
    char byte;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    static char block[1 << 16];

    make_pair(kinds[_i], fds);
    ck_fails(green_recv(fds[0], &byte, 1, MSG_DONTWAIT), EAGAIN);
    ck_fails(green_recvfrom(fds[0], &byte, 1, MSG_DONTWAIT, NULL, NULL),
             EAGAIN);
    ck_fails(green_recvmsg(fds[0], &message, MSG_DONTWAIT), EAGAIN);
    errno = 0;
    while (green_send(fds[1], block, sizeof block, MSG_DONTWAIT) > 0)
        continue;
    ck_assert_int_eq(errno, EAGAIN);
    later(send_later, "x");
    ck_assert_int_gt(green_recv(fds[0], block, sizeof block, 0), 0);
}
END_TEST

static void *send_in_pieces(void *arg)
{
    (void)arg;
    for (int i = 0; i < 4; i++) {
        green_sleep(GREEN_MSEC);
        ck_assert_int_eq(green_send(fds[1], &"abcdefgh"[2 * i], 2, 0), 2);
    }
    return NULL;
}

START_TEST(waitall_waits_for_all)
{
    char a[5] = "", b[5] = "";
    struct iovec iov[2] = {{a, 2}, {b, 2}};
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = 2};

    make_pair(kinds[_i], fds);
    later(send_in_pieces, NULL);
    ck_assert_int_eq(green_recv(fds[0], a, 4, MSG_WAITALL), 4);
    ck_assert_str_eq(a, "abcd");
    ck_assert_int_eq(green_recvmsg(fds[0], &message, MSG_WAITALL), 4);
    ck_assert_mem_eq(a, "ef", 2);
    ck_assert_mem_eq(b, "gh", 2);
    ck_assert_uint_eq(iov[0].iov_len, 2);
}
END_TEST

START_TEST(waitall_ends_at_the_end)
{
    char buffer[8];

    make_pair(kinds[_i], fds);
    ck_assert_int_eq(green_send(fds[1], "ab", 2, 0), 2);
    ck_ok(green_shutdown(fds[1], SHUT_WR));
    ck_assert_int_eq(green_recv(fds[0], buffer, 8, MSG_WAITALL), 2);
    ck_assert_int_eq(green_recv(fds[0], buffer, 8, MSG_WAITALL), 0);
}
END_TEST

static void *send_two(void *arg)
{
    (void)arg;
    green_sleep(0);
    ck_assert_int_eq(green_send(fds[1], "one", 3, 0), 3);
    ck_assert_int_eq(green_send(fds[1], "", 0, 0), 0);
    ck_assert_int_eq(green_send(fds[1], "three", 5, 0), 5);
    return NULL;
}

/* A datagram stays whole; MSG_WAITALL is for streams. */
START_TEST(datagrams_stay_apart)
{
    int type = _i % 2 ? SOCK_DGRAM : SOCK_SEQPACKET;
    int flags = _i / 2 ? MSG_WAITALL : 0;
    char buffer[16] = "";

    ck_ok(green_socketpair(AF_UNIX, type, 0, fds));
    later(send_two, NULL);
    ck_assert_int_eq(green_recv(fds[0], buffer, sizeof buffer, flags), 3);
    ck_assert_int_eq(green_recv(fds[0], buffer, sizeof buffer, flags), 0);
    ck_assert_int_eq(green_recv(fds[0], buffer, sizeof buffer, flags), 5);
    ck_assert_mem_eq(buffer, "three", 5);
    ck_assert_int_eq(green_send(fds[1], "long", 4, 0), 4);
    ck_assert_int_eq(green_recv(fds[0], buffer, 2, MSG_TRUNC), 4);
    ck_fails(green_recv(fds[0], buffer, 2, MSG_DONTWAIT), EAGAIN);
}
END_TEST

static int udp_socket(struct sockaddr_in *address)
{
    socklen_t length = sizeof *address;
    int fd = green_socket(AF_INET, SOCK_DGRAM, 0);

    *address = (struct sockaddr_in){.sin_family = AF_INET};
    address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_assert_int_ge(fd, 0);
    ck_ok(bind(fd, (struct sockaddr *)address, sizeof *address));
    ck_ok(getsockname(fd, (struct sockaddr *)address, &length));
    return fd;
}

START_TEST(udp_reports_the_sender)
{
    struct sockaddr_in a, b, from;
    socklen_t length = sizeof from;
    char buffer[8] = "";

    fds[0] = udp_socket(&a);
    fds[1] = udp_socket(&b);
    ck_ok(green_connect(fds[1], (struct sockaddr *)&a, sizeof a));
    later(send_later, "ping");
    ck_assert_int_eq(
        green_recvfrom(fds[0], buffer, 8, 0, (struct sockaddr *)&from, &length),
        4);
    ck_assert_uint_eq(length, sizeof from);
    ck_assert_uint_eq(from.sin_port, b.sin_port);
    ck_assert_int_eq(
        green_sendto(fds[0], "pong!", 5, 0, (struct sockaddr *)&b, sizeof b),
        5);
    ck_assert_int_eq(green_read(fds[1], buffer, 8), 5);
    ck_fails(green_sendto(fds[0], "x", 1, 0, NULL, 0), EDESTADDRREQ);
    ck_assert_int_eq(
        green_sendto(fds[0], "", 0, 0, (struct sockaddr *)&b, sizeof b), 0);
    ck_assert_int_eq(green_recv(fds[1], buffer, 8, 0), 0);
}
END_TEST

static void pass_descriptor(int over, int fd)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    struct iovec iov = {"D", 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.bytes};

    control.header.cmsg_level = SOL_SOCKET;
    control.header.cmsg_type = SCM_RIGHTS;
    control.header.cmsg_len = CMSG_LEN(sizeof fd);
    memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
    ck_assert_int_eq(green_sendmsg(over, &message, 0), 1);
}

static int take_descriptor(int over)
{
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = {0};
    char byte;
    int fd;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control.bytes};

    ck_assert_int_eq(green_recvmsg(over, &message, 0), 1);
    ck_assert_uint_eq(message.msg_controllen, CMSG_SPACE(sizeof fd));
    memcpy(&fd, CMSG_DATA(&control.header), sizeof fd);
    return fd;
}

static void *pass_later(void *arg)
{
    green_sleep(0);
    pass_descriptor(fds[1], *(int *)arg);
    return NULL;
}

START_TEST(descriptors_are_passed)
{
    int pipes[2], got;
    char buffer[4] = "";

    ck_ok(green_socketpair(AF_UNIX, _i ? SOCK_DGRAM : SOCK_STREAM, 0, fds));
    ck_ok(green_pipe2(pipes, 0));
    later(pass_later, &pipes[0]);
    got = take_descriptor(fds[0]);
    ck_assert_int_eq(green_write(pipes[1], "hi", 2), 2);
    ck_assert_int_eq(green_read(got, buffer, 4), 2);
    ck_assert_str_eq(buffer, "hi");
}
END_TEST

START_TEST(message_errors)
{
    char byte = 0;
    struct iovec iov = {&byte, 1};
    struct msghdr message = {.msg_iov = &iov, .msg_iovlen = 1};
    struct iovec *many = calloc(IOV_MAX + 1, sizeof *many);

    make_pair(4, fds);
    ck_fails(green_recvmsg(fds[0], NULL, 0), EFAULT);
    ck_fails(green_sendmsg(fds[0], NULL, 0), EFAULT);
    ck_fails(green_recvmsg(-1, &message, 0), EBADF);
    ck_fails(green_sendmsg(-1, &message, 0), EBADF);
    ck_fails(green_recv(-1, &byte, 1, 0), EBADF);
    ck_fails(green_send(-1, &byte, 1, 0), EBADF);
    message.msg_iov = many;
    message.msg_iovlen = IOV_MAX + 1;
    ck_fails(green_sendmsg(fds[0], &message, 0), EMSGSIZE);
    ck_fails(green_recvmsg(fds[0], &message, MSG_DONTWAIT), EMSGSIZE);
    free(many);
    ck_ok(green_pipe2(fds, 0));
    ck_fails(green_recv(fds[0], &byte, 1, 0), ENOTSOCK);
    ck_fails(green_send(fds[1], &byte, 1, 0), ENOTSOCK);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_message");
    TCase *tcase = add_tcase(suite, "message");

    tcase_add_loop_test(tcase, peeked_data_stays, 0, SOCKET_KINDS);
    tcase_add_loop_test(tcase, dontwait_does_not_wait, 0, SOCKET_KINDS);
    tcase_add_loop_test(tcase, waitall_waits_for_all, 0, SOCKET_KINDS);
    tcase_add_loop_test(tcase, waitall_ends_at_the_end, 0, SOCKET_KINDS);
    tcase_add_loop_test(tcase, datagrams_stay_apart, 0, 4);
    tcase_add_test(tcase, udp_reports_the_sender);
    tcase_add_loop_test(tcase, descriptors_are_passed, 0, 2);
    tcase_add_test(tcase, message_errors);
    return run_suite(suite);
}
