/*
 * The n-th allocation fails, for each n, in pools, scopes, DAGs and shared
 * objects: ENOMEM, no place or job is lost, and everything works afterwards.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/system.h"
#include "support.h"

static _Atomic int left; /* allocations until one fails */
static _Atomic bool has_failed;

static void *allocate(size_t count, size_t size)
{
    if (left-- != 0)
        return calloc(count, size);
    has_failed = true;
    return NULL;
}

static void *give(void *arg)
{
    ck_ok(green_sleep(0));
    return arg;
}

static int succeed(void *arg)
{
    return give(arg) ? 0 : -1;
}

static long work(void *arg)
{
    return (long)(intptr_t)arg;
}

/* ---- Each use succeeds, or fails with ENOMEM --------------------------- */

static bool use_scope(void)
{
    struct green_scope scope;
    bool succeeded = true;

    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    for (int i = 0; i < 3 && succeeded; i++)
        succeeded = green_scope_spawn(&scope, succeed, &left) == 0;
    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    ck_ok(green_scope_end(&scope));
    return succeeded;
}

static bool use_pool(void)
{
    struct green_pool pool;
    bool succeeded = true;

    ck_ok(green_pool_init(&pool, 2));
    for (int i = 0; i < 5 && succeeded; i++) {
        struct green_thread *thread = green_pool_spawn(&pool, give, &left);

        succeeded = thread != NULL;
        ck_ok(thread ? green_detach(thread) : 0);
    }
    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    ck_ok(green_pool_wait(&pool));
    ck_assert_int_eq(green_pool_free(&pool), 2);
    return succeeded;
}

static int next_item(void *source, void **item)
{
    int *number = source;

    *item = source;
    return (*number)-- > 0;
}

/* A map reports its failure as one of its results. */
static bool use_pile(void)
{
    struct green_pile pile = {{0}};
    int items = 5, result;
    bool succeeded = true;

    for (int i = 0; i < 3 && succeeded; i++)
        succeeded = green_pile_spawn(&pile, give, &left) == 0;
    if (succeeded)
        succeeded = green_pile_map(&pile, give, next_item, &items) == 0;
    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    while ((result = green_pile_next(&pile, NULL)) == 1)
        continue;
    if (result < 0) {
        ck_assert_int_eq(errno, ENOMEM);
        succeeded = false;
    }
    ck_ok(green_pile_end(&pile, NULL));
    return succeeded;
}

static int settle(struct green_dag *dag, void *arg, void **value)
{
    (void)dag;
    *value = arg;
    return 0;
}

/* A job that cannot be started when its inputs are ready fails with ENOMEM. */
static bool use_dag(void)
{
    const char *const inputs[] = {"a", "b", NULL};
    struct green_dag *dag = green_dag_create(1);
    bool succeeded = dag != NULL;

    if (succeeded)
        succeeded = green_dag_spawn(dag, "c", inputs, settle, &left) == 0 &&
                    green_dag_spawn(dag, "a", NULL, settle, &left) == 0 &&
                    green_dag_post(dag, "b", NULL) == 0 &&
                    green_dag_wait_all(dag) == 0;
    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    ck_ok(green_dag_destroy(dag));
    return succeeded;
}

static int alive;

static void *make(void *arg)
{
    alive++;
    return arg;
}

static void destroy(void *resource, void *arg)
{
    ck_assert_ptr_eq(resource, arg);
    alive--;
}

static bool use_resources(void)
{
    const struct green_resource_options options = {
        .create = make, .destroy = destroy, .arg = &alive, .size = 1};
    struct green_resource_pool *pool = green_resource_pool_create(&options);
    bool succeeded = pool != NULL;

    for (int i = 0; i < 3 && succeeded; i++) {
        void *resource = green_resource_get(pool);

        succeeded = resource != NULL;
        ck_ok(succeeded ? green_resource_discard(pool, resource) : 0);
    }
    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    ck_ok(green_resource_pool_destroy(pool)); /* also without its reaper */
    ck_assert_int_eq(alive, 0);
    return succeeded;
}

static int abandoned;

static void abandon(void *arg)
{
    ck_assert_ptr_eq(arg, &abandoned);
    abandoned++;
}

static bool use_thread_pool(void)
{
    bool succeeded = on_thread(work, (void *)7) == 7;

    if (!succeeded)
        ck_assert_int_eq(errno, ENOMEM);
    abandoned = 0;
    if (green_thread_pool_run_or_leave(work, &abandoned, abandon, NULL) < 0) {
        ck_assert_int_eq(errno, ENOMEM);
        ck_assert_int_eq(abandoned, 1);
        succeeded = false;
    }
    return succeeded;
}

static bool use_shared(void)
{
    struct green_shared_channel *channel =
        green_shared_channel_create(sizeof(int), 4);
    struct green_shared_event *event = NULL;
    int number = 3, got = 0;

    if (channel)
        event = green_shared_event_create();
    if (!event)
        ck_assert_int_eq(errno, ENOMEM);
    if (channel) {
        ck_ok(green_shared_channel_try_send(channel, &number));
        ck_ok(green_shared_channel_try_receive(channel, &got));
        ck_assert_int_eq(got, number);
    }
    if (event)
        ck_ok(green_shared_event_send(event, NULL));
    green_shared_channel_destroy(channel);
    green_shared_event_destroy(event);
    return event != NULL;
}

static bool (*const uses[])(void) = {use_scope, use_pool,      use_pile,
                                     use_dag,   use_resources, use_thread_pool,
                                     use_shared};

START_TEST(the_nth_allocation)
{
    int n = 0;

    ck_ok(green_sleep(0));
    ck_assert(uses[_i]());
    for (;; n++) {
        bool succeeded;

        has_failed = false;
        left = n;
        green__system.allocate = allocate;
        succeeded = uses[_i]();
        green__system.allocate = calloc;
        ck_ok(green_sleep(0));
        ck_assert_uint_eq(stats_now().alive, 1);
        if (!has_failed) {
            ck_assert(succeeded);
            break;
        }
    }
    ck_assert_int_ge(n, 1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("failure of pools");
    TCase *tcase = add_tcase(suite, "failure");

    tcase_add_loop_test(tcase, the_nth_allocation, 0,
                        (int)(sizeof uses / sizeof uses[0]));
    return run_suite(suite);
}
