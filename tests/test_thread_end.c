/* Functions to call at a greenthread's end, and greenthread-local values. */
#include "support.h"

#include <stdint.h>
#include <string.h>

static char trace[128];
static unsigned key, other_key;

static void add(void *word)
{
    strcat(trace, word);
}

static void *defers_three(void *arg)
{
    ck_ok(green_at_exit(add, "1"));
    ck_ok(green_at_exit(add, "2"));
    ck_ok(green_at_exit(add, "3"));
    if (arg)
        ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    strcat(trace, "end");
    return NULL;
}

START_TEST(last_added_first_called)
{
    struct green_thread *thread = green_spawn(defers_three, _i ? &key : NULL);

    ck_ok(green_sleep(0));
    if (_i)
        ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_str_eq(trace, "end321");
    ck_fails(green_at_exit(NULL, NULL), EINVAL);
}
END_TEST

static void blocks_and_defers(void *arg)
{
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_at_exit(add, arg));
    strcat(trace, "first ");
}

static void *defers_blocking(void *arg)
{
    ck_ok(green_at_exit(blocks_and_defers, arg));
    return NULL;
}

START_TEST(a_function_may_block_and_add_more)
{
    ck_ok(green_join(green_spawn(defers_blocking, "second"), NULL));
    ck_assert_str_eq(trace, "first second");
}
END_TEST

/* ---- Keys -------------------------------------------------------------- */

static void destroy(void *value)
{
    strcat(trace, value);
}

static void *sets_values(void *arg)
{
    ck_assert_ptr_null(green_key_get(key));
    ck_ok(green_key_set(key, arg));
    ck_ok(green_key_set(other_key, NULL));
    ck_ok(green_at_exit(add, "defer "));
    ck_ok(green_sleep(0));
    ck_assert_ptr_eq(green_key_get(key), arg);
    return NULL;
}

START_TEST(each_has_its_own_and_it_is_destroyed)
{
    struct green_thread *a, *b;

    ck_ok(green_key_create(&key, destroy));
    ck_ok(green_key_create(&other_key, destroy));
    ck_assert_uint_ne(key, other_key);
    ck_ok(green_key_set(key, "main "));
    a = green_spawn(sets_values, "a ");
    b = green_spawn(sets_values, "b ");
    ck_ok(green_join(a, NULL));
    ck_ok(green_join(b, NULL));
    ck_assert_str_eq(trace, "defer a defer b ");
    ck_assert_str_eq(green_key_get(key), "main ");
    ck_assert_ptr_null(green_key_get(other_key));
}
END_TEST

START_TEST(deleted)
{
    unsigned next;

    ck_ok(green_key_create(&key, destroy));
    ck_ok(green_key_set(key, "forgotten"));
    ck_ok(green_key_delete(key));
    errno = ESTALE;
    ck_assert_ptr_null(green_key_get(key));
    ck_assert_int_eq(errno, ESTALE);
    ck_fails(green_key_set(key, "x"), EINVAL);
    ck_fails(green_key_delete(key), EINVAL);
    /* The next key in the slot does not get the old key's value. */
    ck_ok(green_key_create(&next, destroy));
    ck_assert_ptr_null(green_key_get(next));
    ck_assert_str_eq(trace, "");
    ck_fails(green_key_delete(UINT32_MAX), EINVAL);
    ck_fails(green_key_create(NULL, NULL), EINVAL);
}
END_TEST

START_TEST(a_hundred_and_twenty_eight)
{
    unsigned keys[128], extra;

    for (int i = 0; i < 128; i++) {
        ck_ok(green_key_create(&keys[i], NULL));
        ck_ok(green_key_set(keys[i], &keys[i]));
    }
    ck_fails(green_key_create(&extra, NULL), EAGAIN);
    for (int i = 0; i < 128; i++)
        ck_assert_ptr_eq(green_key_get(keys[i]), &keys[i]);
    ck_ok(green_key_delete(keys[77]));
    ck_ok(green_key_create(&extra, NULL));
    ck_assert_ptr_null(green_key_get(extra));
    ck_fails(green_key_create(&extra, NULL), EAGAIN);
}
END_TEST

static int rounds;

static void sets_again(void *value)
{
    rounds++;
    ck_ok(green_key_set(key, value));
}

static void *has_a_value_set_again(void *arg)
{
    ck_ok(green_key_set(key, arg));
    return NULL;
}

START_TEST(a_destructor_that_sets_again)
{
    ck_ok(green_key_create(&key, sets_again));
    ck_ok(green_join(green_spawn(has_a_value_set_again, &key), NULL));
    ck_assert_int_ge(rounds, 1);
    ck_assert_int_lt(rounds, 100); /* it ends */
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread end");
    TCase *defer = add_tcase(suite, "defer");
    TCase *keys = add_tcase(suite, "keys");

    tcase_add_loop_test(defer, last_added_first_called, 0, 2);
    tcase_add_test(defer, a_function_may_block_and_add_more);
    tcase_add_test(keys, each_has_its_own_and_it_is_destroyed);
    tcase_add_test(keys, deleted);
    tcase_add_test(keys, a_hundred_and_twenty_eight);
    tcase_add_test(keys, a_destructor_that_sets_again);
    return run_suite(suite);
}
