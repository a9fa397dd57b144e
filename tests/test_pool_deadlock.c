/* Deadlocks among pools, piles, DAGs, resources and scopes end with EDEADLK. */
#include <time.h>

#include "support.h"

static struct green_event never;
static struct green_pool pool;
static int freed;

static void *waits(void *arg)
{
    return green_event_wait(&never, NULL) < 0 ? NULL : arg;
}

static void waits_n(void *arg)
{
    ck_fails(green_event_wait(&never, NULL), EDEADLK);
    (void)arg;
}

static int waits_in_scope(void *arg)
{
    (void)arg;
    return green_event_wait(&never, NULL);
}

static int job(struct green_dag *dag, void *arg, void **value)
{
    (void)dag, (void)arg, (void)value;
    return 0;
}

static void *make(void *arg)
{
    return arg;
}

static void release(void *resource, void *arg)
{
    (void)resource, (void)arg;
    freed++;
}

START_TEST(for_a_place)
{
    ck_ok(green_pool_init(&pool, 0));
    ck_fails(green_pool_spawn_n(&pool, waits_n, NULL), EDEADLK);
    ck_assert_uint_eq(green_pool_waiting(&pool), 0);
}
END_TEST

START_TEST(for_a_pool)
{
    ck_ok(green_pool_spawn_n(&pool, waits_n, NULL));
    ck_fails(green_pool_wait(&pool), EDEADLK);
    ck_ok(green_pool_wait(&pool));
}
END_TEST

START_TEST(for_a_result)
{
    struct green_pile pile = {{0}};

    ck_ok(green_pile_spawn(&pile, waits, &pool));
    ck_fails(green_pile_next(&pile, NULL), EDEADLK);
    ck_assert_int_eq(green_pile_next(&pile, NULL), 1);
    ck_ok(green_pile_end(&pile, NULL));
}
END_TEST

START_TEST(for_a_value)
{
    const char *const inputs[] = {"unknown", NULL};
    struct green_dag *dag = green_dag_create(0);

    ck_ok(green_dag_spawn(dag, "a", inputs, job, NULL));
    ck_fails(green_dag_wait(dag, "a", NULL), EDEADLK);
    ck_fails(green_dag_wait_all(dag), EDEADLK);
    ck_fails(green_dag_next(dag, NULL, NULL), EDEADLK);
    ck_ok(green_dag_post(dag, "unknown", NULL));
    ck_ok(green_dag_wait(dag, "a", NULL));
    ck_ok(green_dag_destroy(dag));
}
END_TEST

START_TEST(for_a_resource)
{
    const struct green_resource_options options = {
        .create = make, .destroy = release, .arg = &pool, .size = 1};
    struct green_resource_pool *resources =
        green_resource_pool_create(&options);
    void *held = green_resource_get(resources);

    ck_fails_null(green_resource_get(resources), EDEADLK);
    ck_ok(green_resource_put(resources, held));
    ck_assert_ptr_eq(green_resource_get(resources), held);
    ck_ok(green_resource_discard(resources, held));
    ck_ok(green_resource_pool_destroy(resources));
    ck_assert_int_eq(freed, 1);
}
END_TEST

START_TEST(for_the_end_of_a_scope)
{
    struct green_scope scope;

    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    for (int i = 0; i < 3; i++)
        ck_ok(green_scope_spawn(&scope, waits_in_scope, NULL));
    ck_fails(green_scope_end(&scope), EDEADLK);
    ck_ok(green_sleep(0));
}
END_TEST

static long answers(void *arg)
{
    ck_ok(nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL));
    return (long)(intptr_t)arg;
}

static void *sends_the_answer(void *arg)
{
    ck_assert_int_eq(on_thread(answers, arg), 7);
    ck_ok(green_event_send(&never, arg));
    return NULL;
}

/* While an OS thread of the pool works there is no deadlock. */
START_TEST(none_while_an_os_thread_works)
{
    struct green_thread *thread = green_spawn(sends_the_answer, (void *)7);
    void *value;

    ck_ok(green_event_wait(&never, &value));
    ck_assert_int_eq((intptr_t)value, 7);
    ck_ok(green_join(thread, NULL));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("pool deadlock");
    TCase *tcase = add_tcase(suite, "deadlock");

    tcase_add_test(tcase, for_a_place);
    tcase_add_test(tcase, for_a_pool);
    tcase_add_test(tcase, for_a_result);
    tcase_add_test(tcase, for_a_value);
    tcase_add_test(tcase, for_a_resource);
    tcase_add_test(tcase, for_the_end_of_a_scope);
    tcase_add_test(tcase, none_while_an_os_thread_works);
    return run_suite(suite);
}
