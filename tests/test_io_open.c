/*
 * Opening a FIFO waits for its other end, as open(2) does. If the hub carries
 * out opens, only the greenthread waits; otherwise green_open is the plain
 * call.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

#define MANY 40

static char folder[] = "/tmp/greenhub-XXXXXX";
static char path[64];
static int flags, open_error;

/* _i: the case opens for reading, or for writing. */
static bool begin(int writes)
{
    if (!green_hub_can(green_get_hub(), GREEN_OP_OPEN)) {
        skip_case("test_io_open", "green_open is the plain call on this hub");
        return false;
    }
    flags = (writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC;
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/fifo", folder);
    ck_ok(mkfifo(path, 0600));
    return true;
}

static void end(void)
{
    ck_ok(unlink(path));
    ck_ok(rmdir(folder));
}

static void *open_it(void *arg)
{
    intptr_t fd = green_open(path, flags);

    (void)arg;
    open_error = fd < 0 ? errno : 0;
    return (void *)fd;
}

static void *open_in_time(void *arg)
{
    struct green_timeout limit;

    ck_ok(green_timeout_start(&limit, 5 * GREEN_MSEC));
    arg = open_it(arg);
    ck_ok(green_timeout_cancel(&limit));
    return arg;
}

/* A greenthread that waits for its operation; others run meanwhile. */
static struct green_thread *start(void *(*fn)(void *), void *arg)
{
    struct green_thread *opener = green_spawn(fn, arg);

    ck_assert_ptr_nonnull(opener);
    for (int i = 0; i < 20; i++)
        ck_ok(green_sleep(GREEN_MSEC));
    return opener;
}

static intptr_t result_of(struct green_thread *opener)
{
    void *result;

    ck_ok(green_join(opener, &result));
    return (intptr_t)result;
}

START_TEST(it_waits_for_the_other_end)
{
    struct green_thread *opener;
    intptr_t fd;
    int other;

    if (!begin(_i))
        return;
    open_error = -1;
    opener = start(open_it, NULL);
    ck_assert_int_eq(open_error, -1);
    other = open(path, (_i ? O_RDONLY | O_NONBLOCK : O_WRONLY) | O_CLOEXEC);
    ck_assert_int_ge(other, 0);
    fd = result_of(opener);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(fcntl((int)fd, F_GETFL) & (O_NONBLOCK | O_ACCMODE),
                     flags & O_ACCMODE);
    ck_assert_int_eq(write(_i ? (int)fd : other, "x", 1), 1);
    ck_assert_int_eq(green_read(_i ? other : (int)fd, &(char){0}, 1), 1);
    end();
}
END_TEST

START_TEST(killed)
{
    struct green_thread *opener;

    if (!begin(_i))
        return;
    opener = start(open_it, NULL);
    ck_ok(green_kill(opener));
    ck_assert_int_eq(result_of(opener), -1);
    ck_assert_int_eq(open_error, ECANCELED);
    end();
}
END_TEST

static void *open_killed(void *arg)
{
    ck_fails(green_sleep(GREEN_SEC), ECANCELED);
    return open_it(arg);
}

/* green_open must not make the plain call, which would block the OS thread. */
START_TEST(killed_before)
{
    struct green_thread *opener;

    if (!begin(_i))
        return;
    opener = start(open_killed, NULL);
    ck_ok(green_kill(opener));
    ck_assert_int_eq(result_of(opener), -1);
    ck_assert_int_eq(open_error, ECANCELED);
    end();
}
END_TEST

START_TEST(timed_out)
{
    if (!begin(_i))
        return;
    ck_assert_int_eq(result_of(green_spawn(open_in_time, NULL)), -1);
    ck_assert_int_eq(open_error, ETIMEDOUT);
    end();
}
END_TEST

static void *open_at(void *arg)
{
    intptr_t fd = green_openat((int)(intptr_t)arg, "fifo", flags);

    open_error = fd < 0 ? errno : 0;
    return (void *)fd;
}

START_TEST(the_folder_is_closed)
{
    struct green_thread *opener;
    int at;

    if (!begin(_i))
        return;
    at = green_open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    ck_assert_int_ge(at, 0);
    opener = start(open_at, (void *)(intptr_t)at);
    ck_ok(green_close(at));
    ck_assert_int_eq(result_of(opener), -1);
    ck_assert_int_eq(open_error, EBADF);
    end();
}
END_TEST

START_TEST(another_hub_while_one_waits)
{
    if (!begin(_i))
        return;
    ck_ok(green_detach(start(open_it, NULL)));
    ck_ok(green_use_hub("poll"));
    ck_fails(open(path, O_WRONLY | O_NONBLOCK), ENXIO); /* no reader */
    end();
}
END_TEST

START_TEST(nonblocking)
{
    if (!begin(_i))
        return;
    flags |= O_NONBLOCK;
    if (_i)
        ck_fails((int)(intptr_t)open_it(NULL), ENXIO);
    else
        ck_assert_int_ge((intptr_t)open_it(NULL), 0);
    flags = O_RDWR;
    ck_assert_int_ge((intptr_t)open_it(NULL), 0);
    end();
}
END_TEST

static void *open_one(void *arg)
{
    char name[80];
    int fd;

    snprintf(name, sizeof name, "%s.%d", path, (int)(intptr_t)arg / 2);
    fd = green_open(name, (intptr_t)arg % 2 ? O_WRONLY : O_RDONLY);
    ck_assert_int_ge(fd, 0);
    ck_ok(green_close(fd));
    return NULL;
}

/* Although many wait, other files can be opened and written, and the other ends
 * of the FIFOs open. */
START_TEST(many_wait)
{
    struct green_thread *openers[2 * MANY];
    char name[80];
    int fd;

    if (!begin(_i))
        return;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%s.%d", path, i);
        ck_ok(mkfifo(name, 0600));
        openers[i] = green_spawn(open_one, (void *)(intptr_t)(2 * i + _i));
    }
    ck_ok(green_sleep(5 * GREEN_MSEC));
    snprintf(name, sizeof name, "%s.file", path);
    fd = green_open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(green_write(fd, "x", 1), 1);
    ck_ok(green_fsync(fd));
    ck_ok(unlink(name));
    for (int i = 0; i < MANY; i++)
        openers[MANY + i] =
            green_spawn(open_one, (void *)(intptr_t)(2 * i + !_i));
    for (int i = 0; i < 2 * MANY; i++)
        ck_ok(green_join(openers[i], NULL));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "%s.%d", path, i);
        ck_ok(unlink(name));
    }
    end();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("io_open");
    TCase *tcase = add_tcase(suite, "fifo");

    tcase_add_loop_test(tcase, it_waits_for_the_other_end, 0, 2);
    tcase_add_loop_test(tcase, killed, 0, 2);
    tcase_add_loop_test(tcase, killed_before, 0, 2);
    tcase_add_loop_test(tcase, timed_out, 0, 2);
    tcase_add_loop_test(tcase, the_folder_is_closed, 0, 2);
    tcase_add_loop_test(tcase, another_hub_while_one_waits, 0, 2);
    tcase_add_loop_test(tcase, nonblocking, 0, 2);
    tcase_add_loop_test(tcase, many_wait, 0, 2);
    return run_suite(suite);
}
