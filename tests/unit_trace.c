/* greenthread/trace.h: a trace for a caller that has a descriptor; failures of memory
 * and of the disk. */
#include "greenthread/trace.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/system.h"
#include "support.h"

static char text[1 << 16];

static int open_text(void)
{
    char name[] = "/tmp/greenhub-test-XXXXXX";
    int fd = mkstemp(name);

    ck_assert_int_ge(fd, 0);
    unlink(name);
    return fd;
}

static void *yields(void *arg)
{
    ck_ok(green_yield());
    return arg;
}

static void do_something(void)
{
    struct green_attr attr = {.name = "somebody"};

    ck_ok(green_join(green_spawn_with(&attr, yields, NULL), NULL));
}

START_TEST(a_trace_is_written_to_a_descriptor)
{
    int fd = open_text();

    ck_assert_int_eq(green__trace_stop_to(fd), ENOENT);
    ck_assert_int_eq(green__trace_start(0), 0);
    ck_assert_int_eq(green__trace_start(0), EBUSY);
    ck_fails(green_trace_start("/dev/null", NULL), EBUSY);
    do_something();
    ck_assert_int_eq(green__trace_stop_to(fd), 0);
    ck_assert_int_gt(pread(fd, text, sizeof text - 1, 0), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"somebody\""));
    close(fd);
    ck_assert_int_eq(green__trace_start(0), 0);
    ck_fails(green_trace_stop(), ENOENT);          /* it is not the program's */
    ck_assert_int_eq(green__trace_stop_to(-1), 0); /* nobody wants it */
    ck_ok(green_trace_start("/dev/null", NULL));
    ck_assert_int_eq(green__trace_stop_to(fd), ENOENT);
    ck_assert_int_eq(green__trace_stop_to(-1), ENOENT);
    ck_ok(green_trace_stop());
}
END_TEST

static void *no_memory(size_t count, size_t size)
{
    (void)count;
    (void)size;
    return NULL;
}

/* Without memory for a ring nothing is recorded, and everything goes on. */
START_TEST(without_memory_nothing_is_recorded)
{
    void *(*allocate)(size_t, size_t) = green__system.allocate;
    int fd = open_text();

    do_something();
    green__system.allocate = no_memory;
    ck_fails(green_trace_start("/dev/null", NULL), ENOMEM);
    ck_assert_int_eq(green__trace_start(0), 0);
    errno = EDOM;
    ck_ok(green_yield());
    ck_assert_int_eq(errno, EDOM);
    green__system.allocate = allocate;
    do_something();
    green__system.allocate = no_memory;
    ck_assert_int_eq(green__trace_stop_to(fd), ENOMEM);
    green__system.allocate = allocate;
    ck_assert_int_eq(green__trace_stop_to(fd), ENOENT);
    close(fd);
}
END_TEST

static int writes;

static ssize_t write_little(int fd, const void *bytes, size_t size)
{
    if (++writes % 2) {
        errno = EINTR;
        return -1;
    }
    return write(fd, bytes, size < 7 ? size : 7);
}

START_TEST(short_writes_go_on)
{
    int fd = open_text();

    ck_assert_int_eq(green__trace_start(0), 0);
    do_something();
    green__system.write = write_little;
    ck_assert_int_eq(green__trace_stop_to(fd), 0);
    green__system.write = write;
    ck_assert_int_gt(pread(fd, text, sizeof text - 1, 0), 0);
    ck_assert_ptr_nonnull(strstr(text, "\"dropped_events\":0}}\n"));
    ck_assert_int_gt(writes, 100);
    close(fd);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("trace");
    TCase *tcase = add_tcase(suite, "trace");

    tcase_add_test(tcase, a_trace_is_written_to_a_descriptor);
    tcase_add_test(tcase, without_memory_nothing_is_recorded);
    tcase_add_test(tcase, short_writes_go_on);
    return run_suite(suite);
}
