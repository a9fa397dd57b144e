/*
 * Green calls that a hub carries out as operations, with buffers on stacks:
 * they are killed or time out, their descriptor is closed, their hub is
 * eliminated. Runs on each hub; a hub without operations is wrapped in a module
 * that has them.
 */
#include "completing.h"

#include <netinet/in.h>
#include <pthread.h>
#include <unistd.h>

static int pair[2];
static ssize_t got;
static int got_error;
static char text[16];

static void set_up(void)
{
    use_completing_hub();
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair));
}

static void *read_it(void *arg)
{
    char buffer[16] = "";

    (void)arg;
    got = green_read(pair[0], buffer, sizeof buffer);
    got_error = got < 0 ? errno : 0;
    memcpy(text, buffer, sizeof text);
    return NULL;
}

/* A reader that waits; with `deep` the kernel has its operation. */
static struct green_thread *start_reader(bool deep)
{
    struct green_thread *reader = green_spawn(read_it, NULL);

    ck_assert_ptr_nonnull(reader);
    ck_ok(green_sleep(0));
    if (deep)
        ck_ok(green_sleep(GREEN_MSEC));
    return reader;
}

START_TEST(it_is_an_operation)
{
    struct green_thread *reader;
    uint64_t before = stats_now().operations;

    reader = start_reader(true);
    ck_assert_int_eq(write(pair[1], "hello", 5), 5);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(got, 5);
    ck_assert_mem_eq(text, "hello", 5);
    ck_assert_uint_gt(stats_now().operations, before);
}
END_TEST

START_TEST(killed_before_any_data_arrived)
{
    struct green_thread *reader = start_reader(_i);
    char buffer[8];

    ck_ok(green_kill(reader));
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(got_error, ECANCELED);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(recv(pair[0], buffer, 8, MSG_DONTWAIT), 1);
}
END_TEST

static void *write_without_end(void *arg)
{
    static const char block[1 << 16];

    while (green_write(pair[0], block, sizeof block) > 0)
        ;
    return arg;
}

/* The call submits no operation, also while another call has one on the same
 * descriptor. */
START_TEST(killed_before_it_was_called)
{
    struct green_thread *writer = green_spawn(write_without_end, NULL);
    uint64_t before;

    ck_assert_ptr_nonnull(writer);
    ck_ok(green_sleep(10 * GREEN_MSEC));
    before = stats_now().operations;
    ck_ok(green_kill(green_self()));
    read_it(NULL);
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(got_error, ECANCELED);
    ck_assert_uint_eq(stats_now().operations, before);
}
END_TEST

/* If the read received the byte before the kill, it returns it; otherwise the
 * byte is still there. */
START_TEST(killed_when_a_byte_arrives)
{
    for (int i = 0; i < 200; i++) {
        struct green_thread *reader = start_reader(i % 2);
        char buffer[8];

        ck_assert_int_eq(write(pair[1], "x", 1), 1);
        ck_ok(green_kill(reader));
        ck_ok(green_join(reader, NULL));
        if (got == 1)
            continue;
        ck_assert_int_eq(got, -1);
        ck_assert_int_eq(got_error, ECANCELED);
        ck_assert_int_eq(recv(pair[0], buffer, 8, MSG_DONTWAIT), 1);
    }
}
END_TEST

static void *read_in_time(void *arg)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    read_it(arg);
    ck_ok(green_timeout_cancel(&timeout));
    return NULL;
}

START_TEST(timed_out)
{
    struct green_thread *reader = green_spawn(read_in_time, NULL);
    char buffer[8];

    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(got_error, ETIMEDOUT);
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(recv(pair[0], buffer, 8, MSG_DONTWAIT), 1);
}
END_TEST

START_TEST(the_sockets_own_timeout)
{
    struct timeval limit = {.tv_usec = 2000};

    ck_ok(green_setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &limit,
                           sizeof limit));
    read_it(NULL);
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(got_error, EAGAIN);
}
END_TEST

/* The peer sees the end at once, not in the hub's next iteration. */
START_TEST(closed_while_one_reads)
{
    struct green_thread *reader = start_reader(_i);
    char buffer[8];

    ck_ok(green_close(pair[0]));
    ck_assert_int_eq(recv(pair[1], buffer, 8, MSG_DONTWAIT), 0);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(got_error, EBADF);
}
END_TEST

/* Closed with close(2): the number has been reused when data arrives. */
START_TEST(closed_by_close_and_reused)
{
    struct green_thread *reader = start_reader(_i);
    char buffer[8];
    int fds[2];

    ck_ok(close(pair[0]));
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
    ck_assert_int_eq(fds[0], pair[0]);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(got, -1);
    ck_assert_int_eq(got_error, EBADF);
    ck_assert_int_eq(write(fds[1], "mine", 4), 4);
    ck_assert_int_eq(green_read(fds[0], buffer, 8), 4);
}
END_TEST

static void *accept_it(void *arg)
{
    got = green_accept((int)(intptr_t)arg, NULL, NULL);
    got_error = got < 0 ? errno : 0;
    return NULL;
}

/* Its port is free again at once, and connections in its backlog are closed. */
START_TEST(a_listener_is_closed)
{
    struct sockaddr_in at;
    struct sockaddr *address = (struct sockaddr *)&at;
    socklen_t length = sizeof at;
    int listener = green_listen("tcp://127.0.0.1:0", NULL), again, clients[3];
    struct green_thread *accepter;
    char buffer[8];
    ssize_t n;

    ck_ok(getsockname(listener, address, &length));
    accepter = green_spawn(accept_it, (void *)(intptr_t)listener);
    ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 0; i < 3; i++) {
        clients[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        ck_ok(connect(clients[i], address, length));
    }
    ck_ok(green_join(accepter, NULL));
    ck_assert_int_ge(got, 0);
    accepter = green_spawn(accept_it, (void *)(intptr_t)listener);
    ck_ok(green_join(accepter, NULL)); /* the second; the third waits */
    ck_assert_int_ge(got, 0);
    ck_ok(green_close(listener));
    again = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ck_ok(setsockopt(again, SOL_SOCKET, SO_REUSEADDR, &(int){1}, sizeof(int)));
    ck_ok(bind(again, address, length));
    ck_ok(listen(again, 1));
    n = recv(clients[2], buffer, 8, 0);
    ck_assert(n == 0 || (n < 0 && errno == ECONNRESET));
    ck_assert_int_ge(clients[0], 0);
}
END_TEST

START_TEST(another_hub_while_one_reads)
{
    char buffer[8];

    ck_ok(green_detach(start_reader(_i)));
    ck_ok(green_use_hub("poll"));
    ck_assert_int_eq(write(pair[1], "mine", 4), 4);
    ck_assert_int_eq(green_read(pair[0], buffer, 8), 4);
    ck_assert_int_eq(got, 0); /* the reader did not run again */
}
END_TEST

static void *leave_a_reader(void *arg)
{
    use_completing_hub();
    ck_ok(green_detach(start_reader((intptr_t)arg)));
    return NULL;
}

START_TEST(the_os_thread_ends_while_one_reads)
{
    char buffer[8];
    pthread_t thread;

    ck_ok(green_use_hub("poll"));
    ck_ok(pthread_create(&thread, NULL, leave_a_reader, (void *)(intptr_t)_i));
    ck_ok(pthread_join(thread, NULL));
    ck_assert_int_eq(write(pair[1], "mine", 4), 4);
    ck_assert_int_eq(recv(pair[0], buffer, 8, MSG_DONTWAIT), 4);
}
END_TEST

/* The child has its own hub; the parent's operation continues. */
START_TEST(a_fork_while_one_reads)
{
    struct green_thread *reader = start_reader(_i);
    int own[2];
    char buffer[8];
    pid_t child = fork();

    if (child == 0) {
        if (green_socketpair(AF_UNIX, SOCK_STREAM, 0, own) < 0 ||
            write(own[1], "child", 5) != 5 || green_sleep(GREEN_MSEC) < 0 ||
            green_read(own[0], buffer, 8) != 5)
            _exit(1);
        _exit(0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    ck_assert_int_eq(write(pair[1], "parent", 6), 6);
    ck_ok(green_join(reader, NULL));
    ck_assert_int_eq(got, 6);
    ck_assert_mem_eq(text, "parent", 6);
}
END_TEST

static void *write_much(void *arg)
{
    static char much[4 << 20];

    (void)arg;
    got = green_write(pair[1], much, sizeof much);
    got_error = got < 0 ? errno : 0;
    return NULL;
}

/* The call returns the number of bytes that it wrote. */
START_TEST(killed_in_the_middle_of_a_write)
{
    struct green_thread *writer = green_spawn(write_much, NULL);
    char buffer[65536];
    ssize_t n, total = 0;

    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(writer));
    ck_ok(green_join(writer, NULL));
    ck_assert_int_gt(got, 0);
    while ((n = recv(pair[0], buffer, sizeof buffer, MSG_DONTWAIT)) > 0)
        total += n;
    ck_assert_int_eq(total, got);
}
END_TEST

#define MANY 600

static void *echo_one(void *arg)
{
    int fd = (int)(intptr_t)arg;
    char byte;

    for (int i = 0; i < 5; i++) {
        ck_assert_int_eq(green_read(fd, &byte, 1), 1);
        byte++;
        ck_assert_int_eq(green_write(fd, &byte, 1), 1);
    }
    ck_ok(green_close(fd));
    return NULL;
}

/* More than a queue of the kernel holds. */
START_TEST(many_at_once)
{
    static struct green_thread *threads[MANY];
    static int fds[MANY][2];

    for (int i = 0; i < MANY; i++) {
        ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds[i]));
        threads[i] = green_spawn(echo_one, (void *)(intptr_t)fds[i][0]);
        ck_assert_ptr_nonnull(threads[i]);
    }
    for (int round = 0; round < 5; round++) {
        for (int i = 0; i < MANY; i++)
            ck_assert_int_eq(write(fds[i][1], &(char){(char)i}, 1), 1);
        for (int i = 0; i < MANY; i++) {
            char byte;

            ck_assert_int_eq(green_read(fds[i][1], &byte, 1), 1);
            ck_assert_int_eq(byte, (char)(i + 1));
        }
    }
    for (int i = 0; i < MANY; i++)
        ck_ok(green_join(threads[i], NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_operations");
    TCase *early = add_tcase(suite, "early"),
          *closed = add_tcase(suite, "closed");

    tcase_add_checked_fixture(early, set_up, NULL);
    tcase_add_checked_fixture(closed, set_up, NULL);
    tcase_add_test(early, it_is_an_operation);
    tcase_add_loop_test(early, killed_before_any_data_arrived, 0, 2);
    tcase_add_test(early, killed_before_it_was_called);
    tcase_add_test(early, killed_when_a_byte_arrives);
    tcase_add_test(early, timed_out);
    tcase_add_test(early, the_sockets_own_timeout);
    tcase_add_test(early, killed_in_the_middle_of_a_write);
    tcase_add_test(early, many_at_once);
    tcase_add_loop_test(closed, closed_while_one_reads, 0, 2);
    tcase_add_loop_test(closed, closed_by_close_and_reused, 0, 2);
    tcase_add_test(closed, a_listener_is_closed);
    tcase_add_loop_test(closed, another_hub_while_one_reads, 0, 2);
    tcase_add_loop_test(closed, the_os_thread_ends_while_one_reads, 0, 2);
    tcase_add_loop_test(closed, a_fork_while_one_reads, 0, 2);
    return run_suite(suite);
}
