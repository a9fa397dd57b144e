/* A greenthread that is a program's thread is joined by an OS thread. */
#include <unistd.h>

#include "patch_support.h"

static void setup(void)
{
    patch_threads();
}

/* Until a byte comes; a little later, so that its joiner waits already. */
static void *ends_after_a_byte(void *arg)
{
    char byte;

    ck_assert_int_eq(read(*(int *)arg, &byte, 1), 1);
    ck_assert_int_eq(usleep(20000), 0);
    return arg;
}

struct joined {
    pthread_t thread;
    int pipe[2];
    void *result;
};

/* On an OS thread. */
static long joins_natively(void *arg)
{
    struct joined *it = arg;

    if (write(it->pipe[1], "x", 1) != 1)
        return errno;
    return pthread_join(it->thread, &it->result);
}

START_TEST(an_os_thread_is_woken)
{
    struct joined it;
    long error;

    ck_ok(pipe(it.pipe));
    it.thread = start_thread(ends_after_a_byte, &it.pipe[0]);
    ck_ok(green_thread_pool_run(joins_natively, &it, &error));
    ck_assert_int_eq(error, 0);
    ck_assert_ptr_eq(it.result, &it.pipe[0]);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch join");
    TCase *tcase = add_tcase(suite, "an OS thread joins");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, an_os_thread_is_woken);
    return run_suite_with_tls(suite);
}
