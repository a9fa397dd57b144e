/* A plugin contains the library, shared or static, and is unloaded before the
 * OS threads that used it have ended. */
#include "support.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void *uses_and_unloads(void *path)
{
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    const char *name = strstr(path, "plugin") ? "plugin_sleep" : "green_sleep";
    int (*sleep_green)(green_time duration);

    ck_assert_msg(library != NULL, "%s", dlerror());
    *(void **)&sleep_green = dlsym(library, name);
    ck_assert_ptr_nonnull(*(void **)&sleep_green);
    ck_assert_int_eq(sleep_green(GREEN_MSEC), 0);
    ck_assert_int_eq(dlclose(library), 0);
    return NULL;
}

/* The end of the OS thread still calls the library, and so does a fork. */
START_TEST(unloaded_by_a_thread_that_used_it)
{
    const char *build = getenv("GREENHUB_BUILD");
    char path[4096];
    pthread_t thread;
    pid_t pid;

    ck_assert_ptr_nonnull(build);
    snprintf(path, sizeof path, "%s/%s", build,
             _i ? "tests/plugin_static.so" : "src/libgreenhub.so");
    ck_ok(pthread_create(&thread, NULL, uses_and_unloads, path));
    ck_ok(pthread_join(thread, NULL));
    pid = fork();
    if (pid == 0)
        _exit(3);
    ck_assert_int_eq(wait_child(pid), 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("unload");
    TCase *tcase = add_tcase(suite, "unload");

    tcase_add_loop_test(tcase, unloaded_by_a_thread_that_used_it, 0, 2);
    return run_suite(suite);
}
