/* poll, select, nanosleep. */
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support.h"

static int fds[2];

static void *write_later(void *arg)
{
    (void)arg;
    green_sleep(5 * GREEN_MSEC);
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    return NULL;
}

static void later(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(thread);
    ck_ok(green_detach(thread));
}

START_TEST(poll_waits_for_the_events_asked_for)
{
    struct pollfd set[2];

    if (pipe_needs_os_threads(_i)) {
        SKIP("POSIX reads and writes a pipe of somebody else by OS threads");
        return;
    }
    make_pair(_i, fds);
    set[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    set[1] = (struct pollfd){.fd = fds[1], .events = POLLOUT};
    ck_assert_int_eq(green_poll(set, 1, 0), 0);
    ck_assert_int_eq(green_poll(set, 2, -1), 1);
    ck_assert_int_eq(set[0].revents, 0);
    ck_assert_int_eq(set[1].revents, POLLOUT);
    later(write_later, NULL);
    ck_assert_int_eq(green_poll(set, 1, -1), 1);
    ck_assert_int_eq(set[0].revents, POLLIN);
    ck_assert_int_eq(green_read(fds[0], &(char){0}, 1), 1);
    later(write_later, NULL);
    ck_assert_int_eq(green_poll(set, 1, 60000), 1);
}
END_TEST

START_TEST(poll_times_out)
{
    struct pollfd set;
    green_time start;

    make_pair(_i, fds);
    set = (struct pollfd){.fd = fds[0], .events = POLLIN, .revents = 77};
    start = green_now();
    ck_assert_int_eq(green_poll(&set, 1, 20), 0);
    ck_assert_int_ge(green_now() - start, 20 * GREEN_MSEC);
    ck_assert_int_eq(set.revents, 0);
    start = green_now();
    ck_assert_int_eq(green_poll(NULL, 0, 20), 0);
    ck_assert_int_ge(green_now() - start, 20 * GREEN_MSEC);
}
END_TEST

START_TEST(poll_with_duplicates_and_negatives)
{
    struct pollfd set[20];
    int closed = dup(0);

    make_pair(_i, fds);
    close(closed);
    for (int i = 0; i < 20; i++)
        set[i] = (struct pollfd){.fd = i % 2 ? fds[0] : -1, .events = POLLIN};
    later(write_later, NULL);
    ck_assert_int_eq(green_poll(set, 20, -1), 10);
    for (int i = 0; i < 20; i++)
        ck_assert_int_eq(set[i].revents, i % 2 ? POLLIN : 0);
    set[3].fd = 19000;
    ck_assert_int_eq(green_poll(set, 20, -1), 10);
    ck_assert_int_eq(set[3].revents, POLLNVAL);
    if (!under_valgrind()) /* it reports what the kernel refuses */
        ck_fails(green_poll(NULL, 1, 0), EFAULT);
}
END_TEST

static void *close_writer(void *arg)
{
    (void)arg;
    green_sleep(5 * GREEN_MSEC);
    ck_ok(green_close(fds[1]));
    return NULL;
}

START_TEST(poll_for_a_hang_up_alone)
{
    struct pollfd set;

    make_pair(_i, fds);
    set = (struct pollfd){.fd = fds[0], .events = 0};
    ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(green_poll(&set, 1, 30), 0); /* not for data */
    if (is_tcp_kind(_i))
        set.events = POLLRDHUP; /* POLLHUP comes when both sides end */
    later(close_writer, NULL);
    ck_assert_int_eq(green_poll(&set, 1, -1), 1);
    ck_assert(set.revents & (POLLHUP | POLLRDHUP));
}
END_TEST

static void *send_urgent(void *arg)
{
    (void)arg;
    green_sleep(5 * GREEN_MSEC);
    ck_assert_int_eq(green_send(fds[1], "!", 1, MSG_OOB), 1);
    return NULL;
}

START_TEST(poll_for_urgent_data)
{
    struct pollfd set;
    fd_set exceptional;

    make_pair(_i ? 3 : 0, fds);
    set = (struct pollfd){.fd = fds[0], .events = POLLPRI};
    later(send_urgent, NULL);
    ck_assert_int_eq(green_poll(&set, 1, -1), 1);
    ck_assert_int_eq(set.revents, POLLPRI);
    FD_ZERO(&exceptional);
    FD_SET(fds[0], &exceptional);
    ck_assert_int_eq(green_select(fds[0] + 1, NULL, NULL, &exceptional, NULL),
                     1);
    ck_assert(FD_ISSET(fds[0], &exceptional));
}
END_TEST

static void *poll_one(void *arg)
{
    struct pollfd *set = arg;

    return (void *)(intptr_t)green_poll(set, 1, -1);
}

START_TEST(all_who_poll_are_woken)
{
    struct green_thread *threads[10];
    struct pollfd set[10];
    void *result;

    make_pair(_i, fds);
    for (int i = 0; i < 10; i++) {
        set[i] = (struct pollfd){.fd = fds[0], .events = POLLIN};
        threads[i] = green_spawn(poll_one, &set[i]);
        ck_assert_ptr_nonnull(threads[i]);
    }
    later(write_later, NULL);
    for (int i = 0; i < 10; i++) {
        ck_ok(green_join(threads[i], &result));
        ck_assert_int_eq((intptr_t)result, 1);
    }
}
END_TEST

START_TEST(poll_is_interrupted)
{
    struct green_timeout timeout;
    struct pollfd set;

    make_pair(_i, fds);
    set = (struct pollfd){.fd = fds[0], .events = POLLIN};
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_poll(&set, 1, -1), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    later(write_later, NULL);
    ck_assert_int_eq(green_poll(&set, 1, -1), 1);
    ck_assert_int_eq(green_read(fds[0], &(char){0}, 1), 1);
    ck_ok(green_kill(green_self()));
    ck_fails(green_poll(&set, 1, -1), ECANCELED);
}
END_TEST

START_TEST(select_waits_and_clears)
{
    fd_set in, out;
    struct timeval timeout = {.tv_sec = 60};

    if (pipe_needs_os_threads(_i)) {
        SKIP("POSIX reads and writes a pipe of somebody else by OS threads");
        return;
    }
    make_pair(_i, fds);
    FD_ZERO(&in);
    FD_ZERO(&out);
    FD_SET(fds[0], &in);
    later(write_later, NULL);
    ck_assert_int_eq(green_select(fds[0] + 1, &in, NULL, NULL, &timeout), 1);
    ck_assert(FD_ISSET(fds[0], &in));
    /* Linux stores the remaining time. */
    ck_assert_int_lt(timeout.tv_sec, 60);
    ck_assert_int_ge(timeout.tv_sec, 50);
    ck_assert_int_eq(green_read(fds[0], &(char){0}, 1), 1);
    FD_SET(fds[1], &out);
    ck_assert_int_eq(green_select(fds[1] + 1, &in, &out, NULL, NULL), 1);
    ck_assert(!FD_ISSET(fds[0], &in));
    ck_assert(FD_ISSET(fds[1], &out));
    FD_SET(fds[0], &in);
    timeout = (struct timeval){.tv_usec = 20000};
    ck_assert_int_eq(green_select(fds[1] + 1, &in, NULL, NULL, &timeout), 0);
    ck_assert(!FD_ISSET(fds[0], &in));
    ck_assert_int_eq(timeout.tv_sec, 0);
    ck_assert_int_eq(timeout.tv_usec, 0);
}
END_TEST

START_TEST(select_over_fd_setsize)
{
    unsigned long words[5000 / 64 + 1] = {0};

    if (is_emulated()) {
        SKIP("qemu-user ends the process with 127");
        return;
    }
    make_pair(_i, fds);
    fds[0] = raise_fd(fds[0], 4500);
    words[fds[0] / 64] |= 1UL << fds[0] % 64;
    later(write_later, NULL);
    ck_assert_int_eq(
        green_select(fds[0] + 1, (fd_set *)words, NULL, NULL, NULL), 1);
    ck_assert_uint_eq(words[fds[0] / 64], 1UL << fds[0] % 64);
}
END_TEST

/* select cannot use a temporary descriptor to find how many are open. */
START_TEST(select_when_no_more_can_be_opened)
{
    unsigned long words[2048 / 64] = {0};
    struct rlimit limit;

    if (is_emulated()) {
        SKIP("qemu-user ends the process with 127");
        return;
    }
    make_pair(_i, fds);
    fds[0] = raise_fd(fds[0], 1100);
    later(write_later, NULL);
    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = (rlim_t)fds[0] + 1;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
    while (dup(fds[0]) >= 0)
        ;
    ck_assert_int_eq(errno, EMFILE);
    words[fds[0] / 64] |= 1UL << fds[0] % 64;
    ck_assert_int_eq(
        green_select(fds[0] + 1, (fd_set *)words, NULL, NULL, NULL), 1);
    ck_assert_uint_eq(words[fds[0] / 64], 1UL << fds[0] % 64);
    for (int fd = 3; fd < 32; fd++)
        close(fd); /* a leak checker needs descriptors */
}
END_TEST

START_TEST(select_errors)
{
    struct timeval negative = {.tv_sec = -1}, zero = {0};
    struct timeval endless = {.tv_sec = INT64_MAX};
    fd_set in;

    make_pair(0, fds);
    FD_ZERO(&in);
    FD_SET(1000, &in);
    ck_fails(green_select(1001, &in, NULL, NULL, NULL), EBADF);
    ck_assert(FD_ISSET(1000, &in));
    ck_fails(green_select(-1, NULL, NULL, NULL, NULL), EINVAL);
    ck_fails(green_select(0, NULL, NULL, NULL, &negative), EINVAL);
    ck_assert_int_eq(green_select(0, NULL, NULL, NULL, &zero), 0);
    FD_ZERO(&in);
    FD_SET(fds[0], &in);
    later(write_later, NULL);
    ck_assert_int_eq(green_select(fds[0] + 1, &in, NULL, NULL, &endless), 1);
}
END_TEST

START_TEST(nanosleep_sleeps)
{
    struct timespec time = {.tv_nsec = 20000000}, left = {.tv_sec = 7};
    struct green_timeout timeout;
    green_time start = green_now();

    ck_ok(green_nanosleep(&time, NULL));
    ck_assert_int_ge(green_now() - start, 20 * GREEN_MSEC);
    time.tv_sec = 1000;
    ck_ok(green_timeout_start(&timeout, GREEN_SEC / 10));
    ck_fails(green_nanosleep(&time, &left), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert_int_ge(left.tv_sec, 990);
    ck_assert_int_lt(left.tv_sec, 1000);
    time.tv_nsec = GREEN_SEC;
    ck_fails(green_nanosleep(&time, NULL), EINVAL);
    time = (struct timespec){.tv_sec = -1};
    ck_fails(green_nanosleep(&time, NULL), EINVAL);
    ck_fails(green_nanosleep(NULL, NULL), EFAULT);
}
END_TEST

static struct pollfd waited_for[2];
static int found, found_error;

static void *poll_it(void *arg)
{
    (void)arg;
    found = green_poll(waited_for, 2, -1);
    return NULL;
}

static void *select_it(void *arg)
{
    fd_set set;

    (void)arg;
    FD_ZERO(&set);
    FD_SET(fds[0], &set);
    found = green_select(fds[0] + 1, &set, NULL, NULL, NULL);
    found_error = errno;
    return NULL;
}

static struct green_case chosen;

static void *choose_it(void *arg)
{
    (void)arg;
    chosen = (struct green_case){
        .kind = GREEN_CASE_DESCRIPTOR, .fd = fds[0], .events = GREEN_READ};
    found = green_choose(&chosen, 1, GREEN_FOREVER);
    return NULL;
}

/* Closes the number that a greenthread waits for, and reuses it at once for a
 * file that is readable: the waiter must not report that. */
static void wait_and_reuse(void *(*fn)(void *))
{
    struct green_thread *waiter = green_spawn(fn, NULL);
    int next[2];

    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, next));
    ck_assert_int_eq(green_dup2(next[0], fds[0]), fds[0]);
    ck_assert_int_eq(write(next[1], "x", 1), 1);
    ck_ok(green_join(waiter, NULL));
}

START_TEST(poll_does_not_report_a_reused_number)
{
    int other[2];

    make_pair(_i, fds);
    unix_pair(other);
    waited_for[0] = (struct pollfd){.fd = fds[0], .events = POLLIN};
    waited_for[1] = (struct pollfd){.fd = other[0], .events = POLLIN};
    wait_and_reuse(poll_it);
    ck_assert_int_eq(found, 1);
    ck_assert_int_eq(waited_for[0].revents, POLLNVAL);
    ck_assert_int_eq(waited_for[1].revents, 0);
}
END_TEST

/* A poll without events, which waits only for a hang-up, checks from time to
 * time. */
START_TEST(nor_does_poll_without_events)
{
    make_pair(_i, fds);
    waited_for[0] = (struct pollfd){.fd = fds[0]};
    waited_for[1] = (struct pollfd){.fd = -1};
    wait_and_reuse(poll_it);
    ck_assert_int_eq(found, 1);
    ck_assert_int_eq(waited_for[0].revents, POLLNVAL);
}
END_TEST

START_TEST(nor_does_select)
{
    make_pair(_i, fds);
    wait_and_reuse(select_it);
    ck_assert_int_eq(found, -1);
    ck_assert_int_eq(found_error, EBADF);
}
END_TEST

START_TEST(nor_does_choose)
{
    make_pair(_i, fds);
    wait_and_reuse(choose_it);
    ck_assert_int_eq(found, 0);
    ck_assert_int_eq(chosen.error, EBADF);
    ck_assert_uint_eq(chosen.ready, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_poll");
    TCase *tcase = add_tcase(suite, "poll");

    tcase_add_loop_test(tcase, poll_waits_for_the_events_asked_for, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, poll_times_out, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, poll_with_duplicates_and_negatives, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, poll_for_a_hang_up_alone, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, poll_for_urgent_data, 0, 2);
    tcase_add_loop_test(tcase, all_who_poll_are_woken, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, poll_is_interrupted, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, select_waits_and_clears, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, select_over_fd_setsize, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, select_when_no_more_can_be_opened, 0,
                        PAIR_KINDS);
    tcase_add_test(tcase, select_errors);
    tcase_add_test(tcase, nanosleep_sleeps);
    tcase_add_loop_test(tcase, poll_does_not_report_a_reused_number, 0,
                        PAIR_KINDS);
    tcase_add_loop_test(tcase, nor_does_poll_without_events, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, nor_does_select, 0, PAIR_KINDS);
    tcase_add_loop_test(tcase, nor_does_choose, 0, PAIR_KINDS);
    return run_suite(suite);
}
