/* Kinds of descriptors, and their numbers: files, high numbers, closed,
 * reused. */
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

static void iterate(green_time timeout)
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
        iterate(GREEN_FOREVER);
        ck_assert_int_eq(called, i);
    }
    ck_ok(green_hub_remove(hub, &l));
    iterate(0);
    iterate(GREEN_MSEC);
    ck_assert_int_eq(called, 5);
    /* Once more; then another file gets the number. */
    ck_ok(green_hub_add(hub, &l));
    iterate(GREEN_FOREVER);
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
    iterate(GREEN_FOREVER);
    ck_ok(green_hub_remove(hub, &l));
    pipe_pair(fds);
    ck_assert_int_eq(dup2(fds[0], l.fd), l.fd);
    called = 0;
    ck_ok(green_hub_add(hub, &l));
    iterate(0);
    iterate(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    iterate(GREEN_FOREVER);
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
        SKIP("the hard limit of open files is too low");
        return;
    }
    tcp_pair(fds);
    fds[0] = raise_fd(fds[0], numbers[_i]);
    l.fd = w.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    iterate(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(fds[1], "xy", 2), 2);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_ok(green_hub_remove(hub, &l));
    ck_ok(green_hub_add(hub, &w));
    iterate(GREEN_FOREVER);
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

START_TEST(forget_calls_all_listeners)
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
    iterate(0);
    iterate(GREEN_MSEC);
    ck_assert_int_eq(called, 0);
    ck_ok(green_hub_add(hub, &l[0]));
    iterate(GREEN_FOREVER);
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

START_TEST(a_listener_of_a_closed_descriptor_may_be_added_again)
{
    struct green_listener l = {.events = GREEN_READ, .callback = add_again};
    int fds[2];

    tcp_pair(fds);
    l.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_forget(hub, l.fd));
    ck_assert_int_eq(closed, 1);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

/* Events of the old file are not reported to listeners of the new one. */
START_TEST(a_reused_number)
{
    struct green_listener l = {.events = GREEN_READ, .callback = note};
    int fds[2], others[2];

    tcp_pair(fds);
    tcp_pair(others);
    l.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_wait(hub, GREEN_FOREVER)); /* seen, not yet delivered */
    ck_ok(green_hub_forget(hub, fds[0]));
    ck_assert_int_eq(dup2(others[0], fds[0]), fds[0]);
    ck_ok(green_hub_add(hub, &l));
    ck_ok(green_hub_dispatch(hub));
    iterate(0);
    iterate(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

/* Closed with close(2); the number is reused and added again. */
START_TEST(closed_by_close_and_reused)
{
    struct green_listener l = {.events = GREEN_READ, .callback = note};
    int fds[2], others[2], number;

    pipe_pair(fds);
    pipe_pair(others);
    l.fd = number = fds[0];
    ck_ok(green_hub_add(hub, &l));
    iterate(0);
    ck_ok(green_hub_remove(hub, &l));
    close(number);
    ck_assert_int_eq(dup2(others[0], number), number);
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
}
END_TEST

static int others[2];
static struct green_listener successor = {.events = GREEN_READ,
                                          .callback = note};

/* Closes the descriptor and reuses its number; another listener is added for it
 * at once. */
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

START_TEST(closed_and_reused_in_a_callback)
{
    struct green_listener l = {.events = GREEN_READ, .callback = replace};
    int fds[2];

    pipe_pair(fds);
    pipe_pair(others);
    l.fd = fds[0];
    ck_ok(green_hub_add(hub, &l));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_assert_int_eq(closed, 1); /* only the old listener */
    ck_assert_int_eq(write(others[1], "y", 1), 1);
    iterate(GREEN_FOREVER);
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
        SKIP("the hard limit of open files is too low");
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
    /* A hub may report some in each iteration, as long as it reports all in the
     * end. */
    for (int i = 0; i < COUNT; i += 3)
        while (!l[i].arg)
            iterate(GREEN_FOREVER);
    called = 0;
    for (int i = 0; i < COUNT; i++) {
        ck_assert(!l[i].arg || i % 3 == 0);
        ck_ok(green_hub_remove(hub, &l[i]));
    }
    iterate(0);
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
    tcase_add_test(ends, forget_calls_all_listeners);
    tcase_add_test(ends, forget_arguments);
    tcase_add_test(ends, a_listener_of_a_closed_descriptor_may_be_added_again);
    tcase_add_test(ends, a_reused_number);
    tcase_add_test(ends, closed_by_close_and_reused);
    tcase_add_test(ends, closed_and_reused_in_a_callback);
    return run_suite(suite);
}
