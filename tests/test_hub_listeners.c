/* Listeners: which ones the hub calls, when, in what order, with what
 * events. */
#include "support.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct green_hub *hub;
static int order[256], called;
static unsigned reported;
static int fds[2];

static void set_up(void)
{
    hub = green_get_hub();
    ck_assert_ptr_nonnull(hub);
    tcp_pair(fds);
}

static void iterate(green_time timeout)
{
    ck_ok(green_hub_wait(hub, timeout));
    ck_ok(green_hub_dispatch(hub));
}

static void note(struct green_listener *listener, unsigned events)
{
    reported |= events;
    order[called++] = (int)(intptr_t)listener->arg;
}

static struct green_listener listen_for(int fd, unsigned events, int number)
{
    return (struct green_listener){.fd = fd,
                                   .events = events,
                                   .callback = note,
                                   .arg = (void *)(intptr_t)number};
}

START_TEST(level_triggered_until_removed)
{
    struct green_listener l = listen_for(fds[0], GREEN_READ, 1);

    ck_ok(green_hub_add(hub, &l));
    iterate(0);
    ck_assert_int_eq(called, 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    for (int i = 1; i <= 5; i++) {
        iterate(GREEN_FOREVER);
        ck_assert_int_eq(called, i);
    }
    ck_assert_uint_eq(reported, GREEN_READ);
    ck_ok(green_hub_remove(hub, &l));
    iterate(0);
    iterate(0);
    ck_assert_int_eq(called, 5);
    ck_fails(green_hub_remove(hub, &l), ENOENT);
}
END_TEST

START_TEST(in_the_order_of_adding)
{
    struct green_listener l[5];

    for (int i = 0; i < 5; i++) {
        l[i] = listen_for(fds[0], i % 2 ? GREEN_WRITE : GREEN_READ, i);
        ck_ok(green_hub_add(hub, &l[i]));
    }
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    /* The kernel may report the socket as writable before the byte arrives. */
    while (!(reported & GREEN_READ)) {
        called = 0;
        iterate(GREEN_FOREVER);
    }
    ck_assert_int_eq(called, 5);
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(order[i], i);
}
END_TEST

START_TEST(each_direction_to_its_listener)
{
    struct green_listener r = listen_for(fds[0], GREEN_READ, 1);
    struct green_listener w = listen_for(fds[0], GREEN_WRITE, 2);

    ck_ok(green_hub_add(hub, &r));
    ck_ok(green_hub_add(hub, &w));
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_assert_int_eq(order[0], 2);
    ck_assert_uint_eq(reported, GREEN_WRITE);
    ck_ok(green_hub_remove(hub, &w));
    iterate(0);
    ck_assert_int_eq(called, 1);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 2);
    ck_assert_int_eq(order[1], 1);
}
END_TEST

START_TEST(both_directions_at_once)
{
    struct green_listener l = listen_for(fds[0], GREEN_READ | GREEN_WRITE, 1);

    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_ok(green_hub_add(hub, &l));
    while (!(reported & GREEN_READ))
        iterate(GREEN_FOREVER);
    ck_assert_uint_eq(reported, GREEN_READ | GREEN_WRITE);
    ck_ok(green_hub_remove(hub, &l));
}
END_TEST

static struct green_listener victims[2];

static void remove_others(struct green_listener *listener, unsigned events)
{
    note(listener, events);
    for (int i = 0; i < 2; i++)
        if (&victims[i] != listener)
            green_hub_remove(hub, &victims[i]);
}

START_TEST(a_removed_listener_is_not_called)
{
    int others[2];

    /* On the same descriptor and on another one. */
    tcp_pair(others);
    victims[0] = listen_for(fds[0], GREEN_WRITE, 1);
    victims[1] = listen_for(_i ? others[0] : fds[0], GREEN_WRITE, 2);
    victims[0].callback = victims[1].callback = remove_others;
    ck_ok(green_hub_add(hub, &victims[0]));
    ck_ok(green_hub_add(hub, &victims[1]));
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 2);
    ck_assert_int_eq(order[1], order[0]);
}
END_TEST

static void remove_itself(struct green_listener *listener, unsigned events)
{
    note(listener, events);
    ck_ok(green_hub_remove(hub, listener));
    memset(listener, 0x5a, sizeof *listener); /* the caller's now */
}

START_TEST(a_listener_may_remove_itself)
{
    struct green_listener l[3];

    for (int i = 0; i < 3; i++) {
        l[i] = listen_for(fds[0], GREEN_WRITE, i);
        if (i != 1)
            l[i].callback = remove_itself;
        ck_ok(green_hub_add(hub, &l[i]));
    }
    iterate(GREEN_FOREVER);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 4);
    ck_assert_int_eq(order[3], 1);
}
END_TEST

static struct green_listener added_later;

static void add_another(struct green_listener *listener, unsigned events)
{
    note(listener, events);
    if (!added_later.callback) {
        added_later = listen_for(listener->fd, GREEN_WRITE, 2);
        ck_ok(green_hub_add(hub, &added_later));
    }
}

START_TEST(a_listener_may_add_another)
{
    struct green_listener l = listen_for(fds[0], GREEN_WRITE, 1);

    l.callback = add_another;
    ck_ok(green_hub_add(hub, &l));
    while (called < 10)
        iterate(GREEN_FOREVER);
    ck_assert_int_eq(order[called - 2], 1);
    ck_assert_int_eq(order[called - 1], 2);
}
END_TEST

static void wait_for_writing(struct green_listener *listener, unsigned events)
{
    char c;

    note(listener, events);
    ck_assert_int_eq(read(listener->fd, &c, 1), 1);
    if (!added_later.callback) {
        added_later = listen_for(listener->fd, GREEN_WRITE, 2);
        ck_ok(green_hub_add(hub, &added_later));
    }
}

/* As an echo server does when it cannot write more. */
START_TEST(adding_the_other_direction_keeps_the_first)
{
    struct green_listener l = listen_for(fds[0], GREEN_READ, 1);
    char junk[4096] = {0};

    while (send(fds[0], junk, sizeof junk, MSG_DONTWAIT) > 0)
        continue; /* a pipe end cannot be written */
    l.callback = wait_for_writing;
    ck_ok(green_hub_add(hub, &l));
    for (int i = 1; i <= 3; i++) {
        ck_assert_int_eq(write(fds[1], "x", 1), 1);
        while (called < i)
            iterate(GREEN_FOREVER);
        ck_assert_int_eq(order[i - 1], 1);
    }
}
END_TEST

START_TEST(the_end_of_the_peer)
{
    struct green_listener l = listen_for(fds[0], GREEN_READ, 1);
    char c;

    ck_ok(green_hub_add(hub, &l));
    if (_i)
        ck_ok(shutdown(fds[1], SHUT_WR));
    else
        close(fds[1]);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_assert_uint_ne(reported & GREEN_READ, 0);
    ck_assert_int_eq(read(fds[0], &c, 1), 0);
}
END_TEST

START_TEST(a_reset_wakes_both_directions)
{
    struct linger linger = {.l_onoff = 1};
    struct green_listener l =
        listen_for(fds[0], _i ? GREEN_READ : GREEN_WRITE, 1);
    char junk[4096] = {0};

    while (send(fds[0], junk, sizeof junk, MSG_DONTWAIT) > 0)
        continue; /* a pipe end cannot be written */
    ck_ok(green_hub_add(hub, &l));
    iterate(0);
    called = 0;
    ck_ok(setsockopt(fds[1], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
    close(fds[1]);
    while (called == 0)
        iterate(GREEN_FOREVER);
    ck_assert_uint_ne(reported & (_i ? GREEN_READ : GREEN_WRITE), 0);
}
END_TEST

START_TEST(a_pipe_without_reader)
{
    int pipe_fds[2];
    struct green_listener l;
    char junk[4096] = {0};

    pipe_pair(pipe_fds);
    ck_ok(fcntl(pipe_fds[1], F_SETFL, O_NONBLOCK));
    while (write(pipe_fds[1], junk, sizeof junk) > 0)
        continue;
    l = listen_for(pipe_fds[1], GREEN_WRITE, 1);
    ck_ok(green_hub_add(hub, &l));
    iterate(0);
    ck_assert_int_eq(called, 0);
    close(pipe_fds[0]);
    iterate(GREEN_FOREVER);
    ck_assert_int_eq(called, 1);
    ck_assert_uint_ne(reported & GREEN_WRITE, 0);
}
END_TEST

START_TEST(arguments)
{
    struct green_listener l = listen_for(fds[0], GREEN_READ, 1), bad;

    ck_fails(green_hub_add(NULL, &l), EINVAL);
    ck_fails(green_hub_add(hub, NULL), EINVAL);
    bad = listen_for(fds[0], 0, 1);
    ck_fails(green_hub_add(hub, &bad), EINVAL);
    for (unsigned bit = GREEN_ERROR; bit; bit <<= 1) {
        bad = listen_for(fds[0], GREEN_READ | bit, 1);
        ck_fails(green_hub_add(hub, &bad), EINVAL);
    }
    bad = listen_for(fds[0], GREEN_READ, 1);
    bad.callback = NULL;
    ck_fails(green_hub_add(hub, &bad), EINVAL);
    bad = listen_for(-1, GREEN_READ, 1);
    ck_fails(green_hub_add(hub, &bad), EBADF);
    bad = listen_for(fds[1], GREEN_READ, 1);
    close(fds[1]);
    ck_fails(green_hub_add(hub, &bad), EBADF);
    ck_fails(green_hub_remove(hub, &bad), ENOENT);
    ck_ok(green_hub_add(hub, &l));
    ck_fails(green_hub_add(hub, &l), EEXIST);
    ck_fails(green_hub_remove(NULL, &l), EINVAL);
    ck_fails(green_hub_remove(hub, NULL), EINVAL);
    ck_ok(green_hub_remove(hub, &l));
    ck_ok(green_hub_add(hub, &l));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub listeners");
    TCase *tcase = add_tcase(suite, "listeners");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, level_triggered_until_removed);
    tcase_add_test(tcase, in_the_order_of_adding);
    tcase_add_test(tcase, each_direction_to_its_listener);
    tcase_add_test(tcase, both_directions_at_once);
    tcase_add_loop_test(tcase, a_removed_listener_is_not_called, 0, 2);
    tcase_add_test(tcase, a_listener_may_remove_itself);
    tcase_add_test(tcase, a_listener_may_add_another);
    tcase_add_test(tcase, adding_the_other_direction_keeps_the_first);
    tcase_add_loop_test(tcase, the_end_of_the_peer, 0, 2);
    tcase_add_loop_test(tcase, a_reset_wakes_both_directions, 0, 2);
    tcase_add_test(tcase, a_pipe_without_reader);
    tcase_add_test(tcase, arguments);
    return run_suite(suite);
}
