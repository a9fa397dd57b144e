/* Piles and maps: results in order or as they come; the source is read no
 * further ahead than allowed. */
#include <stdlib.h>

#include "support.h"

static struct green_pile pile;
static struct green_pool pool;
static int begun, ended, killed, dropped, gave;

static void *as_arg(int number)
{
    return (void *)(intptr_t)number;
}

/* Jobs spawned later end sooner. */
static void *counts_down(void *arg)
{
    begun++;
    if (green_sleep((20 - (intptr_t)arg) * GREEN_MSEC) < 0)
        killed++;
    ended++;
    errno = (int)(intptr_t)arg;
    return arg;
}

static void *lasts(void *arg)
{
    begun++;
    if (green_sleep(GREEN_FOREVER) < 0)
        killed++;
    ended++;
    return arg;
}

static void *at_once(void *arg)
{
    begun++;
    ended++;
    return arg;
}

static int next_is(int number)
{
    void *result = NULL;
    int given = green_pile_next(&pile, &result);

    ck_assert_int_eq(given, 1);
    ck_assert_int_eq((intptr_t)result, number);
    return given;
}

START_TEST(results_in_the_order_of_spawning)
{
    for (int i = 0; i < 20; i++)
        ck_ok(green_pile_spawn(&pile, counts_down, as_arg(i)));
    for (int i = 0; i < 20; i++) {
        next_is(i);
        ck_assert_int_eq(errno, i);
    }
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
    ck_ok(green_pile_spawn(&pile, at_once, as_arg(77)));
    next_is(77);
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

START_TEST(as_they_come)
{
    ck_ok(green_pile_spawn(&pile, at_once, as_arg(1)));
    ck_ok(green_pile_spawn(&pile, lasts, as_arg(2)));
    next_is(1);
    ck_assert_int_eq(ended, 1);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_pile_end(&pile, NULL));
    ck_assert_int_eq(killed, 1);
}
END_TEST

START_TEST(on_a_shared_pool)
{
    struct green_pile other;

    ck_ok(green_pool_init(&pool, 2));
    ck_ok(green_pile_init(&pile, &pool));
    ck_ok(green_pile_init(&other, &pool));
    for (int i = 0; i < 6; i++) {
        ck_ok(green_pile_spawn(i % 2 ? &other : &pile, counts_down,
                               as_arg(15 + i % 3)));
        ck_assert_uint_le(green_pool_running(&pool), 2);
    }
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(green_pile_next(&pile, NULL), 1);
        ck_assert_int_eq(green_pile_next(&other, NULL), 1);
    }
    ck_ok(green_pile_end(&pile, NULL));
    ck_ok(green_pile_end(&other, NULL));
    ck_assert_uint_eq(green_pool_running(&pool), 0);
}
END_TEST

static void *spawns_inside(void *arg)
{
    ck_ok(green_pile_spawn(&pile, at_once, as_arg(2)));
    ck_ok(green_pile_spawn(&pile, at_once, as_arg(3)));
    return arg;
}

START_TEST(spawned_by_a_job)
{
    ck_ok(green_pool_init(&pool, 1));
    ck_ok(green_pile_init(&pile, &pool));
    ck_ok(green_pile_spawn(&pile, spawns_inside, as_arg(1)));
    for (int i = 1; i <= 3; i++)
        next_is(i);
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

/* ---- Several callers of next ------------------------------------------- */

static void *takes(void *arg)
{
    void *result = NULL;
    int given = green_pile_next(&pile, &result);

    (void)arg;
    return given < 0 ? as_arg(-errno) : given ? result : as_arg(1000);
}

static int result_of(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (int)(intptr_t)result;
}

START_TEST(several_takers_in_line)
{
    struct green_thread *takers[6];

    for (int i = 1; i <= 4; i++)
        ck_ok(green_pile_spawn(&pile, counts_down, as_arg(i)));
    for (int i = 0; i < 6; i++) {
        takers[i] = green_spawn(takes, NULL);
        ck_ok(green_sleep(0));
    }
    ck_ok(green_kill(takers[1]));
    ck_assert_int_eq(result_of(takers[1]), -ECANCELED); /* the result stays */
    ck_assert_int_eq(result_of(takers[0]), 1);
    ck_assert_int_eq(result_of(takers[2]), 2);
    ck_assert_int_eq(result_of(takers[3]), 3);
    ck_assert_int_eq(result_of(takers[4]), 4);
    ck_assert_int_eq(result_of(takers[5]), 1000); /* no more results come */
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

START_TEST(timed_out_while_it_waits)
{
    struct green_timeout timeout;

    ck_ok(green_pile_spawn(&pile, counts_down, as_arg(10)));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_pile_next(&pile, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    next_is(10);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

/* ---- The end ----------------------------------------------------------- */

static void drop(void *result)
{
    ck_assert_int_gt((intptr_t)result, 0);
    dropped++;
}

START_TEST(ended_early)
{
    ck_ok(green_pool_init(&pool, 5));
    ck_ok(green_pile_init(&pile, &pool));
    for (int i = 1; i <= 3; i++)
        ck_ok(green_pile_spawn(&pile, at_once, as_arg(i)));
    ck_ok(green_sleep(GREEN_MSEC));
    for (int i = 4; i <= 6; i++)
        ck_ok(green_pile_spawn(&pile, lasts, as_arg(i)));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_pile_spawn(&pile, lasts, as_arg(7))); /* not begun */
    next_is(1);
    ck_ok(green_pile_end(&pile, drop));
    ck_assert_int_eq(dropped, in_chaos() ? dropped : 5);
    ck_assert_int_eq(begun, ended);
    ck_assert_uint_eq(green_pool_running(&pool), 0);
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
    ck_ok(green_pile_spawn(&pile, at_once, as_arg(9))); /* the pile is as new */
    next_is(9);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

static void *ends_it_when_killed(void *arg)
{
    ck_ok(green_pile_spawn(&pile, lasts, NULL));
    ck_fails(green_pile_next(&pile, NULL), ECANCELED);
    ck_ok(green_pile_end(&pile, NULL));
    ck_assert_int_eq(begun, ended);
    return arg;
}

START_TEST(ended_by_a_killed_greenthread)
{
    struct green_thread *thread = green_spawn(ends_it_when_killed, NULL);

    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

/* ---- Maps -------------------------------------------------------------- */

/* A source of 1, 2, ... up to *source; then an error if that is odd. */
static int count_up(void *source, void **item)
{
    int last = (int)(intptr_t)source;

    ck_ok(green_sleep(0));
    if (gave == last) {
        errno = EDOM;
        return last % 2 ? -1 : 0;
    }
    *item = as_arg(++gave);
    return 1;
}

static void *doubles(void *arg)
{
    begun++;
    if (green_sleep((intptr_t)arg % 3 * GREEN_MSEC) < 0)
        killed++;
    ended++;
    return as_arg((int)(intptr_t)arg * 2);
}

START_TEST(a_map)
{
    int last = _i ? 101 : 100;

    ck_ok(green_pool_init(&pool, 7));
    ck_ok(green_pile_init(&pile, &pool));
    ck_ok(green_pile_map(&pile, doubles, count_up, as_arg(last)));
    ck_fails(green_pile_map(&pile, doubles, count_up, NULL), EBUSY);
    ck_fails(green_pile_spawn(&pile, doubles, NULL), EBUSY);
    for (int i = 1; i <= last; i++) {
        next_is(2 * i);
        ck_assert_int_le(gave, i + 7 + 1); /* not too far ahead */
        ck_assert_uint_le(green_pool_running(&pool), 7);
    }
    if (last % 2)
        ck_ends(green_pile_next(&pile, NULL), EDOM);
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
    ck_ok(green_pile_spawn(&pile, at_once, as_arg(5)));
    next_is(5);
    ck_ok(green_pile_end(&pile, NULL));
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

START_TEST(a_map_of_nothing)
{
    ck_ok(green_pile_map(&pile, doubles, count_up, as_arg(0)));
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

START_TEST(an_endless_map_is_ended)
{
    ck_ok(green_pool_init(&pool, 4));
    ck_ok(green_pile_init(&pile, &pool));
    ck_ok(
        green_pile_map(&pile, _i ? lasts : doubles, count_up, as_arg(1 << 30)));
    if (!_i)
        for (int i = 1; i <= 10; i++)
            next_is(2 * i);
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_ok(green_pile_end(&pile, drop));
    ck_assert_int_eq(begun, ended);
    ck_assert_int_le(gave, 10 + 4 + 1);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

static void maps_inside(void *arg)
{
    (void)arg;
    ck_ok(green_pile_map(&pile, doubles, count_up, as_arg(10)));
    for (int i = 1; i <= 10; i++)
        next_is(2 * i);
    ck_assert_int_eq(green_pile_next(&pile, NULL), 0);
}

/* The job that maps holds the pool's only place. */
START_TEST(a_map_in_a_job)
{
    ck_ok(green_pool_init(&pool, 1));
    ck_ok(green_pile_init(&pile, &pool));
    ck_ok(green_pool_spawn_n(&pool, maps_inside, NULL));
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(ended, 10);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

static void in_a_callback(struct green_call *call)
{
    (void)call;
    ck_fails(green_pile_next(&pile, NULL), EDEADLK);
    ck_fails(green_pile_end(&pile, NULL), EDEADLK);
    dropped++;
}

START_TEST(wrong_use)
{
    struct green_call call = {.callback = in_a_callback};

    ck_fails(green_pile_init(NULL, NULL), EINVAL);
    ck_fails(green_pile_spawn(NULL, at_once, NULL), EINVAL);
    ck_fails(green_pile_spawn(&pile, NULL, NULL), EINVAL);
    ck_fails(green_pile_map(NULL, at_once, count_up, NULL), EINVAL);
    ck_fails(green_pile_map(&pile, NULL, count_up, NULL), EINVAL);
    ck_fails(green_pile_map(&pile, at_once, NULL, NULL), EINVAL);
    ck_fails(green_pile_next(NULL, NULL), EINVAL);
    ck_fails(green_pile_end(NULL, NULL), EINVAL);
    ck_ok(green_pile_spawn(&pile, lasts, NULL));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (dropped == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pile");
    TCase *order = add_tcase(suite, "order");
    TCase *end = add_tcase(suite, "end");
    TCase *map = add_tcase(suite, "map");

    tcase_add_test(order, results_in_the_order_of_spawning);
    tcase_add_test(order, as_they_come);
    tcase_add_test(order, on_a_shared_pool);
    tcase_add_test(order, spawned_by_a_job);
    tcase_add_test(order, several_takers_in_line);
    tcase_add_test(order, timed_out_while_it_waits);
    tcase_add_test(end, ended_early);
    tcase_add_test(end, ended_by_a_killed_greenthread);
    tcase_add_test(end, wrong_use);
    tcase_add_loop_test(map, a_map, 0, 2);
    tcase_add_test(map, a_map_of_nothing);
    tcase_add_loop_test(map, an_endless_map_is_ended, 0, 2);
    tcase_add_test(map, a_map_in_a_job);
    return run_suite(suite);
}
