/* Descriptors and credentials that pass through unix sockets. */
#include <stdio.h>
#include <sys/resource.h>

#include "net_support.h"
#include "peer.h"

#ifndef SO_PASSPIDFD
#define SO_PASSPIDFD 76
#endif

static int pair[2], pipes[2], got[GREEN_MAX_FDS];
static unsigned count;
static char buffer[64];

static void make_pairs(int type)
{
    ck_ok(green_socketpair(AF_UNIX, type | SOCK_CLOEXEC, 0, pair));
    pipe_pair(pipes);
}

/* The descriptor is the pipe's end that writes. */
static void is_the_pipe(int fd)
{
    char byte = 0;

    ck_assert(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    ck_assert_int_eq(write(fd, "p", 1), 1);
    ck_assert_int_eq(read(pipes[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'p');
    ck_ok(green_close(fd));
}

static void *send_the_pipe(void *bytes)
{
    ck_assert_int_eq(
        green_send_fds(pair[1], bytes, strlen(bytes), &pipes[1], 1),
        (ssize_t)strlen(bytes));
    return NULL;
}

static ssize_t receive(unsigned room)
{
    return green_recv_fds(pair[0], buffer, sizeof buffer, got, room, &count);
}

static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};

START_TEST(a_descriptor_arrives_at_who_waits)
{
    struct green_thread *sender;

    make_pairs(types[_i]);
    sender = green_spawn(send_the_pipe, "abc");
    ck_assert_int_eq(receive(4), 3);
    ck_ok(green_join(sender, NULL));
    ck_assert_mem_eq(buffer, "abc", 3);
    ck_assert_uint_eq(count, 1);
    is_the_pipe(got[0]);
}
END_TEST

/* A stream does not append the second message to the first. */
START_TEST(descriptors_stay_with_their_bytes)
{
    make_pairs(types[_i]);
    send_the_pipe("first");
    send_the_pipe("second");
    ck_assert_int_eq(receive(2), 5);
    ck_assert_uint_eq(count, 1);
    is_the_pipe(got[0]);
    ck_assert_int_eq(receive(2), 6);
    ck_assert_uint_eq(count, 1);
    is_the_pipe(got[0]);
}
END_TEST

START_TEST(bytes_without_descriptors)
{
    make_pairs(SOCK_STREAM);
    ck_assert_int_eq(green_send_fds(pair[1], "x", 1, NULL, 0), 1);
    count = 7;
    ck_assert_int_eq(green_recv_fds(pair[0], buffer, 8, NULL, 0, &count), 1);
    ck_assert_uint_eq(count, 0);
    ck_ok(green_close(pair[1]));
    ck_assert_int_eq(receive(1), 0);
    ck_assert_uint_eq(count, 0);
}
END_TEST

START_TEST(as_many_as_the_kernel_takes)
{
    int many[GREEN_MAX_FDS];
    int fds;

    make_pairs(SOCK_STREAM);
    for (int i = 0; i < GREEN_MAX_FDS; i++)
        many[i] = pipes[1];
    fds = count_fds();
    ck_assert_int_eq(green_send_fds(pair[1], "x", 1, many, GREEN_MAX_FDS), 1);
    ck_assert_int_eq(receive(GREEN_MAX_FDS), 1);
    ck_assert_uint_eq(count, GREEN_MAX_FDS);
    while (count > 0)
        is_the_pipe(got[--count]);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- A peer that sends what it should not ------------------------------ */

/* Two descriptors for a room of one: padding would hide the second. */
START_TEST(more_than_there_is_room_for)
{
    int many[4], fds;

    make_pairs(types[_i]);
    for (int i = 0; i < 4; i++)
        many[i] = pipes[1];
    fds = count_fds();
    for (unsigned room = 0; room < 4; room++) {
        ck_assert_int_eq(green_send_fds(pair[1], "x", 1, many, room + 1), 1);
        ck_fails(receive(room), EMSGSIZE);
        ck_assert_uint_eq(count, 0);
        ck_assert_int_eq(count_fds(), fds);
    }
}
END_TEST

START_TEST(unasked_descriptors_are_dropped)
{
    int fds;

    make_pairs(types[_i]);
    send_the_pipe("x");
    send_the_pipe("y");
    fds = count_fds();
    ck_assert_int_eq(green_recv(pair[0], buffer, 1, 0), 1);
    ck_assert_int_eq(green_read(pair[0], buffer, 1), 1);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* The kernel opens some, and cuts the message. */
START_TEST(the_limit_of_descriptors)
{
    struct rlimit limit;
    int many[4], fds, next;

    make_pairs(SOCK_STREAM);
    green_get_hub();
    for (int i = 0; i < 4; i++)
        many[i] = pipes[1];
    ck_assert_int_eq(green_send_fds(pair[1], "x", 1, many, 4), 1);
    fds = count_fds();
    next = dup(0);
    close(next);
    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)next + 2; /* numbers below, not a count */
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    ck_fails(receive(4), EMFILE);
    ck_assert_uint_eq(count, 0);
    limit.rlim_cur = limit.rlim_max;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* The kernel puts them in front of the descriptors. */
START_TEST(beside_credentials_and_times)
{
    int one = 1, fds;

    make_pairs(types[_i]);
    ck_ok(green_setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &one, sizeof one));
    ck_ok(green_setsockopt(pair[0], SOL_SOCKET, SO_PASSSEC, &one, sizeof one));
    ck_ok(
        green_setsockopt(pair[0], SOL_SOCKET, SO_TIMESTAMP, &one, sizeof one));
    send_the_pipe("x");
    fds = count_fds();
    ck_assert_int_eq(receive(1), 1);
    ck_assert_uint_eq(count, 1);
    is_the_pipe(got[0]);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

START_TEST(a_pidfd_with_each_message_is_closed)
{
    int one = 1, fds;

    if (lacks_linux()) {
        SKIP("POSIX has no pidfds");
        return;
    }
    make_pairs(types[_i]);
    if (green_setsockopt(pair[0], SOL_SOCKET, SO_PASSPIDFD, &one, sizeof one) <
        0) {
        SKIP("this kernel has no SO_PASSPIDFD");
        return;
    }
    send_the_pipe("x");
    fds = count_fds();
    ck_assert_int_eq(receive(1), 1);
    ck_assert_uint_eq(count, 1);
    is_the_pipe(got[0]);
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Errors ------------------------------------------------------------ */

START_TEST(invalid_arguments)
{
    int many[GREEN_MAX_FDS + 1] = {0}, tcp[2], closed;

    make_pairs(SOCK_STREAM);
    tcp_pair(tcp);
    closed = dup(0);
    close(closed);
    ck_fails(green_send_fds(pair[1], NULL, 1, &pipes[1], 1), EINVAL);
    ck_fails(green_send_fds(pair[1], "", 0, &pipes[1], 1), EINVAL);
    ck_fails(green_send_fds(pair[1], "x", 1, NULL, 1), EINVAL);
    ck_fails(green_send_fds(pair[1], "x", 1, many, GREEN_MAX_FDS + 1), EINVAL);
    ck_fails(green_send_fds(tcp[1], "x", 1, &pipes[1], 1), EINVAL);
    ck_fails(green_send_fds(pipes[1], "x", 1, &pipes[1], 1), ENOTSOCK);
    ck_fails(green_send_fds(pair[1], "x", 1, &closed, 1), EBADF);
    ck_fails(green_recv_fds(pair[0], NULL, 1, got, 1, &count), EINVAL);
    ck_fails(green_recv_fds(pair[0], buffer, 0, got, 1, &count), EINVAL);
    ck_fails(green_recv_fds(pair[0], buffer, 1, NULL, 1, &count), EINVAL);
    ck_fails(green_recv_fds(pair[0], buffer, 1, got, 1, NULL), EINVAL);
    ck_fails(green_recv_fds(pair[0], buffer, 1, got, GREEN_MAX_FDS + 1, &count),
             EINVAL);
    ck_fails(green_peer_credentials(pair[0], NULL), EINVAL);
}
END_TEST

static void *receives_until_killed(void *arg)
{
    count = 9;
    ck_fails(receive(1), ECANCELED);
    ck_assert_uint_eq(count, 0);
    return arg;
}

START_TEST(a_receiver_is_killed_or_timed_out)
{
    struct green_thread *thread;
    struct green_timeout timeout;

    make_pairs(SOCK_STREAM);
    thread = green_spawn(receives_until_killed, NULL);
    green_yield();
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(receive(1), ETIMEDOUT);
    green_timeout_cancel(&timeout);
    send_the_pipe("x"); /* nothing is lost */
    ck_assert_int_eq(receive(1), 1);
    ck_assert_uint_eq(count, 1);
}
END_TEST

static void *sends_until_killed(void *arg)
{
    ck_fails(green_send_fds(pair[1], "x", 1, &pipes[1], 1), ECANCELED);
    return arg;
}

/* A full buffer parks the sender; if it is killed there, nothing was sent. */
START_TEST(a_full_buffer)
{
    struct green_thread *thread;
    ssize_t sent = 0;

    make_pairs(SOCK_STREAM);
    while (green_send(pair[1], buffer, sizeof buffer, MSG_DONTWAIT) > 0)
        sent += sizeof buffer;
    thread = green_spawn(sends_until_killed, NULL);
    green_yield();
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    thread = green_spawn(send_the_pipe, "y");
    while (sent > 0) {
        sent -= receive(1);
        if (sent >= 0)
            ck_assert_uint_eq(count, 0);
    }
    if (sent == 0)
        ck_assert_int_eq(receive(1), 1);
    ck_assert_uint_eq(count, 1);
    ck_ok(green_join(thread, NULL));
    is_the_pipe(got[0]);
}
END_TEST

/* ---- Python at the other end ------------------------------------------- */

START_TEST(python_sends)
{
    static const char script[] =
        PYTHON_BEGIN "s = inherited()\n"
                     "r, w = os.pipe()\n"
                     "os.write(w, b'from python')\n"
                     "socket.send_fds(s, [b'take'], [r, r])\n"
                     "assert s.recv(1) == b''\n";
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    make_pairs(SOCK_STREAM);
    pid = start_python(script, NULL, pair[1]);
    ck_ok(green_close(pair[1]));
    ck_assert_int_eq(receive(4), 4);
    ck_assert_uint_eq(count, 2);
    ck_assert_int_eq(green_read(got[1], buffer, sizeof buffer), 11);
    ck_assert_mem_eq(buffer, "from python", 11);
    ck_ok(green_close(pair[0]));
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

START_TEST(python_receives)
{
    static const char script[] =
        PYTHON_BEGIN "s = inherited()\n"
                     "data, fds, flags, _ = socket.recv_fds(s, 100, 4)\n"
                     "assert data == b'take' and len(fds) == 1 and flags == 0\n"
                     "os.write(fds[0], b'p')\n";
    char byte = 0;
    pid_t pid;

    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    make_pairs(SOCK_STREAM);
    pid = start_python(script, NULL, pair[0]);
    send_the_pipe("take");
    ck_ok(green_close(pipes[1]));
    ck_assert_int_eq(green_read(pipes[0], &byte, 1), 1);
    ck_assert_int_eq(byte, 'p');
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

/* ---- Credentials ------------------------------------------------------- */

START_TEST(credentials_of_a_pair)
{
    struct green_credentials peer = {.pid = 0};

    if (lacks_linux()) {
        SKIP("POSIX has no credentials of peers");
        return;
    }
    make_pairs(SOCK_STREAM);
    ck_ok(green_peer_credentials(pair[0], &peer));
    ck_assert_int_eq(peer.pid, getpid());
    ck_assert_uint_eq(peer.uid, geteuid());
    ck_assert_uint_eq(peer.gid, getegid());
}
END_TEST

START_TEST(credentials_of_another_user)
{
    static const char script[] =
        PYTHON_BEGIN "if os.getuid() == 0:\n"
                     "    os.setgid(65534); os.setuid(65533)\n"
                     "s = socket.socket(socket.AF_UNIX)\n"
                     "s.connect('\\0' + sys.argv[1])\n"
                     "assert s.recv(1) == b''\n";
    struct green_credentials peer = {.pid = 0};
    char address[64];
    int listener, fd;
    pid_t pid;

    if (lacks_linux()) {
        SKIP("POSIX has no credentials of peers");
        return;
    }
    if (!has_python()) {
        SKIP("needs " PYTHON);
        return;
    }
    snprintf(address, sizeof address, "unix://@greenhub-who-%d", getpid());
    listener = listen_at(address);
    pid = start_python(script, address + 8, -1);
    fd = green_accept(listener, NULL, NULL);
    ck_ok(green_peer_credentials(fd, &peer));
    ck_assert_int_eq(peer.pid, pid);
    ck_assert_uint_eq(peer.uid, getuid() == 0 ? 65533 : getuid());
    ck_assert_uint_eq(peer.gid, getuid() == 0 ? 65534 : getgid());
    ck_ok(green_close(fd));
    ck_assert_int_eq(wait_child(pid), 0);
}
END_TEST

START_TEST(credentials_of_no_peer)
{
    struct green_credentials peer;
    int fd = green_socket(AF_UNIX, SOCK_STREAM, 0), tcp[2];

    if (lacks_linux()) {
        SKIP("POSIX has no credentials of peers");
        return;
    }
    tcp_pair(tcp);
    pipe_pair(pipes);
    ck_fails(green_peer_credentials(fd, &peer), ENOTCONN);
    ck_fails(green_peer_credentials(tcp[0], &peer), EOPNOTSUPP);
    ck_fails(green_peer_credentials(pipes[0], &peer), ENOTSOCK);
    ck_fails(green_peer_credentials(-1, &peer), EBADF);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("net rights");
    TCase *passed = add_tcase(suite, "passed");
    TCase *refused = add_tcase(suite, "refused");
    TCase *python = add_tcase(suite, "python");
    TCase *who = add_tcase(suite, "credentials");

    tcase_add_loop_test(passed, a_descriptor_arrives_at_who_waits, 0, 3);
    tcase_add_loop_test(passed, descriptors_stay_with_their_bytes, 0, 3);
    tcase_add_test(passed, bytes_without_descriptors);
    tcase_add_test(passed, as_many_as_the_kernel_takes);
    tcase_add_loop_test(refused, more_than_there_is_room_for, 0, 3);
    tcase_add_loop_test(refused, unasked_descriptors_are_dropped, 0, 3);
    tcase_add_test(refused, the_limit_of_descriptors);
    tcase_add_loop_test(refused, beside_credentials_and_times, 0, 3);
    tcase_add_loop_test(refused, a_pidfd_with_each_message_is_closed, 0, 3);
    tcase_add_test(refused, invalid_arguments);
    tcase_add_test(refused, a_receiver_is_killed_or_timed_out);
    tcase_add_test(refused, a_full_buffer);
    tcase_add_test(python, python_sends);
    tcase_add_test(python, python_receives);
    tcase_add_test(who, credentials_of_a_pair);
    tcase_add_test(who, credentials_of_another_user);
    tcase_add_test(who, credentials_of_no_peer);
    return run_suite(suite);
}
