/* Kinds of descriptors and their numbers: files, high ones, closed, reused. */
#include "support.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

static struct green_hub *hub;
static int called, closed;

static void set_up(void)
{
    hub = green_get_hub();
    ck_assert_ptr_nonnull(hub);
}

static void turn(green_time timeout)
{
    ck_ok(green_hub_wait(hub, timeout));
    ck_ok(green_hub_dispatch(hub));
}

static void note(struct green_listener *listener, unsigned events)
{
    if (events & GREEN_CLOSED)
        closed++;
    else if (events & listener->events)
        called++;
}

static int regular_file(void)
{
    char name[] = "/tmp/greenhub-test-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    unlink(name);
    return fd;
}

START_TEST(regular_files_are_always_ready)
{
    struct green_listener l = {.fd = regular_file(),
                               .events = _i ? GREEN_WRITE : GREEN_READ,
                               .callback = note};

    ck_ok(green_hub_add(hub, &l));
    for (int i = 1; i <= 5; i++) {
        turn(GREEN_FOREVER);
        ck_assert_int_eq(called, i);
    }
    ck_ok(green_hub_remove(hub, &l));
    turn(0);
    turn(GREEN_MSEC);
    ck_assert_int_eq(called, 5);
    /* And again, and the number for something else. */
    ck_ok(green_hub_add(hub, &l));
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 6);
    ck_ok(green_hub_remove(hub, &l));
    close(l.fd);
}
END_TEST

START_TEST(a_file_that_becomes_a_pipe)
{
    struct green_listener l = {
        .fd = regular_file(), .events = GREEN_READ, .callback = note};
    int fds[2];

    ck_ok(green_hub_add(hub, &l));
    turn(GREEN_FOREVER);
    ck_ok(green_hub_remove(hub, &l));
    pipe_pair(fds);
    ck_assert_int_eq(dup2(fds[0], l.fd), l.fd);
    called = 0;
    ck_ok(green_hub_add(hub, &l));
    turn(0);
    turn(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

static bool raise_limit(rlim_t least)
{
    struct rlimit limit;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    if (limit.rlim_max != RLIM_INFINITY && limit.rlim_max <= least)
        return false;
    limit.rlim_cur = limit.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

START_TEST(numbers_above_1023)
{
    const int numbers[] = {1023, 1024, 1025, 2047, 4000, 9001};
    struct green_listener l = {.events = GREEN_READ, .callback = note};
    struct green_listener w = {.events = GREEN_WRITE, .callback = note};
    int fds[2];
    char c;

    if (is_emulated()) {
        SKIP("qemu-user ends the process with 127");
        return;
    }
    if (!raise_limit((rlim_t)numbers[_i] + 8)) {
        SKIP("the limit of open files is too low, and hard");
        return;
    }
    tcp_pair(fds);
    fds[0] = raise_fd(fds[0], numbers[_i]);
    l.fd = w.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    turn(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(fds[1], "xy", 2), 2);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_ok(green_hub_remove(hub, &l));
    ck_ok(green_hub_add(hub, &w));
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 2);
    ck_ok(green_hub_remove(hub, &w));
    ck_assert_int_eq(green_read(fds[0], &c, 1), 1);
    ck_assert_int_eq(green_write(fds[0], "z", 1), 1);
    ck_assert_int_eq(read(fds[1], &c, 1), 1);
    ck_assert_int_eq(c, 'z');
    ck_fails(green_hub_add(
                 hub, &(struct green_listener){.fd = numbers[_i] - 1 + 2000,
                                               .events = GREEN_READ,
                                               .callback = note}),
             EBADF);
}
END_TEST

/* ---- Closed ---------------------------------------------------------- */

START_TEST(forget_tells_all_who_wait)
{
    struct green_listener l[3];
    int fds[2];

    tcp_pair(fds);
    for (int i = 0; i < 3; i++) {
        l[i] = (struct green_listener){
            .fd = fds[0], .events = GREEN_READ, .callback = note};
        ck_ok(green_hub_add(hub, &l[i]));
    }
    ck_ok(green_hub_forget(hub, fds[0]));
    ck_assert_int_eq(closed, 3);
    for (int i = 0; i < 3; i++)
        ck_fails(green_hub_remove(hub, &l[i]), ENOENT);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    turn(0);
    turn(GREEN_MSEC);
    ck_assert_int_eq(called, 0);
    ck_ok(green_hub_add(hub, &l[0]));
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

START_TEST(forget_arguments)
{
    int fd = dup(0);

    ck_fails(green_hub_forget(NULL, 0), EINVAL);
    ck_fails(green_hub_forget(hub, -1), EBADF);
    ck_ok(green_hub_forget(hub, fd));
    ck_ok(green_hub_forget(hub, 100000));
}
END_TEST

static void add_again(struct green_listener *listener, unsigned events)
{
    note(listener, events);
    if (events & GREEN_CLOSED) {
        listener->callback = note;
        ck_ok(green_hub_add(hub, listener));
    }
}

START_TEST(told_of_the_end_one_may_add_itself_again)
{
    struct green_listener l = {.events = GREEN_READ, .callback = add_again};
    int fds[2];

    tcp_pair(fds);
    l.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_forget(hub, l.fd));
    ck_assert_int_eq(closed, 1);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

/* What was seen of the old file is not told of the new one. */
START_TEST(a_number_used_again)
{
    struct green_listener l = {.events = GREEN_READ, .callback = note};
    int fds[2], others[2];

    tcp_pair(fds);
    tcp_pair(others);
    l.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_wait(hub, GREEN_FOREVER)); /* seen, not told */
    ck_ok(green_hub_forget(hub, fds[0]));
    ck_assert_int_eq(dup2(others[0], fds[0]), fds[0]);
    ck_ok(green_hub_add(hub, &l));
    ck_ok(green_hub_dispatch(hub));
    turn(0);
    turn(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

/* Closed by plain close, number used again, added anew by its new owner. */
START_TEST(closed_without_a_word_and_used_again)
{
    struct green_listener l = {.events = GREEN_READ, .callback = note};
    int fds[2], others[2], number;

    pipe_pair(fds);
    pipe_pair(others);
    l.fd = number = fds[0];
    ck_ok(green_hub_add(hub, &l));
    turn(0);
    ck_ok(green_hub_remove(hub, &l));
    close(number);
    ck_assert_int_eq(dup2(others[0], number), number);
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

static int others[2];
static struct green_listener successor = {.events = GREEN_READ,
                                          .callback = note};

/* Gives the number to something new, which somebody else waits for at once. */
static void replace(struct green_listener *listener, unsigned events)
{
    note(listener, events);
    if (events & GREEN_CLOSED)
        return;
    ck_ok(green_hub_forget(hub, listener->fd));
    ck_assert_int_eq(dup2(others[0], listener->fd), listener->fd);
    successor.fd = listener->fd;
    ck_ok(green_hub_add(hub, &successor));
}

START_TEST(closed_and_used_again_by_one_that_is_called)
{
    struct green_listener l = {.events = GREEN_READ, .callback = replace};
    int fds[2];

    pipe_pair(fds);
    pipe_pair(others);
    l.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_assert_int_eq(closed, 1); /* the former one alone */
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    turn(GREEN_FOREVER);
    ck_assert_int_eq(called, 2);
    ck_ok(green_hub_remove(hub, &successor));
}
END_TEST

static void note_one(struct green_listener *listener, unsigned events)
{
    note(listener, events);
    listener->arg = listener;
}

START_TEST(many_descriptors_at_once)
{
    enum { COUNT = 300 };
    static struct green_listener l[COUNT];
    static int pairs[COUNT][2];

    if (!raise_limit(2 * COUNT + 50)) {
        SKIP("the limit of open files is too low, and hard");
        return;
    }
    for (int i = 0; i < COUNT; i++) {
        unix_pair(pairs[i]);
        l[i] = (struct green_listener){
            .fd = pairs[i][0], .events = GREEN_READ, .callback = note_one};
        ck_ok(green_hub_add(hub, &l[i]));
        if (i % 3 == 0)
            ck_assert_int_eq(write(pairs[i][1], "x", 1), 1);
    }
    ck_assert_uint_ge(stats_now().descriptors, COUNT);
    /* A hub may tell of some in each turn, as long as none is left out. */
    for (int i = 0; i < COUNT; i += 3)
        while (!l[i].arg)
            turn(GREEN_FOREVER);
    called = 0;
    for (int i = 0; i < COUNT; i++) {
        ck_assert(!l[i].arg || i % 3 == 0);
        ck_ok(green_hub_remove(hub, &l[i]));
    }
    turn(0);
    ck_assert_int_eq(called, 0);
    ck_assert_uint_le(stats_now().descriptors, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub descriptors");
    TCase *kinds = add_tcase(suite, "kinds and numbers");
    TCase *ends = add_tcase(suite, "closed");

    tcase_add_checked_fixture(kinds, set_up, NULL);
    tcase_add_checked_fixture(ends, set_up, NULL);
    tcase_add_loop_test(kinds, regular_files_are_always_ready, 0, 2);
    tcase_add_test(kinds, a_file_that_becomes_a_pipe);
    tcase_add_loop_test(kinds, numbers_above_1023, 0, 6);
    tcase_add_test(kinds, many_descriptors_at_once);
    tcase_add_test(ends, forget_tells_all_who_wait);
    tcase_add_test(ends, forget_arguments);
    tcase_add_test(ends, told_of_the_end_one_may_add_itself_again);
    tcase_add_test(ends, a_number_used_again);
    tcase_add_test(ends, closed_without_a_word_and_used_again);
    tcase_add_test(ends, closed_and_used_again_by_one_that_is_called);
    return run_suite(suite);
}
