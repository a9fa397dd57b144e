/* What tests of libgreenhub-patch share. */
#ifndef TESTS_PATCH_SUPPORT_H
#define TESTS_PATCH_SUPPORT_H

#include <greenhub/patch.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "support.h"

/* Turns all on that `greenhub run` does, but what other tests are about. */
static inline void patch_threads(void)
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES | GREEN_PATCH_SIGNALS |
                              GREEN_PATCH_THREADS) == 0,
                  "%s", green_hub_error());
}

static inline pthread_t start_thread(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    ck_assert_int_eq(pthread_create(&thread, NULL, fn, arg), 0);
    return thread;
}

static inline void *join_thread(pthread_t thread)
{
    void *result = NULL;

    ck_assert_int_eq(pthread_join(thread, &result), 0);
    return result;
}

/* Whether threads are to have thread-local data of their own, and cannot. */
static inline bool own_tls_is_refused(void)
{
    const char *tls = getenv("GREENHUB_PATCH_TLS");

    return tls && strcmp(tls, "own") == 0 && checker();
}

START_TEST(own_thread_local_data)
{
    SKIP("a checker knows of no thread control blocks but the C library's");
}
END_TEST

/* run_suite; if need be, of a suite that says why it cannot. */
static inline int run_suite_with_tls(Suite *suite)
{
    if (own_tls_is_refused()) {
        srunner_free(srunner_create(suite)); /* libcheck frees it by no other */
        suite = suite_create("own TLS");
        tcase_add_test(add_tcase(suite, "refused"), own_thread_local_data);
    }
    return run_suite(suite);
}

#endif
