/* All ways to spawn, cancelling, and the state that each greenthread has of its
 * own. */
#include "support.h"

#include <fenv.h>
#include <stdlib.h>
#include <string.h>

static int order[64], count;

static void *note(void *arg)
{
    order[count++] = (int)(intptr_t)arg;
    return (void *)((intptr_t)arg * 10);
}

static void note_n(void *arg)
{
    note(arg);
}

START_TEST(in_the_order_of_spawning)
{
    struct green_thread *threads[10];
    void *result;

    for (int i = 0; i < 10; i++)
        threads[i] = green_spawn(note, (void *)(intptr_t)i);
    if (!in_chaos())
        ck_assert_int_eq(count, 0); /* spawning never switches */
    ck_ok(green_sleep(0));
    ck_assert_int_eq(count, 10);
    for (int i = 0; i < 10; i++) {
        ck_assert_int_eq(order[i], i);
        ck_ok(green_join(threads[i], &result));
        ck_assert_int_eq((intptr_t)result, i * 10);
    }
}
END_TEST

START_TEST(detached)
{
    ck_ok(green_spawn_n(note_n, (void *)7));
    ck_ok(green_sleep(0));
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(order[0], 7);
}
END_TEST

static void *touches(void *arg)
{
    volatile char frame[3 << 20];

    for (size_t i = 0; i < sizeof frame; i += 4096)
        frame[i] = 1;
    return (void *)(intptr_t)(frame[4096] + (arg == NULL));
}

START_TEST(with_a_larger_stack_and_a_name)
{
    struct green_attr attr = {.name = "large", .stack_size = 4 << 20};
    struct green_thread *thread = green_spawn_with(&attr, touches, NULL);
    void *result;

    ck_assert_ptr_nonnull(thread);
    ck_assert_str_eq(green_name(thread), "large");
    ck_ok(green_join(thread, &result));
    ck_assert_int_eq((intptr_t)result, 2);
    attr.stack_size = ((size_t)1 << 30) + 1;
    ck_fails_null(green_spawn_with(&attr, touches, NULL), EINVAL);
    attr.stack_size = 1; /* rounded up to the minimum */
    ck_ok(green_join(green_spawn_with(&attr, note, NULL), NULL));
    ck_ok(green_join(green_spawn_with(NULL, note, NULL), NULL));
    ck_assert_int_eq(count, 2);
}
END_TEST

START_TEST(names)
{
    struct green_thread *self = green_self();

    ck_assert_ptr_nonnull(self);
    ck_assert_str_eq(green_name(self), "");
    ck_ok(green_set_name(self, "0123456789012345678901234567890123456789"));
    ck_assert_str_eq(green_name(self), "0123456789012345678901234567890");
    ck_fails(green_set_name(NULL, "x"), EINVAL);
    ck_fails(green_set_name(self, NULL), EINVAL);
    ck_fails_null(green_name(NULL), EINVAL);
}
END_TEST

START_TEST(arguments)
{
    ck_fails_null(green_spawn(NULL, NULL), EINVAL);
    ck_fails(green_spawn_n(NULL, NULL), EINVAL);
    ck_fails_null(green_spawn_with(NULL, NULL, NULL), EINVAL);
    ck_fails_null(green_spawn_after(1, NULL, NULL), EINVAL);
    ck_fails_null(green_spawn_after(-1, note, NULL), EINVAL);
    ck_fails_null(green_spawn_after_local(1, NULL, NULL), EINVAL);
    ck_fails_null(green_spawn_after_local(-1, note, NULL), EINVAL);
    ck_fails(green_cancel(NULL), EINVAL);
    ck_ok(green_sleep(0));
    ck_assert_int_eq(count, 0);
}
END_TEST

/* ---- Later, or never --------------------------------------------------- */

static green_time started;

static void *note_start(void *arg)
{
    started = green_now();
    count++;
    return arg;
}

START_TEST(after_a_delay)
{
    green_time start = green_now();
    struct green_thread *thread =
        green_spawn_after(3 * GREEN_MSEC, note_start, &count);
    void *result;

    ck_ok(green_sleep(0));
    ck_assert_int_eq(count, 0);
    ck_ok(green_join(thread, &result));
    ck_assert_ptr_eq(result, &count);
    ck_assert_int_ge(started - start, 3 * GREEN_MSEC);
    ck_ok(green_join(green_spawn_after(0, note_start, NULL), NULL));
    ck_assert_int_eq(count, 2);
}
END_TEST

static void *spawns_local(void *arg)
{
    struct green_thread **child = arg;

    *child = green_spawn_after_local(2 * GREEN_MSEC, note_start, NULL);
    ck_assert_ptr_nonnull(*child);
    return NULL;
}

static void *outlives_its_child(void *arg)
{
    (void)arg;
    ck_ok(green_detach(green_spawn_after_local(GREEN_MSEC, note_start, NULL)));
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert_int_eq(count, 1);
    return NULL;
}

START_TEST(local_is_cancelled_with_its_parent)
{
    struct green_thread *child;

    ck_ok(green_join(green_spawn(spawns_local, &child), NULL));
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert_int_eq(count, 0);
    ck_cancelled(child);
    ck_ok(green_join(green_spawn(outlives_its_child, NULL), NULL));
    ck_assert_int_eq(count, 1);
}
END_TEST

static void *sleeps(void *arg)
{
    green_sleep(GREEN_MSEC);
    return arg;
}

START_TEST(cancelled_before_it_starts)
{
    struct green_thread *thread = green_spawn_after(GREEN_SEC, note, NULL);
    green_time start = green_now();

    ck_ok(green_cancel(thread));
    ck_cancelled(thread);
    ck_assert_int_lt(green_now() - start, GREEN_SEC);
    ck_assert_int_eq(count, 0);
    if (in_chaos())
        return; /* it may have started */
    thread = green_spawn(note, NULL);
    ck_ok(green_cancel(thread));
    ck_cancelled(thread);
    ck_assert_int_eq(count, 0);
    ck_assert(!green_killed());
}
END_TEST

START_TEST(cancelled_too_late)
{
    struct green_thread *thread = green_spawn(sleeps, NULL);

    ck_ok(green_sleep(0));
    ck_fails(green_cancel(thread), EBUSY);
    ck_ok(green_sleep(3 * GREEN_MSEC));
    ck_fails(green_cancel(thread), ESRCH);
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* ---- State of each greenthread ------------------------------------------ */

static void *sets_errno(void *arg)
{
    for (int i = 0; i < 20; i++) {
        errno = (int)(intptr_t)arg + i;
        ck_ok(green_sleep(i % 3 ? 0 : GREEN_USEC));
        ck_assert_int_eq(errno, (int)(intptr_t)arg + i);
    }
    return NULL;
}

START_TEST(each_has_its_own_errno)
{
    struct green_thread *a = green_spawn(sets_errno, (void *)1000);
    struct green_thread *b = green_spawn(sets_errno, (void *)2000);

    sets_errno((void *)3000);
    ck_ok(green_join(a, NULL));
    ck_ok(green_join(b, NULL));
}
END_TEST

static void *rounds_up(void *arg)
{
    volatile double one = 1, three = 3, up, down = *(double *)arg;

    ck_assert_int_eq(fesetround(FE_UPWARD), 0);
    for (int i = 0; i < 5; i++) {
        ck_ok(green_sleep(0));
        ck_assert_int_eq(fegetround(), FE_UPWARD);
        up = one / three;
        /* valgrind always divides in one rounding mode. */
        ck_assert(up > down || under_valgrind());
    }
    return NULL;
}

START_TEST(each_has_its_own_rounding_mode)
{
    volatile double one = 1, three = 3, nearest = one / three, again;
    struct green_thread *thread = green_spawn(rounds_up, (void *)&nearest);

    for (int i = 0; i < 5; i++) {
        ck_ok(green_sleep(0));
        ck_assert_int_eq(fegetround(), FE_TONEAREST);
        again = one / three;
        ck_assert(again == nearest);
    }
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(fegetround(), FE_TONEAREST);
}
END_TEST

static void *sleeps_not(void *arg)
{
    return arg;
}

static void note_not(void *arg)
{
    (void)arg;
}

START_TEST(a_hundred_thousand_in_little_memory)
{
    long before = 0;
    int fds = 0;

    for (int i = 0; i < 100000; i++) {
        ck_ok(green_join(green_spawn(sleeps_not, NULL), NULL));
        ck_ok(green_spawn_n(note_not, NULL));
        if (i == 1000) {
            before = resident_kib();
            fds = count_fds();
        }
    }
    ck_ok(green_sleep(0));
    ck_assert_int_eq(count_fds(), fds);
    ck_assert_uint_eq(stats_now().alive, 1);
    ck_assert_uint_eq(stats_now().spawns, 200000);
    if (!checker())
        ck_assert_int_le(resident_kib(), before + 1024);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread spawn");
    TCase *forms = add_tcase(suite, "forms");
    TCase *later = add_tcase(suite, "later");
    TCase *own = add_tcase(suite, "own");

    tcase_add_test(forms, in_the_order_of_spawning);
    tcase_add_test(forms, detached);
    tcase_add_test(forms, with_a_larger_stack_and_a_name);
    tcase_add_test(forms, names);
    tcase_add_test(forms, arguments);
    tcase_add_test(later, after_a_delay);
    tcase_add_test(later, local_is_cancelled_with_its_parent);
    tcase_add_test(later, cancelled_before_it_starts);
    tcase_add_test(later, cancelled_too_late);
    tcase_add_test(own, each_has_its_own_errno);
    tcase_add_test(own, each_has_its_own_rounding_mode);
    tcase_add_test(own, a_hundred_thousand_in_little_memory);
    return run_suite(suite);
}
