/* DAGs: a job runs when its inputs are ready; values and errors pass on to the
 * jobs that need them. */
#include <stdio.h>
#include <stdlib.h>

#include "support.h"

static struct green_dag *dag;
static char trace[256];
static int running, most, begun, ended;

static void setup(void)
{
    dag = green_dag_create(0);
    ck_assert_ptr_nonnull(dag);
}

static long get(const char *name)
{
    void *value = NULL;

    ck_ok(green_dag_get(dag, name, &value));
    return (long)(intptr_t)value;
}

static void note(const char *name)
{
    strcat(trace, name);
}

/* Its value is 1 plus the values of its inputs "a" and "b", if it has them. */
static int adds(struct green_dag *of, void *arg, void **value)
{
    void *a = NULL, *b = NULL;

    ck_assert_ptr_eq(of, dag);
    begun++;
    if (++running > most)
        most = running;
    if (green_sleep(GREEN_MSEC) < 0)
        return -1;
    running--;
    green_dag_get(of, "a", &a);
    green_dag_get(of, "b", &b);
    note(arg);
    ended++;
    *value = (void *)((intptr_t)a + (intptr_t)b + 1);
    return 0;
}

static int fails(struct green_dag *of, void *arg, void **value)
{
    (void)of, (void)value;
    begun++;
    errno = (int)(intptr_t)arg;
    return -1;
}

static int lasts(struct green_dag *of, void *arg, void **value)
{
    (void)of, (void)arg, (void)value;
    begun++;
    return green_sleep(GREEN_FOREVER);
}

static const char *const on_a[] = {"a", NULL}, *const on_b[] = {"b", NULL},
                         *const on_ab[] = {"a", "b", NULL},
                         *const on_c[] = {"c", NULL};

/* A diamond, spawned from its end to its beginning. */
START_TEST(in_the_order_of_dependency)
{
    ck_ok(green_dag_spawn(dag, "c", on_ab, adds, "c"));
    ck_ok(green_dag_spawn(dag, "b", on_a, adds, "b"));
    ck_assert_uint_eq(green_dag_waiting(dag), 2);
    ck_assert_uint_eq(green_dag_running(dag), 0);
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert_int_eq(begun, 0);
    ck_ok(green_dag_spawn(dag, "a", NULL, adds, "a"));
    ck_ok(green_dag_wait_all(dag));
    ck_assert_str_eq(trace, "abc");
    ck_assert_int_eq(get("a"), 1);
    ck_assert_int_eq(get("b"), 2);
    ck_assert_int_eq(get("c"), 4);
    ck_assert_uint_eq(green_dag_waiting(dag), 0);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(independent_jobs_run_at_once)
{
    char names[10][8];

    ck_ok(green_dag_post(dag, "a", (void *)10));
    for (int i = 0; i < 10; i++) {
        snprintf(names[i], sizeof names[i], "%d", i);
        ck_ok(green_dag_spawn(dag, names[i], on_a, adds, ""));
    }
    ck_ok(green_dag_wait_all(dag));
    if (!in_chaos())
        ck_assert_int_eq(most, 10);
    for (int i = 0; i < 10; i++)
        ck_assert_int_eq(get(names[i]), 11);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(no_more_than_the_limit)
{
    char name[8];

    ck_ok(green_dag_destroy(dag));
    dag = green_dag_create(3);
    for (int i = 0; i < 10; i++) {
        snprintf(name, sizeof name, "%d", i);
        ck_ok(green_dag_spawn(dag, name, NULL, adds, ""));
        ck_assert_uint_le(green_dag_running(dag), 3);
    }
    ck_ok(green_dag_wait_all(dag));
    ck_assert_int_eq(most, 3);
    ck_assert_int_eq(ended, 10);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

/* Each job needs the one before: the stack must not grow with the chain, in
 * either direction. */
#define CHAIN 5000

static int adds_one(struct green_dag *of, void *arg, void **value)
{
    char name[16];
    void *before = NULL;
    int at = (int)(intptr_t)arg;

    snprintf(name, sizeof name, "n%d", at - 1);
    if (at > 0)
        ck_ok(green_dag_get(of, name, &before));
    *value = (void *)((intptr_t)before + 1);
    return 0;
}

static void spawn_in_chain(int at)
{
    char name[16], before[16];
    const char *inputs[] = {before, NULL};

    snprintf(name, sizeof name, "n%d", at);
    snprintf(before, sizeof before, "n%d", at - 1);
    ck_ok(green_dag_spawn(dag, name, at ? inputs : NULL, adds_one,
                          (void *)(intptr_t)at));
}

START_TEST(a_long_chain)
{
    char last[16];

    snprintf(last, sizeof last, "n%d", CHAIN - 1);
    for (int i = 1; i < CHAIN; i++)
        spawn_in_chain(_i ? CHAIN - i : i);
    if (_i < 2) {
        spawn_in_chain(0);
        ck_ok(green_dag_wait_all(dag));
        ck_assert_int_eq(get(last), CHAIN);
    } else { /* an error passes through all of it */
        ck_ok(green_dag_fail(dag, "n0", EBADSLT));
        ck_sent(green_dag_wait_all(dag), EBADSLT);
        ck_sent(green_dag_get(dag, last, NULL), EBADSLT);
        ck_assert_str_eq(green_dag_origin(dag, last), "n0");
    }
    ck_ok(green_dag_destroy(dag));
}
END_TEST

/* ---- Errors ------------------------------------------------------------ */

START_TEST(errors_pass_on)
{
    ck_ok(green_dag_spawn(dag, "a", NULL, fails, (void *)ENOANO));
    ck_ok(green_dag_spawn(dag, "b", on_a, adds, "b"));
    ck_ok(green_dag_spawn(dag, "c", on_b, adds, "c"));
    ck_ok(green_dag_spawn(dag, "other", NULL, adds, "o"));
    ck_sent(green_dag_wait_all(dag), ENOANO);
    ck_assert_str_eq(trace, "o");
    ck_sent(green_dag_get(dag, "c", NULL), ENOANO);
    ck_sent(green_dag_wait(dag, "b", NULL), ENOANO);
    ck_assert_str_eq(green_dag_origin(dag, "c"), "a");
    ck_assert_str_eq(green_dag_origin(dag, "a"), "a");
    ck_assert_ptr_null(green_dag_origin(dag, "other"));
    ck_assert_ptr_null(green_dag_origin(dag, "unknown"));
    /* A job spawned later fails at once. */
    ck_ok(green_dag_spawn(dag, "late", on_c, adds, "l"));
    ck_sent(green_dag_get(dag, "late", NULL), ENOANO);
    ck_assert_str_eq(green_dag_origin(dag, "late"), "a");
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(an_error_without_errno)
{
    ck_ok(green_dag_spawn(dag, "a", NULL, fails, NULL));
    ck_sent(green_dag_wait(dag, "a", NULL), EIO);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(cycles_fail)
{
    ck_ok(green_dag_spawn(dag, "a", on_c, adds, "a"));
    ck_ok(green_dag_spawn(dag, "b", on_a, adds, "b"));
    ck_fails(green_dag_spawn(dag, "c", on_b, adds, "c"), ELOOP);
    ck_fails(green_dag_spawn(dag, "c", on_c, adds, "c"), ELOOP);
    ck_ok(green_dag_spawn(dag, "c", NULL, adds, "c"));
    ck_ok(green_dag_wait_all(dag));
    ck_assert_str_eq(trace, "cab");
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(each_name_only_once)
{
    ck_ok(green_dag_post(dag, "a", NULL));
    ck_fails(green_dag_post(dag, "a", NULL), EEXIST);
    ck_fails(green_dag_fail(dag, "a", EIO), EEXIST);
    ck_fails(green_dag_spawn(dag, "a", NULL, adds, "a"), EEXIST);
    ck_ok(green_dag_spawn(dag, "b", NULL, lasts, NULL));
    ck_fails(green_dag_post(dag, "b", NULL), EEXIST);
    ck_fails(green_dag_spawn(dag, "b", NULL, adds, "b"), EEXIST);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

/* ---- Waiting ----------------------------------------------------------- */

static void *waits_for_a(void *arg)
{
    void *value = NULL;

    (void)arg;
    if (green_dag_wait(dag, "a", &value) < 0)
        return (void *)(intptr_t)-errno;
    return value;
}

static int result_of(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (int)(intptr_t)result;
}

START_TEST(for_a_job_that_is_not_spawned_yet)
{
    struct green_thread *waiters[3];

    for (int i = 0; i < 3; i++)
        waiters[i] = green_spawn(waits_for_a, NULL);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_fails(green_dag_get(dag, "a", NULL), EAGAIN);
    ck_ok(green_kill(waiters[1]));
    ck_assert_int_eq(result_of(waiters[1]), -ECANCELED);
    ck_ok(green_dag_post(dag, "a", (void *)12));
    ck_assert_int_eq(result_of(waiters[0]), 12);
    ck_assert_int_eq(result_of(waiters[2]), 12);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(each_in_the_order_of_finishing)
{
    const char *name;
    void *value;

    ck_assert_int_eq(green_dag_next(dag, &name, &value), 0);
    ck_ok(green_dag_spawn(dag, "c", on_ab, adds, "c"));
    ck_ok(green_dag_spawn(dag, "b", on_a, adds, "b"));
    ck_ok(green_dag_post(dag, "a", (void *)5));
    ck_ok(green_dag_fail(dag, "d", EBADRQC));
    ck_assert_int_eq(green_dag_next(dag, &name, &value), 1);
    ck_assert_str_eq(name, "a");
    ck_assert_int_eq((intptr_t)value, 5);
    ck_sent(green_dag_next(dag, &name, &value), EBADRQC);
    ck_assert_str_eq(name, "d");
    ck_assert_int_eq(green_dag_next(dag, &name, &value), 1);
    ck_assert_str_eq(name, "b");
    ck_assert_int_eq(green_dag_next(dag, &name, NULL), 1);
    ck_assert_str_eq(name, "c");
    ck_assert_int_eq(green_dag_next(dag, NULL, NULL), 0);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

static void *takes(void *arg)
{
    const char *name = "?";
    int given = green_dag_next(dag, &name, NULL);

    (void)arg;
    if (given < 0)
        return (void *)(intptr_t)(name ? 1 : -errno);
    return (void *)(intptr_t)(given ? name[0] : 0);
}

START_TEST(several_callers_of_next)
{
    struct green_thread *takers[4];

    ck_ok(green_dag_spawn(dag, "b", on_a, adds, "b"));
    for (int i = 0; i < 4; i++) {
        takers[i] = green_spawn(takes, NULL);
        ck_ok(green_sleep(0));
    }
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(takers[0]));
    ck_assert_int_eq(result_of(takers[0]), -ECANCELED);
    ck_ok(green_dag_post(dag, "a", NULL));
    ck_assert_int_eq(result_of(takers[1]), 'a');
    ck_assert_int_eq(result_of(takers[2]), 'b');
    ck_assert_int_eq(result_of(takers[3]), 0);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(timed_out)
{
    struct green_timeout timeout;
    const char *name = "?";

    ck_ok(green_dag_spawn(dag, "a", NULL, lasts, NULL));
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_dag_wait(dag, "a", NULL), ETIMEDOUT);
    ck_fails(green_dag_wait_all(dag), ETIMEDOUT);
    ck_fails(green_dag_next(dag, &name, NULL), ETIMEDOUT);
    ck_assert_ptr_null(name);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_dag_destroy(dag));
}
END_TEST

/* ---- Kill and end ------------------------------------------------------ */

START_TEST(killed)
{
    ck_ok(green_dag_spawn(dag, "a", NULL, lasts, NULL));
    ck_ok(green_dag_spawn(dag, "b", on_a, adds, "b"));
    ck_ok(green_dag_spawn(dag, "c", on_c + 1, adds, "c"));
    ck_ok(green_dag_spawn(dag, "d", on_b, adds, "d"));
    ck_ok(green_sleep(0));
    ck_ok(green_dag_kill(dag, "d"));
    ck_sent(green_dag_get(dag, "d", NULL), ECANCELED);
    ck_assert_str_eq(green_dag_origin(dag, "d"), "d");
    ck_ok(green_dag_kill(dag, "a"));
    ck_sent(green_dag_wait(dag, "b", NULL), ECANCELED);
    ck_assert_str_eq(green_dag_origin(dag, "b"), "a");
    ck_ok(green_dag_wait(dag, "c", NULL));
    ck_fails(green_dag_kill(dag, "c"), ESRCH);
    ck_fails(green_dag_kill(dag, "unknown"), ESRCH);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(killed_before_it_ran)
{
    ck_ok(green_dag_spawn(dag, "a", NULL, adds, "a"));
    ck_assert(green_dag_kill(dag, "a") == 0);
    ck_sent(green_dag_wait(dag, "a", NULL), ECANCELED);
    ck_ok(green_dag_destroy(dag));
}
END_TEST

static int lasts_a_little(struct green_dag *of, void *arg, void **value)
{
    struct green_shield shield;

    (void)of, (void)arg, (void)value;
    begun++;
    green_shield_begin(&shield);
    ck_ok(green_sleep(3 * GREEN_MSEC));
    green_shield_end(&shield);
    ended++;
    return 0;
}

START_TEST(destroyed_in_the_middle)
{
    ck_ok(green_dag_spawn(dag, "a", NULL, lasts_a_little, NULL));
    ck_ok(green_dag_spawn(dag, "c", NULL, lasts_a_little, NULL));
    ck_ok(green_dag_spawn(dag, "b", on_a, lasts_a_little, NULL));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_dag_destroy(dag)); /* waits for two */
    ck_assert_int_eq(begun, 2);
    ck_assert_int_eq(ended, 2);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

START_TEST(wrong_use)
{
    ck_ok(green_dag_destroy(NULL));
    ck_fails(green_dag_spawn(NULL, "a", NULL, adds, NULL), EINVAL);
    ck_fails(green_dag_spawn(dag, NULL, NULL, adds, NULL), EINVAL);
    ck_fails(green_dag_spawn(dag, "a", NULL, NULL, NULL), EINVAL);
    ck_fails(green_dag_post(NULL, "a", NULL), EINVAL);
    ck_fails(green_dag_post(dag, NULL, NULL), EINVAL);
    ck_fails(green_dag_fail(dag, "a", 0), EINVAL);
    ck_fails(green_dag_get(NULL, "a", NULL), EINVAL);
    ck_fails(green_dag_get(dag, NULL, NULL), EINVAL);
    ck_fails(green_dag_wait(NULL, "a", NULL), EINVAL);
    ck_fails(green_dag_next(NULL, NULL, NULL), EINVAL);
    ck_fails(green_dag_wait_all(NULL), EINVAL);
    ck_fails(green_dag_kill(NULL, "a"), EINVAL);
    ck_assert_ptr_null(green_dag_origin(NULL, "a"));
    ck_assert_uint_eq(green_dag_running(NULL), 0);
    ck_assert_uint_eq(green_dag_waiting(NULL), 0);
    ck_ok(green_dag_wait_all(dag));
    ck_ok(green_dag_destroy(dag));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("dag");
    TCase *order = add_tcase(suite, "order");
    TCase *error = add_tcase(suite, "error");
    TCase *wait = add_tcase(suite, "wait");
    TCase *all[] = {order, error, wait};

    for (int i = 0; i < 3; i++)
        tcase_add_checked_fixture(all[i], setup, NULL);
    tcase_add_test(order, in_the_order_of_dependency);
    tcase_add_test(order, independent_jobs_run_at_once);
    tcase_add_test(order, no_more_than_the_limit);
    tcase_add_loop_test(order, a_long_chain, 0, 3);
    tcase_add_test(error, errors_pass_on);
    tcase_add_test(error, an_error_without_errno);
    tcase_add_test(error, cycles_fail);
    tcase_add_test(error, each_name_only_once);
    tcase_add_test(error, killed);
    tcase_add_test(error, killed_before_it_ran);
    tcase_add_test(error, destroyed_in_the_middle);
    tcase_add_test(error, wrong_use);
    tcase_add_test(wait, for_a_job_that_is_not_spawned_yet);
    tcase_add_test(wait, each_in_the_order_of_finishing);
    tcase_add_test(wait, several_callers_of_next);
    tcase_add_test(wait, timed_out);
    return run_suite(suite);
}
