/* Thread-specific data: each greenthread has its own. */
#include <greenhub/patch.h>
#include <limits.h>
#include <pthread.h>
#include <stdint.h>
#include <sys/wait.h>
#include <threads.h>
#include <unistd.h>

#include "support.h"

static pthread_key_t key, other_key;

static void *number(uintptr_t value)
{
    return (void *)value;
}

static void setup(void)
{
    ck_assert_msg(green_patch(GREEN_PATCH_LIBRARIES) == 0, "%s",
                  green_hub_error());
    ck_ok(pthread_key_create(&key, NULL));
}

/* ---- Values ------------------------------------------------------------------ */

static void *has_its_own(void *value)
{
    ck_assert_ptr_null(pthread_getspecific(key));
    ck_ok(pthread_setspecific(key, value));
    ck_ok(green_sleep(0));
    ck_assert_ptr_eq(pthread_getspecific(key), value);
    ck_ok(pthread_setspecific(key, NULL));
    ck_ok(green_sleep(0));
    ck_assert_ptr_null(pthread_getspecific(key));
    return value;
}

START_TEST(each_greenthread_has_its_own)
{
    struct green_thread *threads[50];

    setup();
    ck_ok(pthread_setspecific(key, number(99)));
    for (uintptr_t i = 0; i < 50; i++)
        threads[i] = green_spawn(has_its_own, number(i + 1));
    for (int i = 0; i < 50; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_ptr_eq(pthread_getspecific(key), number(99));
}
END_TEST

START_TEST(mains_are_those_from_before)
{
    ck_ok(pthread_key_create(&other_key, NULL));
    ck_ok(pthread_setspecific(other_key, number(7)));
    setup();
    ck_assert_ptr_eq(pthread_getspecific(other_key), number(7));
    ck_ok(pthread_setspecific(other_key, number(8)));
    ck_assert_ptr_eq(pthread_getspecific(other_key), number(8));
}
END_TEST

static void *on_os_thread(void *value)
{
    ck_assert_ptr_null(pthread_getspecific(key));
    ck_ok(pthread_setspecific(key, value));
    ck_ok(green_join(green_spawn(has_its_own, number(5)), NULL));
    ck_assert_ptr_eq(pthread_getspecific(key), value);
    return NULL;
}

START_TEST(os_threads_have_theirs_too)
{
    pthread_t thread;

    setup();
    ck_ok(pthread_setspecific(key, number(1)));
    ck_ok(pthread_create(&thread, NULL, on_os_thread, number(2)));
    ck_ok(pthread_join(thread, NULL));
    ck_assert_ptr_eq(pthread_getspecific(key), number(1));
}
END_TEST

static void *in_native_region(void *arg)
{
    struct green_native region;

    ck_ok(pthread_setspecific(key, number(3)));
    green_native_begin(&region);
    ck_assert_ptr_eq(pthread_getspecific(key), number(3));
    ck_ok(pthread_setspecific(key, number(4)));
    green_native_end(&region);
    ck_assert_ptr_eq(pthread_getspecific(key), number(4));
    return arg;
}

START_TEST(native_regions_do_not_change_them)
{
    setup();
    ck_ok(green_join(green_spawn(in_native_region, NULL), NULL));
    ck_assert_ptr_null(pthread_getspecific(key));
}
END_TEST

static void read_in_callback(struct green_call *call)
{
    *(void **)call->arg = pthread_getspecific(key);
}

static void *calls_back(void *arg)
{
    void *seen = NULL;
    struct green_call call = {.callback = read_in_callback, .arg = &seen};

    ck_ok(pthread_setspecific(key, number(3)));
    ck_ok(green_hub_call(green_get_hub(), &call));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_ptr_eq(seen, number(1));
    return arg;
}

START_TEST(callbacks_have_mains)
{
    setup();
    ck_ok(pthread_setspecific(key, number(1)));
    ck_ok(green_join(green_spawn(calls_back, NULL), NULL));
}
END_TEST

static void *uses_all_keys(void *arg)
{
    static pthread_key_t keys[PTHREAD_KEYS_MAX];
    uintptr_t count = 0;

    while (pthread_key_create(&keys[count], NULL) == 0) {
        ck_ok(pthread_setspecific(keys[count], number(count + 1)));
        count++;
    }
    ck_assert_uint_gt(count, PTHREAD_KEYS_MAX / 2);
    for (uintptr_t i = 0; i < count; i++)
        ck_assert_ptr_eq(pthread_getspecific(keys[i]), number(i + 1));
    for (uintptr_t i = 0; i < count; i++)
        ck_ok(pthread_key_delete(keys[i]));
    return arg;
}

START_TEST(as_many_as_libc_has)
{
    setup();
    ck_ok(green_join(green_spawn(uses_all_keys, NULL), NULL));
}
END_TEST

/* ---- Deleting ------------------------------------------------------------------ */

static void *deletes(void *arg)
{
    pthread_key_t again;

    ck_ok(pthread_setspecific(key, number(1)));
    ck_ok(pthread_key_delete(key));
    ck_assert_ptr_null(pthread_getspecific(key));
    ck_assert_int_eq(pthread_setspecific(key, number(1)), EINVAL);
    ck_ok(pthread_key_create(&again, NULL));
    ck_assert_uint_eq(again, key); /* libc's choice: else this shows nothing */
    ck_assert_ptr_null(pthread_getspecific(again));
    return arg;
}

START_TEST(a_deleted_key_is_forgotten)
{
    setup();
    ck_ok(green_join(green_spawn(deletes, NULL), NULL));
}
END_TEST

/* ---- Destructors ----------------------------------------------------------------- */

static uintptr_t destroyed[16];
static unsigned destroyed_count;

static void note_destroyed(void *value)
{
    ck_assert_uint_lt(destroyed_count, 16);
    destroyed[destroyed_count++] = (uintptr_t)value;
}

static void *sets_two(void *arg)
{
    ck_ok(pthread_setspecific(other_key, number(2)));
    ck_ok(pthread_setspecific(key, number(1)));
    return arg;
}

START_TEST(destructors_run_in_the_order_of_keys)
{
    setup();
    ck_ok(pthread_key_delete(key));
    ck_ok(pthread_key_create(&key, note_destroyed));
    ck_ok(pthread_key_create(&other_key, note_destroyed));
    ck_assert_uint_lt(key, other_key);
    ck_ok(green_join(green_spawn(sets_two, NULL), NULL));
    ck_assert_uint_eq(destroyed_count, 2);
    ck_assert_uint_eq(destroyed[0], 1);
    ck_assert_uint_eq(destroyed[1], 2);
}
END_TEST

static unsigned rounds;
static bool switches;

static void sets_again(void *value)
{
    rounds++;
    ck_assert_ptr_null(pthread_getspecific(key));
    if (switches)
        ck_ok(green_sleep(0));
    ck_ok(pthread_setspecific(key, value));
}

static void *sets_one(void *value)
{
    ck_ok(pthread_setspecific(key, value));
    return value;
}

/* As often as libc calls them in an OS thread. There the destructor makes no green
 * call: it would make a hub, and after libc's last round nothing ends that. */
START_TEST(destructors_run_for_a_few_rounds)
{
    pthread_t thread;
    unsigned natively;

    setup();
    ck_ok(pthread_key_delete(key));
    ck_ok(pthread_key_create(&key, sets_again));
    ck_ok(pthread_create(&thread, NULL, sets_one, number(1)));
    ck_ok(pthread_join(thread, NULL));
    natively = rounds;
    rounds = 0;
    switches = true;
    ck_ok(green_join(green_spawn(sets_one, number(1)), NULL));
    ck_assert_uint_eq(rounds, natively);
    ck_assert_uint_eq(rounds, PTHREAD_DESTRUCTOR_ITERATIONS);
}
END_TEST

static void *sets_then_deletes(void *arg)
{
    sets_one(number(1));
    ck_ok(pthread_key_delete(key));
    return arg;
}

START_TEST(no_destructor_for_a_deleted_key)
{
    setup();
    ck_ok(pthread_key_delete(key));
    ck_ok(pthread_key_create(&key, note_destroyed));
    ck_ok(green_join(green_spawn(sets_then_deletes, NULL), NULL));
    ck_assert_uint_eq(destroyed_count, 0);
}
END_TEST

static void *sets_and_is_killed(void *arg)
{
    sets_one(number(9));
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    return arg;
}

START_TEST(destructors_run_after_a_kill)
{
    struct green_thread *thread;

    setup();
    ck_ok(pthread_key_delete(key));
    ck_ok(pthread_key_create(&key, note_destroyed));
    thread = green_spawn(sets_and_is_killed, NULL);
    ck_ok(green_sleep(0));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_uint_eq(destroyed_count, 1);
    ck_assert_uint_eq(destroyed[0], 9);
}
END_TEST

static void *sets_tss(void *arg)
{
    ck_assert_ptr_null(tss_get(other_key));
    ck_assert_int_eq(tss_set(other_key, number(6)), thrd_success);
    ck_assert_ptr_eq(tss_get(other_key), number(6));
    return arg;
}

START_TEST(those_of_c11)
{
    setup();
    ck_assert_int_eq(tss_create(&other_key, note_destroyed), thrd_success);
    ck_ok(green_join(green_spawn(sets_tss, NULL), NULL));
    ck_assert_ptr_null(tss_get(other_key));
    ck_assert_uint_eq(destroyed_count, 1);
    tss_delete(other_key);
}
END_TEST

/* ---- Fork ------------------------------------------------------------------------- */

static void *forks(void *arg)
{
    pid_t child;

    ck_ok(pthread_setspecific(key, number(4)));
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0)
        _exit(pthread_getspecific(key) == number(4) ? 0 : 1);
    ck_assert_int_eq(wait_child(child), 0);
    return arg;
}

START_TEST(a_child_has_those_of_its_parent)
{
    setup();
    ck_ok(green_join(green_spawn(forks, NULL), NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_keys");
    TCase *tcase = add_tcase(suite, "values");

    tcase_add_test(tcase, each_greenthread_has_its_own);
    tcase_add_test(tcase, mains_are_those_from_before);
    tcase_add_test(tcase, os_threads_have_theirs_too);
    tcase_add_test(tcase, native_regions_do_not_change_them);
    tcase_add_test(tcase, callbacks_have_mains);
    tcase_add_test(tcase, as_many_as_libc_has);
    tcase_add_test(tcase, a_deleted_key_is_forgotten);
    tcase_add_test(tcase, a_child_has_those_of_its_parent);

    tcase = add_tcase(suite, "destructors");
    tcase_add_test(tcase, destructors_run_in_the_order_of_keys);
    tcase_add_test(tcase, destructors_run_for_a_few_rounds);
    tcase_add_test(tcase, no_destructor_for_a_deleted_key);
    tcase_add_test(tcase, destructors_run_after_a_kill);
    tcase_add_test(tcase, those_of_c11);
    return run_suite(suite);
}
