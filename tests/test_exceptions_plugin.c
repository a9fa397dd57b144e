/* Plugins in C++, in a program that is in C: their C++ library comes with them, out
 * of everybody else's sight, before greenthreads are used or when they are. */
#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const plugins[] = {"stdcxx", "libcxx"};

/* NULL: there is none, for want of a compiler or a library. */
static int (*load(int which))(void)
{
    union {
        void *address;
        int (*function)(void);
    } found;
    char path[4096];
    void *library;

    snprintf(path, sizeof path, "%s/tests/throws_%s.so",
             getenv("GREENHUB_BUILD"), plugins[which]);
    library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return NULL;
    found.address = dlsym(library, "plugin_rethrows");
    ck_assert_ptr_nonnull(found.address);
    return found.function;
}

START_TEST(loaded_before)
{
    int (*rethrows)(void) = load(_i);

    if (!rethrows) {
        SKIP("needs a C++ compiler and each C++ library");
        return;
    }
    ck_assert(rethrows());
}
END_TEST

/* It is seen by the first turn after a while, by the system's clock: a machine that
 * is busy may let the whole while pass before that turn. */
START_TEST(loaded_when_greenthreads_run)
{
    int (*rethrows)(void);
    green_time start;
    bool had_time;

    ck_ok(green_sleep(GREEN_MSEC));
    rethrows = load(_i);
    if (!rethrows) {
        SKIP("needs a C++ compiler and each C++ library");
        return;
    }
    start = real_clock();
    do {
        had_time = real_clock() - start >= 20 * GREEN_MSEC;
        ck_ok(green_sleep(GREEN_MSEC));
    } while (!had_time);
    ck_assert(rethrows());
}
END_TEST

START_TEST(two_of_them)
{
    int (*one)(void) = load(0), (*other)(void) = load(1);

    if (!one || !other) {
        SKIP("needs a C++ compiler and each C++ library");
        return;
    }
    for (int i = 0; i < 3; i++) {
        ck_assert(one());
        ck_assert(other());
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("exceptions_plugin");
    TCase *tcase = add_tcase(suite, "plugin");

    tcase_add_loop_test(tcase, loaded_before, 0, 2);
    tcase_add_loop_test(tcase, loaded_when_greenthreads_run, 0, 2);
    tcase_add_test(tcase, two_of_them);
    return run_suite(suite);
}
