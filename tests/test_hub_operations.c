/* Operations: system calls that a hub carries out by itself. */
#include "completing.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static struct green_hub *hub;
static int pair[2];
static int ended;

static void set_up(void)
{
    use_completing_hub();
    hub = green_get_hub();
    unix_pair(pair);
}

static void iterate(green_time timeout)
{
    ck_ok(green_hub_wait(hub, timeout));
    ck_ok(green_hub_dispatch(hub));
}

static void note(struct green_operation *operation)
{
    (void)operation;
    ended++;
}

/* Iterates until so many have ended. */
static void await(int count)
{
    while (ended < count)
        iterate(GREEN_FOREVER);
    ck_assert_int_eq(ended, count);
}

static struct green_operation receive(int fd, char *buffer, size_t size)
{
    return (struct green_operation){.kind = GREEN_OP_RECV,
                                    .fd = fd,
                                    .buffer = buffer,
                                    .size = size,
                                    .callback = note};
}

static struct green_operation transmit(int fd, const char *text)
{
    return (struct green_operation){.kind = GREEN_OP_SEND,
                                    .fd = fd,
                                    .buffer = (void *)(uintptr_t)text,
                                    .size = strlen(text),
                                    .callback = note};
}

START_TEST(a_hub_without_operations_fails)
{
    struct green_operation o = receive(pair[0], NULL, 0);
    const char *const names[] = {"poll", "selects", "sim"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        ck_ok(green_use_hub(names[i]));
        for (unsigned kind = 0; kind < GREEN_OP_KINDS; kind++)
            ck_assert(!green_hub_can(green_get_hub(),
                                     (enum green_operation_kind)kind));
        ck_fails(green_hub_submit(green_get_hub(), &o), ENOSYS);
    }
    ck_assert(!green_hub_can(NULL, GREEN_OP_RECV));
}
END_TEST

START_TEST(wrong_arguments_are_refused)
{
    char buffer[8];
    struct green_operation o = receive(pair[0], buffer, sizeof buffer);

    ck_fails(green_hub_submit(NULL, &o), EINVAL);
    ck_fails(green_hub_submit(hub, NULL), EINVAL);
    ck_fails(green_hub_cancel_operation(hub, NULL), EINVAL);
    ck_fails(green_hub_cancel_operation(NULL, &o), EINVAL);
    ck_fails(green_hub_cancel_operation(hub, &o), ENOENT);
    o.kind = GREEN_OP_KINDS;
    ck_assert(!green_hub_can(hub, GREEN_OP_KINDS));
    ck_fails(green_hub_submit(hub, &o), EINVAL);
    o.kind = GREEN_OP_RECV;
    o.callback = NULL;
    ck_fails(green_hub_submit(hub, &o), EINVAL);
}
END_TEST

START_TEST(later_data_is_received)
{
    char buffer[8];
    struct green_operation o = receive(pair[0], buffer, sizeof buffer);

    ck_ok(green_hub_submit(hub, &o));
    ck_fails(green_hub_submit(hub, &o), EALREADY);
    iterate(0);
    iterate(0);
    ck_assert_int_eq(ended, 0);
    ck_assert_int_eq(write(pair[1], "late", 4), 4);
    await(1);
    ck_assert_int_eq(o.result, 4);
    ck_assert_mem_eq(buffer, "late", 4);
    /* It may be submitted again. */
    ck_assert_int_eq(write(pair[1], "more", 4), 4);
    ck_ok(green_hub_submit(hub, &o));
    await(2);
    ck_assert_mem_eq(buffer, "more", 4);
}
END_TEST

START_TEST(errors_are_results)
{
    char buffer[8];
    struct green_operation o = receive(pair[0], buffer, sizeof buffer);

    close(pair[0]);
    ck_ok(green_hub_submit(hub, &o));
    await(1);
    ck_assert_int_eq(o.result, -EBADF);
}
END_TEST

START_TEST(a_pending_operation_can_be_cancelled)
{
    char buffer[8];
    struct green_operation o = receive(pair[0], buffer, sizeof buffer);

    ck_ok(green_hub_submit(hub, &o));
    if (_i)
        iterate(0); /* the kernel has the operation now */
    ck_ok(green_hub_cancel_operation(hub, &o));
    ck_ok(green_hub_cancel_operation(hub, &o));
    await(1);
    ck_assert(o.result == -ECANCELED || o.result == -EINTR);
    ck_fails(green_hub_cancel_operation(hub, &o), ENOENT);
    /* The next read gets bytes that arrive now. */
    ck_assert_int_eq(write(pair[1], "x", 1), 1);
    iterate(0);
    iterate(0);
    ck_assert_int_eq(ended, 1);
    ck_assert_int_eq(read(pair[0], buffer, 8), 1);
}
END_TEST

/* Either the operation received the byte, and its result says so, or the byte
 * is still there. */
START_TEST(cancelled_too_late_loses_nothing)
{
    for (int round = 0; round < 200; round++) {
        char buffer[8] = "";
        struct green_operation o = receive(pair[0], buffer, sizeof buffer);

        ck_ok(green_hub_submit(hub, &o));
        if (round % 2)
            iterate(0);
        ck_assert_int_eq(write(pair[1], "x", 1), 1);
        if (round % 3 == 0)
            iterate(0);
        if (ended == round)
            ck_ok(green_hub_cancel_operation(hub, &o));
        await(round + 1);
        if (o.result != 1) {
            ck_assert(o.result == -ECANCELED || o.result == -EINTR);
            ck_assert_int_eq(read(pair[0], buffer, 8), 1);
        }
        ck_assert_int_eq(buffer[0], 'x');
    }
}
END_TEST

/* More than any queue of the kernel holds. */
#define MANY 3000

START_TEST(any_number_may_be_submitted_at_once)
{
    struct green_operation *o = calloc(MANY, sizeof *o);

    for (int i = 0; i < MANY; i++) {
        o[i] = transmit(pair[1], "y");
        ck_ok(green_hub_submit(hub, &o[i]));
    }
    /* The socket may not have room for all of them before it is read. */
    for (int got = 0; got < MANY || ended < MANY;) {
        char buffer[512];
        ssize_t n;

        iterate(0);
        n = recv(pair[0], buffer, sizeof buffer, MSG_DONTWAIT);
        got += n > 0 ? (int)n : 0;
        ck_assert_int_le(got, MANY);
    }
    for (int i = 0; i < MANY; i++)
        ck_assert_int_eq(o[i].result, 1);
    free(o);
}
END_TEST

static void submit_again(struct green_operation *operation)
{
    if (++ended < 5)
        ck_ok(green_hub_submit(hub, operation));
}

START_TEST(a_callback_may_submit_it_again)
{
    struct green_operation o = transmit(pair[1], "z");
    char buffer[8];

    o.callback = submit_again;
    ck_ok(green_hub_submit(hub, &o));
    await(5);
    ck_assert_int_eq(recv(pair[0], buffer, sizeof buffer, 0), 5);
}
END_TEST

static void release(struct green_operation *operation)
{
    ended++;
    free(operation);
}

START_TEST(a_callback_may_free_its_operation)
{
    for (int i = 0; i < 20; i++) {
        struct green_operation *o = calloc(1, sizeof *o);

        *o = transmit(pair[1], "w");
        o->callback = release;
        ck_ok(green_hub_submit(hub, o));
    }
    await(20);
}
END_TEST

START_TEST(vectors_and_messages)
{
    char first[3] = "ab", second[4] = "cde", got[8] = "";
    struct iovec out[] = {{first, 2}, {second, 3}}, in[] = {{got, sizeof got}};
    struct msghdr send_it = {.msg_iov = out, .msg_iovlen = 2};
    struct msghdr get_it = {.msg_iov = in, .msg_iovlen = 1};
    struct green_operation o = {.kind = GREEN_OP_SENDMSG,
                                .fd = pair[1],
                                .buffer = &send_it,
                                .callback = note};

    ck_ok(green_hub_submit(hub, &o));
    await(1);
    ck_assert_int_eq(o.result, 5);
    o.kind = GREEN_OP_RECVMSG;
    o.fd = pair[0];
    o.buffer = &get_it;
    ck_ok(green_hub_submit(hub, &o));
    await(2);
    ck_assert_int_eq(o.result, 5);
    ck_assert_mem_eq(got, "abcde", 5);
}
END_TEST

START_TEST(a_connection_is_accepted)
{
    struct sockaddr_storage address;
    socklen_t length = sizeof address;
    int port, listener = tcp_listener(&port), client;
    struct green_operation o = {.kind = GREEN_OP_ACCEPT,
                                .fd = listener,
                                .buffer = &address,
                                .length = &length,
                                .flags = SOCK_CLOEXEC,
                                .callback = note};

    ck_ok(green_hub_submit(hub, &o));
    iterate(0);
    client = socket(AF_INET, SOCK_STREAM, 0);
    length = sizeof address;
    ck_ok(getsockname(listener, (struct sockaddr *)&address, &length));
    ck_ok(connect(client, (struct sockaddr *)&address, length));
    length = sizeof address;
    await(1);
    ck_assert_int_ge(o.result, 0);
    ck_assert_int_eq(address.ss_family, AF_INET);
    ck_assert(fcntl((int)o.result, F_GETFD) & FD_CLOEXEC);
    close((int)o.result);
    close(client);
    close(listener);
}
END_TEST

static int64_t carry_out(struct green_operation o)
{
    o.callback = note;
    ended = 0;
    ck_ok(green_hub_submit(hub, &o));
    await(1);
    return o.result;
}

START_TEST(files)
{
    char folder[] = "/tmp/greenhub-XXXXXX", got[8] = "";
    struct iovec iov[] = {{got, 2}, {got + 2, 2}};
    struct statx status;
    struct green_operation o = {.kind = GREEN_OP_OPEN, .path = "file"};
    int at, fd;

    ck_assert_ptr_nonnull(mkdtemp(folder));
    at = o.fd = open(folder, O_PATH | O_DIRECTORY);
    o.flags = O_RDWR | O_CREAT | O_CLOEXEC;
    o.mode = 0600;
    fd = (int)carry_out(o);
    ck_assert_int_ge(fd, 0);
    o = (struct green_operation){.kind = GREEN_OP_WRITE, .fd = fd, .size = 4};
    o.buffer = (char[]){'a', 'b', 'c', 'd'};
    o.offset = 2;
    ck_assert_int_eq(carry_out(o), 4);
    o = (struct green_operation){.kind = GREEN_OP_FSYNC, .fd = fd};
    ck_assert_int_eq(carry_out(o), 0);
    o.flags = 1;
    ck_assert_int_eq(carry_out(o), 0);
    o = (struct green_operation){.kind = GREEN_OP_STAT, .fd = fd, .path = ""};
    o.flags = AT_EMPTY_PATH;
    o.mode = STATX_SIZE;
    o.buffer = &status;
    ck_assert_int_eq(carry_out(o), 0);
    ck_assert_int_eq(status.stx_size, 6);
    /* At the file's own offset, which is still 0: two zeros, then "ab". */
    o = (struct green_operation){.kind = GREEN_OP_READV, .fd = fd, .size = 2};
    o.buffer = iov;
    o.offset = -1;
    ck_assert_int_eq(carry_out(o), 4);
    ck_assert_mem_eq(got, "\0\0ab", 4);
    o = (struct green_operation){.kind = GREEN_OP_READ, .fd = fd, .size = 8};
    o.buffer = got;
    o.offset = -1;
    ck_assert_int_eq(carry_out(o), 2);
    ck_assert_mem_eq(got, "cd", 2);
    ck_assert_int_eq(carry_out(o), 0);
    o = (struct green_operation){.kind = GREEN_OP_WRITEV, .fd = fd, .size = 2};
    o.buffer = iov;
    o.offset = 6;
    ck_assert_int_eq(carry_out(o), 4);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 10);
    o = (struct green_operation){.kind = GREEN_OP_OPEN, .path = "absent"};
    o.fd = AT_FDCWD;
    ck_assert_int_eq(carry_out(o), -ENOENT);
    close(fd);
    ck_ok(unlinkat(at, "file", 0));
    close(at);
    ck_ok(rmdir(folder));
}
END_TEST

/* The memory of pending operations may be freed once the hub is gone. */
START_TEST(eliminated_with_its_hub)
{
    char *buffer = malloc(8);
    struct green_operation *o = calloc(1, sizeof *o);
    char got[8];

    *o = receive(pair[0], buffer, 8);
    ck_ok(green_hub_submit(hub, o));
    if (_i)
        iterate(0);
    ck_ok(green_use_hub("poll"));
    free(o);
    free(buffer);
    hub = green_get_hub();
    ck_assert_int_eq(write(pair[1], "mine", 4), 4);
    iterate(0);
    iterate(0);
    ck_assert_int_eq(recv(pair[0], got, sizeof got, MSG_DONTWAIT), 4);
    ck_assert_int_eq(ended, 0);
}
END_TEST

START_TEST(operations_are_counted)
{
    struct green_operation o = transmit(pair[1], "v");
    uint64_t before = stats_now().operations;

    ck_ok(green_hub_submit(hub, &o));
    await(1);
    ck_assert_int_eq(stats_now().operations, before + 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub_operations");
    TCase *tcase = add_tcase(suite, "operations");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, a_hub_without_operations_fails);
    tcase_add_test(tcase, wrong_arguments_are_refused);
    tcase_add_test(tcase, later_data_is_received);
    tcase_add_test(tcase, errors_are_results);
    tcase_add_loop_test(tcase, a_pending_operation_can_be_cancelled, 0, 2);
    tcase_add_test(tcase, cancelled_too_late_loses_nothing);
    tcase_add_test(tcase, any_number_may_be_submitted_at_once);
    tcase_add_test(tcase, a_callback_may_submit_it_again);
    tcase_add_test(tcase, a_callback_may_free_its_operation);
    tcase_add_test(tcase, vectors_and_messages);
    tcase_add_test(tcase, a_connection_is_accepted);
    tcase_add_test(tcase, files);
    tcase_add_loop_test(tcase, eliminated_with_its_hub, 0, 2);
    tcase_add_test(tcase, operations_are_counted);
    return run_suite(suite);
}
