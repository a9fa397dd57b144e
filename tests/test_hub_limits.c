/* At a process's limits of descriptors a hub still waits for open
 * descriptors. */
#include "support.h"

#include <limits.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <unistd.h>

static int fds[2];

static void *reads(void *fd)
{
    char bytes[8];

    return (void *)green_read((int)(intptr_t)fd, bytes, sizeof bytes);
}

static ssize_t result_of(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (ssize_t)result;
}

static void forbid(rlim_t number)
{
    struct rlimit limit;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    limit.rlim_cur = number;
    ck_ok(setrlimit(RLIMIT_NOFILE, &limit));
}

/* Raises the limit, so that a leak checker at the process's end can open
 * files. */
static void permit(void)
{
    struct rlimit limit;

    ck_ok(getrlimit(RLIMIT_NOFILE, &limit));
    forbid(limit.rlim_max);
}

/* A process that forbids itself further descriptors, as a sandbox does. */
START_TEST(a_limit_below_watched_descriptors)
{
    struct green_thread *reader, *other;
    int event = eventfd(0, EFD_CLOEXEC);
    uint64_t one = 1;

    pipe_pair(fds);
    ck_ok(green_sleep(0));
    forbid((rlim_t)_i);
    reader = green_spawn(reads, (void *)(intptr_t)fds[0]);
    other = green_spawn(reads, (void *)(intptr_t)event);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(fds[1], "x", 1), 1);
    ck_assert_int_eq(result_of(reader), 1);
    ck_assert_int_eq(write(event, &one, sizeof one), sizeof one);
    ck_assert_int_eq(result_of(other), sizeof one);
    permit();
}
END_TEST

static int reported;

static void note(struct green_listener *listener, unsigned events)
{
    (void)listener;
    reported |= (int)events;
}

START_TEST(a_close_is_reported_below_the_limit)
{
    struct green_listener listener = {.events = GREEN_READ, .callback = note};
    struct green_hub *hub = green_get_hub();

    pipe_pair(fds);
    listener.fd = fds[0];
    ck_ok(green_hub_add(hub, &listener));
    forbid(0);
    close(fds[1]); /* hangs up */
    while (!reported) {
        ck_ok(green_hub_wait(hub, GREEN_SEC));
        ck_ok(green_hub_dispatch(hub));
    }
    ck_ok(green_hub_remove(hub, &listener));
    permit();
}
END_TEST

START_TEST(no_descriptor_is_free)
{
    struct green_thread *reader;
    int event = eventfd(0, EFD_CLOEXEC);
    uint64_t one = 1;

    ck_ok(green_sleep(0));
    forbid(64);
    while (dup(0) >= 0)
        continue;
    reader = green_spawn(reads, (void *)(intptr_t)event);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(write(event, &one, sizeof one), sizeof one);
    ck_assert_int_eq(result_of(reader), sizeof one);
    ck_assert_int_eq(
        green_poll(&(struct pollfd){.fd = event, .events = POLLIN}, 1, 1), 0);
    permit();
}
END_TEST

/* A number that is not open costs nothing, even if it is high. */
START_TEST(numbers_that_are_not_open)
{
    const int numbers[] = {INT_MAX, INT_MAX / 2, 5000};
    long before;

    ck_ok(green_sleep(0));
    before = resident_kib();
    for (int i = 0; i < 3; i++) {
        struct green_listener listener = {
            .fd = numbers[i], .events = GREEN_READ, .callback = note};
        struct green_case one = {.kind = GREEN_CASE_DESCRIPTOR,
                                 .fd = numbers[i],
                                 .events = GREEN_READ};

        ck_fails(green_hub_add(green_get_hub(), &listener), EBADF);
        ck_assert_int_eq(green_choose(&one, 1, GREEN_FOREVER), 0);
        ck_fails(green_read(numbers[i], &one, 1), EBADF);
    }
    if (!checker())
        ck_assert_int_lt(resident_kib() - before, 1024);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub limits");
    TCase *tcase = add_tcase(suite, "limits");

    tcase_add_loop_test(tcase, a_limit_below_watched_descriptors, 0, 3);
    tcase_add_test(tcase, a_close_is_reported_below_the_limit);
    tcase_add_test(tcase, no_descriptor_is_free);
    tcase_add_test(tcase, numbers_that_are_not_open);
    return run_suite(suite);
}
