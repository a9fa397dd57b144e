/* Semaphores: plain, bounded, and capped in both directions. */
#include "support.h"

static struct green_semaphore semaphore;
static int inside, most;

START_TEST(all_zero_has_no_permits)
{
    ck_assert_uint_eq(green_semaphore_count(&semaphore), 0);
    ck_fails(green_semaphore_try_acquire(&semaphore), EAGAIN);
    for (int i = 0; i < 3; i++)
        ck_ok(green_semaphore_release(&semaphore));
    ck_assert_uint_eq(green_semaphore_count(&semaphore), 3);
    ck_ok(green_semaphore_acquire(&semaphore));
    ck_ok(green_semaphore_release_wait(&semaphore)); /* there is no limit */
    for (int i = 0; i < 3; i++)
        ck_ok(green_semaphore_try_acquire(&semaphore));
    ck_fails(green_semaphore_try_acquire(&semaphore), EAGAIN);
}
END_TEST

static void *work(void *unused)
{
    for (int i = 0; i < 5; i++) {
        ck_ok(green_semaphore_acquire(&semaphore));
        most = ++inside > most ? inside : most;
        ck_ok(green_sleep(i % 2 ? 0 : GREEN_MSEC));
        inside--;
        ck_ok(green_semaphore_release(&semaphore));
    }
    return unused;
}

START_TEST(never_more_than_permits)
{
    struct green_thread *threads[20];

    ck_ok(green_semaphore_init(&semaphore, 3, 3));
    for (int i = 0; i < 20; i++)
        threads[i] = green_spawn(work, NULL);
    for (int i = 0; i < 20; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(most, 3);
    ck_assert_uint_eq(green_semaphore_count(&semaphore), 3);
}
END_TEST

START_TEST(bounded)
{
    ck_ok(green_semaphore_init(&semaphore, 1, 2));
    ck_ok(green_semaphore_release(&semaphore));
    ck_fails(green_semaphore_release(&semaphore), EOVERFLOW);
    ck_assert_uint_eq(green_semaphore_count(&semaphore), 2);
    ck_ok(green_semaphore_init(&semaphore, SIZE_MAX, 0));
    ck_fails(green_semaphore_release(&semaphore), EOVERFLOW);
}
END_TEST

static void *release_three(void *given)
{
    for (int i = 0; i < 3; i++) {
        ck_ok(green_semaphore_release_wait(&semaphore));
        ++*(int *)given;
    }
    return NULL;
}

/* Yields until the other greenthread waits; chaos yields before that. */
static void run_other(void)
{
    for (int yields = 0; yields < (in_chaos() ? 20 : 1); yields++)
        ck_ok(green_sleep(0));
}

/* A release waits for an acquire, and an acquire for a release. */
START_TEST(capped_in_both_directions)
{
    struct green_thread *releaser;
    int given = 0;

    ck_ok(green_semaphore_init(&semaphore, 0, 1));
    releaser = green_spawn(release_three, &given);
    run_other();
    ck_assert_int_eq(given, 1);
    for (int i = 1; i <= 3; i++) {
        ck_ok(green_semaphore_acquire(&semaphore));
        run_other();
        ck_assert_int_eq(given, i < 3 ? i + 1 : 3);
    }
    ck_assert_uint_eq(green_semaphore_count(&semaphore), 0);
    ck_ok(green_join(releaser, NULL));
}
END_TEST

START_TEST(misuse_of_semaphores)
{
    ck_fails(green_semaphore_init(NULL, 0, 0), EINVAL);
    ck_fails(green_semaphore_init(&semaphore, 3, 2), EINVAL);
    ck_fails(green_semaphore_acquire(NULL), EINVAL);
    ck_fails(green_semaphore_try_acquire(NULL), EINVAL);
    ck_fails(green_semaphore_release(NULL), EINVAL);
    ck_fails(green_semaphore_release_wait(NULL), EINVAL);
    ck_assert_uint_eq(green_semaphore_count(NULL), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("sync semaphore");
    TCase *tcase = add_tcase(suite, "semaphore");

    tcase_add_test(tcase, all_zero_has_no_permits);
    tcase_add_test(tcase, never_more_than_permits);
    tcase_add_test(tcase, bounded);
    tcase_add_test(tcase, capped_in_both_directions);
    tcase_add_test(tcase, misuse_of_semaphores);
    return run_suite(suite);
}
