/* recvmmsg and sendmmsg: several messages in a call. */
#include <stdlib.h>

#include "net_support.h"
#include "peer.h"

#define MANY 8
#define SIZE 16

static int fds[2]; /* [0] reads, [1] writes */
static char bytes[MANY][SIZE];
static struct iovec parts[MANY];
static struct mmsghdr messages[MANY];

static void make_messages(void)
{
    for (int i = 0; i < MANY; i++) {
        parts[i] = (struct iovec){bytes[i], SIZE};
        messages[i] = (struct mmsghdr){
            .msg_hdr = {.msg_iov = &parts[i], .msg_iovlen = 1}};
    }
}

/* A pair of UDP sockets, each connected to the other. */
static void udp_pair(void)
{
    struct sockaddr_in address;
    socklen_t length = sizeof address;
    char at[64];

    make_messages();
    fds[0] = green_listen("udp://127.0.0.1:0", NULL);
    ck_assert_int_ge(green_local_address(fds[0], at, sizeof at), 0);
    fds[1] = green_dial(at);
    ck_assert_int_ge(fds[1], 0);
    ck_ok(getsockname(fds[1], (struct sockaddr *)&address, &length));
    ck_ok(green_connect(fds[0], (struct sockaddr *)&address, length));
}

static void unix_ends(int type)
{
    make_messages();
    ck_ok(green_socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, fds));
}

static void send_numbers(int first, int count)
{
    for (int i = first; i < first + count; i++)
        ck_assert_int_eq(green_write(fds[1], &i, sizeof i), sizeof i);
}

static void are_numbers(int first, int count)
{
    for (int i = 0; i < count; i++) {
        int number = first + i;

        ck_assert_uint_eq(messages[i].msg_len, sizeof number);
        ck_assert_mem_eq(bytes[i], &number, sizeof number);
    }
}

START_TEST(many_at_once)
{
    struct sockaddr_in from[MANY] = {{.sin_port = 0}};

    udp_pair();
    for (int i = 0; i < MANY; i++) {
        memcpy(bytes[i], &i, sizeof i);
        parts[i].iov_len = sizeof i;
    }
    ck_assert_int_eq(green_sendmmsg(fds[1], messages, MANY, 0), MANY);
    make_messages();
    for (int i = 0; i < MANY; i++) {
        messages[i].msg_hdr.msg_name = &from[i];
        messages[i].msg_hdr.msg_namelen = sizeof from[i];
    }
    memset(bytes, 0, sizeof bytes);
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, MANY, 0, NULL), MANY);
    are_numbers(0, MANY);
    for (int i = 0; i < MANY; i++) {
        ck_assert_uint_eq(messages[i].msg_hdr.msg_namelen, sizeof from[i]);
        ck_assert_int_ne(from[i].sin_port, 0);
    }
}
END_TEST

static void *sends_in_turns(void *arg)
{
    send_numbers(0, 1);
    green_yield();
    send_numbers(1, 2);
    green_yield();
    send_numbers(3, 5);
    return arg;
}

START_TEST(it_waits_for_all)
{
    struct green_thread *sender;

    udp_pair();
    sender = green_spawn(sends_in_turns, NULL);
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, MANY, 0, NULL), MANY);
    are_numbers(0, MANY);
    ck_ok(green_join(sender, NULL));
}
END_TEST

START_TEST(it_waits_for_one)
{
    struct green_thread *sender;
    int n, all = 0;

    udp_pair();
    sender = green_spawn(sends_in_turns, NULL);
    while (all < MANY) {
        n = green_recvmmsg(fds[0], messages, MANY, MSG_WAITFORONE, NULL);
        ck_assert_int_ge(n, 1);
        are_numbers(all, n);
        all += n;
    }
    ck_ok(green_join(sender, NULL));
}
END_TEST

START_TEST(it_does_not_wait)
{
    udp_pair();
    ck_fails(green_recvmmsg(fds[0], messages, MANY, MSG_DONTWAIT, NULL),
             EAGAIN);
    send_numbers(4, 2);
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, MANY, MSG_DONTWAIT, NULL),
                     2);
    are_numbers(4, 2);
    ck_ok(green_fcntl(fds[0], F_SETFL, O_NONBLOCK));
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, NULL), EAGAIN);
}
END_TEST

/* recvmmsg(2) looks at the timeout only when a message comes. */
START_TEST(a_timeout_ends_the_wait)
{
    struct timespec time = {.tv_nsec = 2000000};

    udp_pair();
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, &time), EAGAIN);
    ck_assert_int_eq(time.tv_sec, 0);
    ck_assert_int_eq(time.tv_nsec, 0);
    send_numbers(0, 3);
    time.tv_nsec = 2000000;
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, MANY, 0, &time), 3);
    are_numbers(0, 3);
    send_numbers(3, 3);
    time = (struct timespec){.tv_sec = 1000};
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, 3, 0, &time), 3);
    ck_assert_int_ge(time.tv_sec, 900);
    time = (struct timespec){.tv_sec = 0};
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, &time), EAGAIN);
    time.tv_nsec = -1;
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, &time), EINVAL);
    time.tv_nsec = 1000000000;
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, &time), EINVAL);
}
END_TEST

START_TEST(the_sockets_own_timeout)
{
    struct timeval time = {.tv_usec = 1000};

    udp_pair();
    ck_ok(
        green_setsockopt(fds[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, NULL), EAGAIN);
    send_numbers(0, 1);
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, MANY, 0, NULL), 1);
}
END_TEST

/* ---- Errors ------------------------------------------------------------ */

static void *receives_one(void *arg)
{
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, MANY, 0, NULL), 1);
    return arg;
}

/* Nobody has the peer's port any more, by ICMP. */
START_TEST(an_error_after_a_message)
{
    struct green_thread *reader;

    udp_pair();
    reader = green_spawn(receives_one, NULL);
    send_numbers(0, 1);
    green_yield();
    ck_ok(green_close(fds[1]));
    ck_assert_int_eq(green_write(fds[0], "x", 1), 1);
    ck_ok(green_join(reader, NULL));
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, NULL), ECONNREFUSED);
    ck_assert_int_eq(green_sendmmsg(fds[0], messages, 1, 0), 1);
    ck_fails(green_sendmmsg(fds[0], messages, 1, 0), ECONNREFUSED);
}
END_TEST

START_TEST(a_message_that_is_too_long)
{
    static char large[65536];

    udp_pair();
    parts[1] = (struct iovec){large, sizeof large};
    ck_assert_int_eq(green_sendmmsg(fds[1], messages, 3, 0), 1);
    ck_fails(green_sendmmsg(fds[1], messages + 1, 2, 0), EMSGSIZE);
    ck_assert_int_eq(green_sendmmsg(fds[1], messages + 2, 1, 0), 1);
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, 2, 0, NULL), 2);
}
END_TEST

START_TEST(a_cut_message_says_so)
{
    udp_pair();
    send_numbers(0, 2);
    parts[0].iov_len = 1;
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, 2, 0, NULL), 2);
    ck_assert_uint_eq(messages[0].msg_len, 1);
    ck_assert(messages[0].msg_hdr.msg_flags & MSG_TRUNC);
    ck_assert(!(messages[1].msg_hdr.msg_flags & MSG_TRUNC));
}
END_TEST

START_TEST(invalid_arguments)
{
    int ends[2];

    udp_pair();
    pipe_pair(ends);
    ck_fails(green_recvmmsg(-1, messages, 1, 0, NULL), EBADF);
    ck_fails(green_recvmmsg(-1, messages, 0, 0, NULL), EBADF);
    ck_fails(green_recvmmsg(ends[0], messages, 1, 0, NULL), ENOTSOCK);
    ck_fails(green_recvmmsg(fds[0], NULL, 1, MSG_DONTWAIT, NULL), EFAULT);
    ck_assert_int_eq(green_recvmmsg(fds[0], messages, 0, 0, NULL), 0);
    ck_fails(green_sendmmsg(-1, messages, 1, 0), EBADF);
    ck_fails(green_sendmmsg(ends[1], messages, 1, 0), ENOTSOCK);
    ck_fails(green_sendmmsg(fds[1], NULL, 1, 0), EFAULT);
    ck_assert_int_eq(green_sendmmsg(fds[1], messages, 0, 0), 0);
}
END_TEST

static void *receives_until_killed(void *arg)
{
    int n = green_recvmmsg(fds[0], messages, MANY, 0, NULL);

    ck_assert_int_eq(n, *(int *)arg);
    ck_assert(n > 0 || errno == ECANCELED);
    if (n > 0)
        ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, NULL), ECANCELED);
    return NULL;
}

/* What has come is the result; without any, the kill is. */
START_TEST(a_receiver_is_killed)
{
    int result = _i == 0 ? -1 : 2;
    struct green_thread *reader;

    udp_pair();
    send_numbers(0, _i == 0 ? 0 : 2);
    reader = green_spawn(receives_until_killed, &result);
    green_yield();
    ck_ok(green_kill(reader));
    ck_ok(green_join(reader, NULL));
}
END_TEST

static void *receives_till_closed(void *arg)
{
    ck_fails(green_recvmmsg(fds[0], messages, MANY, 0, NULL), EBADF);
    return arg;
}

START_TEST(a_socket_is_closed_meanwhile)
{
    struct green_thread *reader;

    udp_pair();
    reader = green_spawn(receives_till_closed, NULL);
    green_yield();
    ck_ok(green_close(fds[0]));
    ck_ok(green_join(reader, NULL));
}
END_TEST

/* ---- Full buffers ------------------------------------------------------ */

static void *reads_datagrams(void *arg)
{
    char byte[SIZE];

    for (int i = 0; i < *(int *)arg; i++) {
        ck_assert_int_eq(green_read(fds[0], byte, SIZE), SIZE);
        ck_assert_int_eq(byte[0], i % MANY);
    }
    return NULL;
}

/* A unix datagram socket has room for a few; then the call waits. */
START_TEST(a_full_queue_of_datagrams)
{
    int sent = 0, count;
    struct green_thread *reader;

    unix_ends(SOCK_DGRAM);
    for (int i = 0; i < MANY; i++)
        bytes[i][0] = (char)i;
    while (green_sendmmsg(fds[1], messages, MANY, MSG_DONTWAIT) == MANY)
        sent += MANY;
    count = sent + MANY;
    while (green_recv(fds[0], bytes[0], SIZE, MSG_DONTWAIT) > 0)
        continue;
    bytes[0][0] = 0;
    reader = green_spawn(reads_datagrams, &count);
    for (int i = 0; i < count; i += MANY)
        ck_assert_int_eq(green_sendmmsg(fds[1], messages, MANY, 0), MANY);
    ck_ok(green_join(reader, NULL));
}
END_TEST

#define LARGE (1 << 20)

static void *reads_all(void *arg)
{
    static char buffer[3 * LARGE];

    ck_assert_int_eq(green_read_full(fds[0], buffer, sizeof buffer),
                     sizeof buffer);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(buffer[i * LARGE], 'a' + i);
        ck_assert_int_eq(buffer[(i + 1) * LARGE - 1], 'a' + i);
    }
    return arg;
}

/* A stream takes a part of a message: the call sends the rest. */
START_TEST(a_stream_gets_whole_messages)
{
    static char large[3][LARGE];
    struct green_thread *reader;

    unix_ends(SOCK_STREAM);
    for (int i = 0; i < 3; i++) {
        memset(large[i], 'a' + i, LARGE);
        parts[i] = (struct iovec){large[i], LARGE};
    }
    reader = green_spawn(reads_all, NULL);
    ck_assert_int_eq(green_sendmmsg(fds[1], messages, 3, 0), 3);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(messages[i].msg_len, LARGE);
    ck_ok(green_join(reader, NULL));
}
END_TEST

START_TEST(a_peer_that_has_gone)
{
    unix_ends(SOCK_STREAM);
    ck_ok(green_close(fds[0]));
    ck_fails(green_sendmmsg(fds[1], messages, 2, 0), EPIPE); /* no SIGPIPE */
}
END_TEST

/* ---- A real peer ------------------------------------------------------- */

START_TEST(python_sends_a_hundred)
{
    static const char script[] =
        PYTHON_BEGIN "s = inherited()\n"
                     "for i in range(100):\n"
                     "    s.send(struct.pack('=i', i))\n";
    int n, all = 0;
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    udp_pair();
    pid = start_python(script, NULL, fds[1]);
    for (; all < 100; all += n) {
        n = green_recvmmsg(fds[0], messages, MANY, MSG_WAITFORONE, NULL);
        ck_assert_int_ge(n, 1);
        are_numbers(all, n);
    }
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io batch");
    TCase *waits = add_tcase(suite, "waits");
    TCase *errors = add_tcase(suite, "errors");
    TCase *full = add_tcase(suite, "full");

    tcase_add_test(waits, many_at_once);
    tcase_add_test(waits, it_waits_for_all);
    tcase_add_test(waits, it_waits_for_one);
    tcase_add_test(waits, it_does_not_wait);
    tcase_add_test(waits, a_timeout_ends_the_wait);
    tcase_add_test(waits, the_sockets_own_timeout);
    tcase_add_test(waits, python_sends_a_hundred);
    tcase_add_test(errors, an_error_after_a_message);
    tcase_add_test(errors, a_message_that_is_too_long);
    tcase_add_test(errors, a_cut_message_says_so);
    tcase_add_test(errors, invalid_arguments);
    tcase_add_loop_test(errors, a_receiver_is_killed, 0, 2);
    tcase_add_test(errors, a_socket_is_closed_meanwhile);
    tcase_add_test(full, a_full_queue_of_datagrams);
    tcase_add_test(full, a_stream_gets_whole_messages);
    tcase_add_test(full, a_peer_that_has_gone);
    return run_suite(suite);
}
