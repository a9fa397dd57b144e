/* What a call does when its poll(2) fails, or when it cannot reopen a file. */
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/system.h"
#include "support.h"

static int polls, poll_error, misses;

static int bad_poll(struct pollfd *fds, unsigned long count, int timeout)
{
    if (timeout == 0 && polls++ < 3) {
        errno = poll_error;
        return -1;
    }
    return poll(fds, count, timeout);
}

static int no_open(const char *path, int flags, ...)
{
    (void)path;
    (void)flags;
    misses++;
    errno = EACCES;
    return -1;
}

static void *read_one(void *arg)
{
    char byte;

    return (void *)(intptr_t)green_read(*(int *)arg, &byte, 1);
}

static intptr_t join(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (intptr_t)result;
}

/* An exchange in which the reader waits first. */
static void exchange(int reads, int writes)
{
    struct green_thread *reader = green_spawn(read_one, &reads);

    ck_assert_ptr_nonnull(reader);
    green_sleep(0);
    ck_assert_int_eq(green_write(writes, "x", 1), 1);
    ck_assert_int_eq(join(reader), 1);
}

static void raw_pty(int *master, int *terminal)
{
    struct termios modes;

    ck_ok(openpty(master, terminal, NULL, NULL, NULL));
    ck_ok(tcgetattr(*terminal, &modes));
    cfmakeraw(&modes);
    ck_ok(tcsetattr(*terminal, TCSANOW, &modes));
}

/* Both ends of the terminal are on this OS thread: a read without data would
 * block it for good. */
START_TEST(a_failed_poll_is_not_readiness)
{
    static const int errors[] = {EINTR, EINVAL, ENOMEM};
    int master, terminal;

    raw_pty(&master, &terminal);
    poll_error = errors[_i];
    green__system.poll = bad_poll;
    exchange(terminal, master);
    polls = 0;
    exchange(master, terminal);
    ck_assert_int_gt(polls, 0);
}
END_TEST

START_TEST(calls_on_files_that_cannot_be_reopened_use_a_thread)
{
    char folder[] = "/tmp/greenhub-kinds-XXXXXX", path[64];
    int master, terminal, fd;

    if (lacks_linux()) {
        SKIP("POSIX opens no file again");
        return;
    }
    raw_pty(&master, &terminal);
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_ok(mkfifo(path, 0600));
    fd = open(path, O_RDWR | O_CLOEXEC);
    green__system.open = no_open;
    exchange(terminal, master);
    exchange(master, terminal);
    exchange(fd, fd);
    ck_assert_int_ge(misses, 4);
    unlink(path);
    rmdir(folder);
}
END_TEST

static int attempts, first_error;

static bool is_refused(void)
{
    errno = first_error;
    return attempts++ == 0;
}

static ssize_t bad_first_read(int fd, const struct iovec *iov, int count,
                              off_t offset, int flags)
{
    return is_refused() ? -1 : preadv2(fd, iov, count, offset, flags);
}

static ssize_t bad_first_write(int fd, const struct iovec *iov, int count,
                               off_t offset, int flags)
{
    return is_refused() ? -1 : pwritev2(fd, iov, count, offset, flags);
}

/* For its own files the library remembers that the kernel does not support a
 * non-blocking read; it does not remember an invalid call. */
START_TEST(an_invalid_call_is_not_remembered)
{
    char bytes[2];
    int fds[2];

    first_error = _i ? EOPNOTSUPP : EINVAL;
    ck_ok(green_pipe2(fds, O_CLOEXEC));
    green__system.preadv2 = bad_first_read;
    green__system.pwritev2 = bad_first_write;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(green_write(fds[1], "x", 1), 1);
    ck_assert_int_eq(attempts, _i ? 1 : 2);
    attempts = 0;
    for (int i = 0; i < 2; i++)
        ck_assert_int_eq(green_read(fds[0], bytes, 1), 1);
    ck_assert_int_eq(attempts, _i ? 1 : 2);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unit_kinds");
    TCase *tcase = add_tcase(suite, "kinds");

    tcase_add_loop_test(tcase, a_failed_poll_is_not_readiness, 0, 3);
    tcase_add_test(tcase, calls_on_files_that_cannot_be_reopened_use_a_thread);
    tcase_add_loop_test(tcase, an_invalid_call_is_not_remembered, 0, 2);
    return run_suite(suite);
}
