/* A poll(2) with timeout 0 that fails: no call takes its descriptor for ready,
 * and a signal ends no call. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include "base/system.h"
#include "support.h"

static int failures_left, error;

static int failing_poll(struct pollfd *fds, unsigned long count, int timeout)
{
    if (failures_left-- > 0) {
        errno = error;
        return -1;
    }
    return poll(fds, count, timeout);
}

static void fail_polls(int count, int with)
{
    failures_left = count;
    error = with;
    green__system.poll = failing_poll;
}

/* The backlog is full, so that no connection can be established. */
START_TEST(connect_does_not_take_it_for_a_connection)
{
    struct sockaddr_in at = {.sin_family = AF_INET};
    socklen_t length = sizeof at;
    struct green_timeout timeout;
    int listener = socket(AF_INET, SOCK_STREAM, 0), fd;

    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ck_ok(bind(listener, (struct sockaddr *)&at, sizeof at));
    ck_ok(listen(listener, 0));
    ck_ok(getsockname(listener, (struct sockaddr *)&at, &length));
    for (int i = 0; i < 4; i++) {
        fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        if (connect(fd, (struct sockaddr *)&at, length) < 0)
            ck_assert_int_eq(errno, EINPROGRESS);
    }
    ck_ok(green_sleep(10 * GREEN_MSEC));
    fd = green_socket(AF_INET, SOCK_STREAM, 0);
    fail_polls(1000, _i ? EINVAL : EINTR);
    ck_ok(green_timeout_start(&timeout, 20 * GREEN_MSEC));
    ck_fails(green_connect(fd, (struct sockaddr *)&at, length), ETIMEDOUT);
    green_timeout_cancel(&timeout);
}
END_TEST

static int choose_one(int fd)
{
    struct green_case one = {
        .kind = GREEN_CASE_DESCRIPTOR, .fd = fd, .events = GREEN_READ};

    return green_choose(&one, 1, green_now() + GREEN_MSEC);
}

START_TEST(signals_end_no_poll)
{
    struct pollfd set;
    int fds[2];

    unix_pair(fds);
    set = (struct pollfd){.fd = fds[0], .events = POLLIN};
    fail_polls(3, EINTR);
    ck_fails(choose_one(fds[0]), EAGAIN);
    fail_polls(3, EINTR);
    ck_assert_int_eq(green_poll(&set, 1, 1), 0);
    fail_polls(3, EINTR);
    ck_assert_int_eq(green_poll(&set, 1, 0), 0);
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    fail_polls(3, EINTR);
    ck_assert_int_eq(choose_one(fds[0]), 0);
    fail_polls(1, EINVAL);
    ck_fails(green_poll(&set, 1, -1), EINVAL);
}
END_TEST

static int polls_until_close, to_close;

static int poll_before_close(struct pollfd *fds, unsigned long count,
                             int timeout)
{
    int result = poll(fds, count, timeout);

    if (--polls_until_close == 0)
        ck_ok(close(to_close));
    return result;
}

/* As another OS thread might close it: the hub refuses the wait, and the next
 * poll(2) reports the close. */
START_TEST(poll_reports_a_close_after_its_first_poll)
{
    struct pollfd set;
    int fds[2];

    if (lacks_linux() && !_i) {
        SKIP("POSIX has no epoll");
        return;
    }
    unix_pair(fds);
    ck_ok(green_use_hub(_i ? "poll" : "epolls"));
    set = (struct pollfd){.fd = fds[0], .events = POLLIN};
    ck_ok(green_sleep(0));
    polls_until_close = 2;
    to_close = fds[0];
    green__system.poll = poll_before_close;
    ck_assert_int_eq(green_poll(&set, 1, -1), 1);
    ck_assert_int_eq(set.revents, POLLNVAL);
}
END_TEST

static void *no_memory(void *memory, size_t size)
{
    (void)memory, (void)size;
    errno = ENOMEM;
    return NULL;
}

#define MORE_THAN_THE_HUB_HAS_ROOM_FOR 70

START_TEST(poll_fails_without_memory)
{
    struct pollfd set[MORE_THAN_THE_HUB_HAS_ROOM_FOR];
    int fds[2];

    unix_pair(fds);
    ck_ok(green_use_hub("poll"));
    ck_ok(green_sleep(0));
    for (int i = 0; i < MORE_THAN_THE_HUB_HAS_ROOM_FOR; i++)
        set[i] = (struct pollfd){.fd = dup(fds[0]), .events = POLLIN};
    green__system.reallocate = no_memory;
    ck_fails(green_poll(set, MORE_THAN_THE_HUB_HAS_ROOM_FOR, 1), ENOMEM);
    ck_assert_int_eq(green_poll(set, 1, 1), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("poll failure");
    TCase *tcase = add_tcase(suite, "poll failure");

    tcase_add_loop_test(tcase, connect_does_not_take_it_for_a_connection, 0, 2);
    tcase_add_test(tcase, signals_end_no_poll);
    tcase_add_loop_test(tcase, poll_reports_a_close_after_its_first_poll, 0, 2);
    tcase_add_test(tcase, poll_fails_without_memory);
    return run_suite(suite);
}
