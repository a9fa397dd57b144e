/* Pools: limits, waiting in line, spawning within jobs, resizing. */
#include "support.h"

static struct green_pool pool;
static int running, most, begun, order[32], count, errors[8];

static void enter(void)
{
    begun++;
    running++;
    if (running > most)
        most = running;
}

static void *works(void *arg)
{
    enter();
    ck_ok(green_sleep(GREEN_MSEC));
    running--;
    return arg;
}

static void works_n(void *arg)
{
    works(arg);
}

static void *lasts(void *arg)
{
    enter();
    errors[0] = green_sleep(GREEN_FOREVER) < 0 ? errno : 0;
    running--;
    return arg;
}

START_TEST(no_more_than_its_size)
{
    struct green_thread *threads[20];
    void *result;

    ck_ok(green_pool_init(&pool, 3));
    for (int i = 0; i < 20; i++) {
        threads[i] = green_pool_spawn(&pool, works, &order[i]);
        ck_assert_ptr_nonnull(threads[i]);
        ck_assert_uint_le(green_pool_running(&pool), 3);
        ck_assert_int_eq(green_pool_free(&pool),
                         3 - (int)green_pool_running(&pool));
    }
    for (int i = 0; i < 20; i++) {
        ck_ok(green_join(threads[i], &result));
        ck_assert_ptr_eq(result, &order[i]);
    }
    ck_assert_int_eq(begun, 20);
    ck_assert_int_eq(most, 3);
    ck_assert_uint_eq(green_pool_running(&pool), 0);
    ck_assert_int_eq(green_pool_free(&pool), 3);
}
END_TEST

START_TEST(waiting_for_all)
{
    ck_ok(green_pool_wait(&pool)); /* no jobs */
    for (int i = 0; i < 30; i++)
        ck_ok(green_pool_spawn_n(&pool, works_n, NULL));
    if (!in_chaos())
        ck_assert_uint_eq(green_pool_running(&pool), 30);
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(begun, 30);
    ck_assert_int_eq(running, 0);
    ck_assert_int_eq(green_pool_free(&pool), GREEN_POOL_SIZE); /* all zero */
}
END_TEST

static void sleeps_at_its_end(void *arg)
{
    (void)arg;
    ck_ok(green_sleep(3 * GREEN_MSEC));
    count++;
}

static void defers(void *arg)
{
    ck_ok(green_at_exit(sleeps_at_its_end, arg));
}

START_TEST(a_job_keeps_its_place_to_its_end)
{
    ck_ok(green_pool_init(&pool, 1));
    ck_ok(green_pool_spawn_n(&pool, defers, NULL));
    ck_ok(green_pool_spawn_n(&pool, defers, NULL));
    ck_assert_int_eq(count, 1);
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(count, 2);
}
END_TEST

/* ---- In line ------------------------------------------------------------ */

static void notes_order(void *arg)
{
    order[count++] = (int)(intptr_t)arg;
}

static void *spawns_one(void *arg)
{
    if (green_pool_spawn_n(&pool, notes_order, arg) < 0)
        return (void *)(intptr_t)errno;
    return NULL;
}

static int error_of(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (int)(intptr_t)result;
}

START_TEST(first_come_first_served)
{
    struct green_thread *first, *spawners[5];

    ck_ok(green_pool_init(&pool, 1));
    first = green_pool_spawn(&pool, lasts, NULL);
    for (int i = 0; i < 5; i++) {
        spawners[i] = green_spawn(spawns_one, (void *)(intptr_t)i);
        while (green_pool_waiting(&pool) < (size_t)i + 1)
            ck_ok(green_sleep(0));
    }
    ck_assert_int_eq(count, 0);
    ck_ok(green_kill(first));
    ck_ok(green_join(first, NULL));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(error_of(spawners[i]), 0);
    ck_ok(green_pool_wait(&pool));
    for (int i = 0; i < 5; i++)
        ck_assert_int_eq(order[i], i);
    ck_assert_int_eq(errors[0], ECANCELED);
    ck_assert_uint_eq(green_pool_waiting(&pool), 0);
}
END_TEST

START_TEST(killed_and_timed_out_in_line)
{
    struct green_thread *first, *killed, *after;
    struct green_timeout timeout;

    ck_ok(green_pool_init(&pool, 1));
    first = green_pool_spawn(&pool, lasts, NULL);
    killed = green_spawn(spawns_one, (void *)1);
    after = green_spawn(spawns_one, (void *)2);
    while (green_pool_waiting(&pool) < 2)
        ck_ok(green_sleep(0));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_pool_spawn_n(&pool, notes_order, NULL), ETIMEDOUT);
    ck_fails(green_pool_wait(&pool), ETIMEDOUT);
    ck_fails_null(green_pool_spawn(&pool, works, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(killed));
    ck_assert_int_eq(error_of(killed), ECANCELED);
    ck_assert_uint_eq(green_pool_waiting(&pool), 1);
    ck_ok(green_kill(first));
    ck_ok(green_join(first, NULL));
    ck_assert_int_eq(error_of(after), 0);
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(order[0], 2);
}
END_TEST

/* It got the place before the kill, so it spawns. */
START_TEST(killed_after_it_was_woken)
{
    struct green_thread *first, *spawner;

    ck_ok(green_pool_init(&pool, 1));
    first = green_pool_spawn(&pool, works, NULL);
    spawner = green_spawn(spawns_one, (void *)7);
    while (green_pool_waiting(&pool) < 1)
        ck_ok(green_sleep(0));
    ck_ok(green_pool_resize(&pool, 2));
    ck_ok(green_kill(spawner));
    ck_assert_int_eq(error_of(spawner), 0);
    ck_ok(green_join(first, NULL));
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(order[0], 7);
}
END_TEST

/* A later caller waits behind the first, though a place is free. */
START_TEST(later_callers_wait_in_line)
{
    struct green_thread *spawner;

    ck_ok(green_pool_init(&pool, 0));
    spawner = green_spawn(spawns_one, (void *)1);
    while (green_pool_waiting(&pool) < 1)
        ck_ok(green_sleep(0));
    ck_ok(green_pool_resize(&pool, 1));
    ck_ok(green_pool_spawn_n(&pool, notes_order, (void *)2));
    ck_assert_int_eq(error_of(spawner), 0);
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(order[0], 1);
    ck_assert_int_eq(order[1], 2);
}
END_TEST

/* ---- Within jobs --------------------------------------------------------- */

static void *spawns_inside(void *arg)
{
    struct green_thread *inner;
    void *result;
    int depth = (int)(intptr_t)arg;

    enter();
    if (depth > 0) {
        inner = green_pool_spawn(&pool, spawns_inside,
                                 (void *)(intptr_t)(depth - 1));
        ck_assert_ptr_nonnull(inner);
        ck_ok(green_join(inner, &result));
        ck_assert_int_eq((intptr_t)result, depth - 1);
        ck_ok(green_pool_spawn_n(&pool, notes_order, arg));
    }
    ck_fails(green_pool_wait(&pool), EDEADLK);
    running--;
    return arg;
}

START_TEST(a_spawn_within_a_job_runs_inline)
{
    struct green_thread *outer;

    ck_ok(green_pool_init(&pool, 1));
    outer = green_pool_spawn(&pool, spawns_inside, (void *)5);
    ck_assert_int_eq(error_of(outer), 5);
    ck_assert_int_eq(begun, 6);
    ck_assert_int_eq(count, 5);
    ck_assert_uint_eq(green_pool_running(&pool), 0);
}
END_TEST

static void inside_another(void *arg)
{
    struct green_pool *other = arg;

    ck_ok(green_pool_spawn_n(other, works_n, NULL)); /* waits */
    ck_ok(green_pool_wait(other));
    ck_assert_int_eq(begun, 2);
    count++;
}

/* Only jobs of the same pool run inline. */
START_TEST(a_job_of_another_pool_waits)
{
    struct green_pool other;

    ck_ok(green_pool_init(&pool, 1));
    ck_ok(green_pool_init(&other, 1));
    ck_ok(green_pool_spawn_n(&other, works_n, NULL));
    ck_ok(green_pool_spawn_n(&pool, inside_another, &other));
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(most, 1);
}
END_TEST

/* ---- Size --------------------------------------------------------------- */

START_TEST(resized)
{
    struct green_thread *threads[4];

    ck_ok(green_pool_init(&pool, 4));
    for (int i = 0; i < 4; i++)
        threads[i] = green_pool_spawn(&pool, lasts, NULL);
    ck_ok(green_pool_resize(&pool, 1));
    ck_assert_int_eq(green_pool_free(&pool), -3);
    ck_ok(green_sleep(0));
    for (int i = 0; i < 3; i++) {
        ck_ok(green_kill(threads[i]));
        ck_ok(green_join(threads[i], NULL));
    }
    ck_assert_int_eq(green_pool_free(&pool), 0);
    ck_ok(green_pool_resize(&pool, 2));
    ck_ok(green_pool_spawn_n(&pool, works_n, NULL)); /* at once */
    ck_assert_uint_eq(green_pool_waiting(&pool), 0);
    ck_ok(green_kill(threads[3]));
    ck_ok(green_join(threads[3], NULL));
    ck_ok(green_pool_wait(&pool));
}
END_TEST

START_TEST(cancelled_before_it_began)
{
    struct green_thread *thread;
    void *result;

    ck_ok(green_pool_init(&pool, 1));
    thread = green_pool_spawn(&pool, lasts, NULL);
    ck_assert(green_cancel(thread) == 0 || in_chaos());
    green_kill(thread);
    ck_ok(green_join(thread, &result));
    ck_assert(result == GREEN_CANCELED || in_chaos());
    ck_assert_int_eq(green_pool_free(&pool), 1);
}
END_TEST

static void in_a_callback(struct green_call *call)
{
    (void)call;
    ck_ok(green_pool_spawn_n(&pool, works_n, NULL));
    ck_fails(green_pool_spawn_n(&pool, works_n, NULL), EDEADLK);
    ck_fails(green_pool_wait(&pool), EDEADLK);
    count++;
}

START_TEST(wrong_use)
{
    struct green_call call = {.callback = in_a_callback};

    ck_fails(green_pool_init(NULL, 1), EINVAL);
    ck_fails_null(green_pool_spawn(NULL, works, NULL), EINVAL);
    ck_fails_null(green_pool_spawn(&pool, NULL, NULL), EINVAL);
    ck_fails(green_pool_spawn_n(NULL, works_n, NULL), EINVAL);
    ck_fails(green_pool_spawn_n(&pool, NULL, NULL), EINVAL);
    ck_fails(green_pool_resize(NULL, 1), EINVAL);
    ck_fails(green_pool_wait(NULL), EINVAL);
    ck_assert_uint_eq(green_pool_running(NULL), 0);
    ck_assert_int_eq(green_pool_free(NULL), 0);
    ck_assert_uint_eq(green_pool_waiting(NULL), 0);
    ck_ok(green_pool_init(&pool, 1));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (count == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(begun, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool");
    TCase *size = add_tcase(suite, "size");
    TCase *line = add_tcase(suite, "line");
    TCase *inside = add_tcase(suite, "within jobs");

    tcase_add_test(size, no_more_than_its_size);
    tcase_add_test(size, waiting_for_all);
    tcase_add_test(size, a_job_keeps_its_place_to_its_end);
    tcase_add_test(size, resized);
    tcase_add_test(size, cancelled_before_it_began);
    tcase_add_test(size, wrong_use);
    tcase_add_test(line, first_come_first_served);
    tcase_add_test(line, killed_and_timed_out_in_line);
    tcase_add_test(line, killed_after_it_was_woken);
    tcase_add_test(line, later_callers_wait_in_line);
    tcase_add_test(inside, a_spawn_within_a_job_runs_inline);
    tcase_add_test(inside, a_job_of_another_pool_waits);
    return run_suite(suite);
}
