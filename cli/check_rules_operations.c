/* Rules of greenhub check: operations, for modules that support them. */
#include "check.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 2000

static int ended;

static void note(struct green_operation *operation)
{
    (void)operation;
    ended++;
}

static void needs_operations(void)
{
    if (!green_hub_can(check_hub(), GREEN_OP_RECV))
        check_skip("the hub does not support operations");
}

static struct green_operation receive(int fd, char *buffer, size_t size)
{
    return (struct green_operation){.kind = GREEN_OP_RECV,
                                    .fd = fd,
                                    .buffer = buffer,
                                    .size = size,
                                    .callback = note};
}

static void submit(struct green_operation *operation)
{
    check_that(green_hub_submit(check_hub(), operation) == 0,
               "green_hub_submit failed: errno %d", errno);
}

static void await(int count)
{
    green_time end = check_clock() + 4 * GREEN_SEC;

    while (ended < count && check_clock() < end)
        check_iterate(100 * GREEN_MSEC);
    check_iterate(0);
    check_that(ended == count, "%d operations completed, not %d", ended, count);
}

static void comes_later(void)
{
    char buffer[8];
    struct green_operation o;
    int fds[2];

    needs_operations();
    check_socketpair(fds);
    o = receive(fds[0], buffer, sizeof buffer);
    o.flags = 0;
    submit(&o);
    check_iterate(0);
    check_that(ended == 0, "it completed before data arrived: result %lld",
               (long long)o.result);
    check_send(fds[1]);
    await(1);
    check_that(o.result == 1, "its result is %lld, not 1", (long long)o.result);
}

static void cancelled(void)
{
    char buffer[8];

    needs_operations();
    for (int round = 0; round < 100; round++) {
        struct green_operation o;
        int fds[2];

        check_socketpair(fds);
        o = receive(fds[0], buffer, sizeof buffer);
        submit(&o);
        if (round % 2)
            check_iterate(0);
        if (round % 3 == 0)
            check_send(fds[1]);
        if (ended == round)
            check_that(green_hub_cancel_operation(check_hub(), &o) == 0,
                       "green_hub_cancel_operation failed");
        await(round + 1);
        check_that(o.result == 1 || round % 3 ||
                       read(fds[0], buffer, sizeof buffer) == 1,
                   "data is lost: the result is %lld", (long long)o.result);
        close(fds[0]);
        close(fds[1]);
    }
}

static void many(void)
{
    struct green_operation *o = calloc(MANY, sizeof *o);
    char byte = 'x';
    int fds[2];

    needs_operations();
    check_socketpair(fds);
    for (int i = 0; o && i < MANY; i++) {
        o[i] = receive(fds[0], &byte, 1);
        submit(&o[i]);
    }
    check_iterate(0);
    close(fds[1]);
    await(MANY);
}

static void released_by_close(void)
{
    char buffer[8];
    struct green_operation o;
    int fds[2];

    needs_operations();
    check_socketpair(fds);
    o = receive(fds[0], buffer, sizeof buffer);
    submit(&o);
    check_iterate(0);
    check_that(green_hub_cancel_operation(check_hub(), &o) == 0,
               "green_hub_cancel_operation failed");
    green_close(fds[0]);
    check_that(recv(fds[1], buffer, sizeof buffer, MSG_DONTWAIT) == 0,
               "the file is still open after green_close");
    await(1);
}

static void ends_with_the_hub(void)
{
    char buffer[8] = "";
    struct green_operation o;
    int fds[2];

    needs_operations();
    check_socketpair(fds);
    o = receive(fds[0], buffer, sizeof buffer);
    submit(&o);
    check_iterate(0);
    check_that(green_use_hub("poll") == 0, "cannot use the hub poll: %s",
               green_hub_error());
    check_send(fds[1]);
    check_iterate(0);
    check_that(buffer[0] == '\0' && ended == 0,
               "an operation of a closed hub completed");
    check_that(read(fds[0], buffer, sizeof buffer) == 1,
               "an operation of a closed hub has read data that arrived later");
}

const struct check_rule check_rules_operations[] = {
    {"an operation completes when data arrives later", comes_later, false},
    {"a withdrawn operation completes once and loses no data", cancelled,
     false},
    {"any number of operations can be submitted in one iteration", many, false},
    {"green_close closes a withdrawn operation's file at once",
     released_by_close, false},
    {"closing a hub ends its operations", ends_with_the_hub, false},
    {0},
};
