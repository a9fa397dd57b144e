/* Rules of greenhub check: operations, for modules that carry them out. */
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
        check_skip("the hub carries out no operations");
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
               "an operation is not taken: errno %d", errno);
}

static void await(int count)
{
    green_time end = check_clock() + 4 * GREEN_SEC;

    while (ended < count && check_clock() < end)
        check_turn(100 * GREEN_MSEC);
    check_turn(0);
    check_that(ended == count, "%d operations ended, not %d", ended, count);
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
    check_turn(0);
    check_that(ended == 0, "it has ended before anything came: %lld",
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
            check_turn(0);
        if (round % 3 == 0)
            check_send(fds[1]);
        if (ended == round)
            check_that(green_hub_withdraw(check_hub(), &o) == 0,
                       "it cannot be withdrawn");
        await(round + 1);
        check_that(o.result == 1 || round % 3 ||
                       read(fds[0], buffer, sizeof buffer) == 1,
                   "what came is lost: the result is %lld",
                   (long long)o.result);
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
    check_turn(0);
    close(fds[1]);
    await(MANY);
}

static void lets_go(void)
{
    char buffer[8];
    struct green_operation o;
    int fds[2];

    needs_operations();
    check_socketpair(fds);
    o = receive(fds[0], buffer, sizeof buffer);
    submit(&o);
    check_turn(0);
    check_that(green_hub_withdraw(check_hub(), &o) == 0, "not withdrawn");
    green_close(fds[0]);
    check_that(recv(fds[1], buffer, sizeof buffer, MSG_DONTWAIT) == 0,
               "the open file is still open after green_close");
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
    check_turn(0);
    check_that(green_use_hub("poll") == 0, "no other hub: %s",
               green_hub_error());
    check_send(fds[1]);
    check_turn(0);
    check_that(buffer[0] == '\0' && ended == 0,
               "an operation of a closed hub goes on");
    check_that(read(fds[0], buffer, sizeof buffer) == 1,
               "an operation of a closed hub has taken what came later");
}

const struct check_rule check_rules_operations[] = {
    {"an operation ends with what comes later", comes_later, false},
    {"an operation that is withdrawn ends once and loses nothing", cancelled,
     false},
    {"any number of operations may be submitted in a turn", many, false},
    {"a closed descriptor is let go of at once", lets_go, false},
    {"operations end with their hub", ends_with_the_hub, false},
    {0},
};
