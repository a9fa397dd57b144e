/* C++ plugins in a C program. Each loads a C++ library of its own, whose
 * symbols the rest of the program does not see, before the program uses
 * greenthreads or afterwards. */
#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const plugins[] = {"stdcxx", "libcxx"};

/* Returns NULL if there is none, without the compiler or the library. */
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

/* The library looks for newly loaded C++ libraries after some time of the
 * system's clock; on a busy machine all of that time may pass before the next
 * iteration does so. */
START_TEST(loaded_when_greenthreads_run)
{
    int (*rethrows)(void);
    green_time start;
    bool time_passed;

    ck_ok(green_sleep(GREEN_MSEC));
    rethrows = load(_i);
    if (!rethrows) {
        SKIP("needs a C++ compiler and each C++ library");
        return;
    }
    start = real_clock();
    do {
        time_passed = real_clock() - start >= 20 * GREEN_MSEC;
        ck_ok(green_sleep(GREEN_MSEC));
    } while (!time_passed);
    ck_assert(rethrows());
}
END_TEST

START_TEST(two_plugins)
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
    tcase_add_test(tcase, two_plugins);
    return run_suite(suite);
}
