/* Resource pools: resources are made on demand, passed to callers in line, and
 * destroyed on time. */
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "support.h"

static struct green_resource_pool *pool;
static int made, destroyed, alive, most, fail_with, order[16], count;
static green_time create_takes, destroy_takes;

static void *make(void *arg)
{
    int *resource;

    ck_assert_ptr_eq(arg, &made);
    if (create_takes && green_sleep(create_takes) < 0)
        return NULL;
    if (fail_with) {
        errno = fail_with;
        return NULL;
    }
    resource = malloc(sizeof *resource);
    *resource = ++made;
    if (++alive > most)
        most = alive;
    return resource;
}

static void destroy(void *resource, void *arg)
{
    ck_assert_ptr_eq(arg, &made);
    ck_assert_ptr_nonnull(green_self()); /* it may block */
    if (destroy_takes)
        ck_ok(green_sleep(destroy_takes));
    free(resource);
    destroyed++;
    alive--;
}

static void create_pool(struct green_resource_options options)
{
    options.create = make;
    options.destroy = destroy;
    options.arg = &made;
    pool = green_resource_pool_create(&options);
    ck_assert_ptr_nonnull(pool);
}

static struct green_resource_stats pool_now(void)
{
    struct green_resource_stats stats;

    ck_ok(green_resource_pool_stats(pool, &stats));
    return stats;
}

static int *get(int number)
{
    int *resource = green_resource_get(pool);

    ck_assert_ptr_nonnull(resource);
    ck_assert_int_eq(*resource, number);
    return resource;
}

static void end(void)
{
    ck_ok(green_resource_pool_destroy(pool));
    ck_assert_int_eq(alive, 0);
    ck_assert_int_eq(made, destroyed);
}

/* Waits until the reaper has destroyed so many. */
static void until_destroyed(int number)
{
    while (destroyed < number)
        ck_ok(green_sleep(0));
    ck_assert_int_eq(destroyed, number);
}

START_TEST(made_on_demand_and_reused)
{
    int *one, *two;

    create_pool((struct green_resource_options){.size = 0});
    ck_assert_uint_eq(pool_now().size, GREEN_RESOURCE_POOL_SIZE);
    ck_assert_int_eq(made, 0);
    one = get(1);
    two = get(2);
    ck_assert_uint_eq(pool_now().used, 2);
    ck_ok(green_resource_put(pool, one));
    ck_assert_uint_eq(pool_now().idle, 1);
    one = get(1);
    ck_ok(green_resource_put(pool, one));
    ck_ok(green_resource_put(pool, two));
    two = get(2); /* put back last */
    ck_ok(green_resource_put(pool, two));
    ck_assert_uint_eq(pool_now().created, 2);
    end();
}
END_TEST

START_TEST(round_robin)
{
    int *one, *two;

    create_pool((struct green_resource_options){.round_robin = true});
    one = get(1);
    two = get(2);
    ck_ok(green_resource_put(pool, one));
    ck_ok(green_resource_put(pool, two));
    one = get(1);
    ck_ok(green_resource_put(pool, one));
    two = get(2);
    ck_ok(green_resource_put(pool, two));
    end();
}
END_TEST

/* ---- In line ------------------------------------------------------------ */

static void *uses(void *arg)
{
    void *resource = green_resource_get(pool);

    if (!resource)
        return (void *)(intptr_t)-errno;
    order[count++] = (int)(intptr_t)arg;
    if (green_sleep(GREEN_MSEC) < 0) {
        ck_ok(green_resource_discard(pool, resource));
        return (void *)1;
    }
    ck_ok(green_resource_put(pool, resource));
    return NULL;
}

static struct green_thread *spawn_in_line(int number)
{
    size_t waiting = pool_now().waiting;
    struct green_thread *thread = green_spawn(uses, (void *)(intptr_t)number);

    while (pool_now().waiting == waiting)
        ck_ok(green_sleep(0));
    return thread;
}

static int result_of(struct green_thread *thread)
{
    void *result;

    ck_ok(green_join(thread, &result));
    return (int)(intptr_t)result;
}

START_TEST(first_come_first_served)
{
    struct green_thread *threads[8];
    int *held[2];

    create_pool((struct green_resource_options){.size = 2});
    held[0] = get(1);
    held[1] = get(2);
    for (int i = 0; i < 8; i++)
        threads[i] = spawn_in_line(i);
    ck_ok(green_resource_put(pool, held[0]));
    ck_ok(green_resource_discard(pool, held[1]));
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(result_of(threads[i]), 0);
    for (int i = 0; i < 8; i++)
        ck_assert_int_eq(order[i], i);
    ck_assert_int_eq(made, 3);
    end();
}
END_TEST

START_TEST(killed_and_timed_out_in_line)
{
    struct green_thread *killed, *next;
    struct green_timeout timeout;
    int *held;

    create_pool((struct green_resource_options){.size = 1});
    held = get(1);
    killed = spawn_in_line(1);
    next = spawn_in_line(2);
    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails_null(green_resource_get(pool), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(killed));
    ck_assert_int_eq(result_of(killed), -ECANCELED);
    ck_fails(green_resource_pool_destroy(pool), EBUSY);
    ck_ok(green_resource_put(pool, held));
    ck_assert_int_eq(result_of(next), 0);
    ck_assert_int_eq(made, 1);
    end();
}
END_TEST

/* It has its place when it is killed, and gets the resource. */
START_TEST(killed_after_it_was_woken)
{
    struct green_thread *thread;
    int *held;

    create_pool((struct green_resource_options){.size = 1});
    held = get(1);
    thread = spawn_in_line(1);
    ck_ok(green_resource_put(pool, held));
    ck_ok(green_kill(thread));
    ck_assert_int_eq(result_of(thread), 1); /* it discards the resource */
    until_destroyed(1);
    end();
}
END_TEST

/* ---- Failures ----------------------------------------------------------- */

START_TEST(a_resource_that_cannot_be_made)
{
    int *held;

    create_pool((struct green_resource_options){.size = 1});
    fail_with = ECONNREFUSED;
    ck_fails_null(green_resource_get(pool), ECONNREFUSED);
    ck_assert_uint_eq(pool_now().used, 0);
    fail_with = 0;
    held = get(1);
    ck_ok(green_resource_put(pool, held));
    end();
}
END_TEST

/* Lets the next attempt succeed. */
static void repairs(void *arg)
{
    fail_with = 0;
    (void)arg;
}

START_TEST(attempts_that_fail_repeatedly)
{
    create_pool((struct green_resource_options){.size = 1});
    fail_with = ECONNREFUSED;
    ck_ok(green_spawn_n(repairs, NULL));
    while (fail_with)
        ck_fails_null(green_resource_get(pool), ECONNREFUSED);
    ck_ok(green_resource_put(pool, get(1)));
    end();
}
END_TEST

START_TEST(killed_while_it_makes_one)
{
    struct green_thread *makes, *waits;

    create_pool((struct green_resource_options){.size = 1});
    create_takes = 1000 * GREEN_SEC;
    makes = green_spawn(uses, NULL);
    while (pool_now().used == 0)
        ck_ok(green_sleep(0));
    ck_ok(green_sleep(0));
    waits = spawn_in_line(1);
    create_takes = 0;
    ck_ok(green_kill(makes));
    ck_assert_int_eq(result_of(makes), -ECANCELED);
    ck_assert_int_eq(result_of(waits), 0);
    end();
}
END_TEST

START_TEST(broken_ones_are_destroyed)
{
    int *held, other;

    create_pool((struct green_resource_options){.size = 1});
    held = get(1);
    ck_fails(green_resource_discard(pool, &other), ENOENT);
    ck_fails(green_resource_put(pool, &other), ENOENT);
    ck_ok(green_resource_discard(pool, held));
    ck_fails(green_resource_put(pool, held), ENOENT);
    until_destroyed(1);
    held = get(2);
    ck_ok(green_resource_put(pool, held));
    end();
}
END_TEST

/* ---- Time --------------------------------------------------------------- */

/* The pool destroys a resource that is idle for too long, also if no
 * greenthread calls it. */
START_TEST(idle_for_too_long)
{
    int *one, *two;

    create_pool((struct green_resource_options){.idle_limit = 20 * GREEN_MSEC});
    one = get(1);
    two = get(2);
    ck_ok(green_resource_put(pool, one));
    ck_ok(green_sleep(10 * GREEN_MSEC));
    ck_ok(green_resource_put(pool, two));
    while (destroyed == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    if (on_sim()) {
        ck_assert_int_eq(destroyed, 1);
        ck_assert_uint_eq(pool_now().idle, 1);
    }
    while (destroyed < 2)
        ck_ok(green_sleep(GREEN_MSEC));
    one = get(3);
    ck_ok(green_resource_put(pool, one));
    end();
}
END_TEST

/* Each use restarts the idle time, on the hub's clock. */
START_TEST(used_before_it_was_idle_for_too_long)
{
    if (!on_sim()) {
        SKIP("needs a virtual clock, for an upper bound on time");
        return;
    }
    create_pool((struct green_resource_options){.idle_limit = 10 * GREEN_SEC});
    for (int i = 0; i < 10; i++) {
        int *one = get(1);

        ck_ok(green_resource_put(pool, one));
        ck_ok(green_sleep(9 * GREEN_SEC));
    }
    ck_ok(green_sleep(GREEN_SEC + 1));
    ck_assert_int_eq(destroyed, 1);
    end();
}
END_TEST

START_TEST(too_old)
{
    int *one, *two;

    create_pool((struct green_resource_options){.size = 2,
                                                .age_limit = 20 * GREEN_MSEC});
    one = get(1);
    two = get(2);
    ck_ok(green_resource_put(pool, one));
    ck_ok(green_sleep(25 * GREEN_MSEC)); /* `two` is in use and stays */
    until_destroyed(1);
    ck_assert_int_eq(*two, 2);
    ck_ok(green_resource_put(pool, two)); /* now it is destroyed */
    until_destroyed(2);
    ck_assert_uint_eq(pool_now().idle, 0);
    one = get(3);
    ck_ok(green_resource_put(pool, one));
    end();
}
END_TEST

/* The hub has not iterated since: get itself compares the time. */
START_TEST(too_old_before_the_hub_iterates)
{
    green_time until;
    int *one;

    if (on_sim()) {
        SKIP("virtual time passes only in the hub's iterations");
        return;
    }
    create_pool((struct green_resource_options){.idle_limit = GREEN_MSEC});
    one = get(1);
    ck_ok(green_resource_put(pool, one));
    until = green_now() + GREEN_MSEC;
    while (green_now() <= until)
        continue;
    one = get(2);
    ck_ok(green_resource_put(pool, one));
    end();
}
END_TEST

/* A slow destroy function delays no caller. */
START_TEST(destroying_takes_time)
{
    int *held;

    create_pool((struct green_resource_options){.size = 1});
    destroy_takes = 5 * GREEN_MSEC;
    held = get(1);
    ck_ok(green_resource_discard(pool, held));
    held = get(2);
    ck_assert_int_eq(destroyed, 0);
    ck_ok(green_resource_discard(pool, held));
    end(); /* waits for both */
}
END_TEST

/* ---- Size --------------------------------------------------------------- */

START_TEST(resized)
{
    struct green_thread *waits;
    int *held[4];

    create_pool((struct green_resource_options){.size = 4});
    for (int i = 0; i < 4; i++)
        held[i] = get(i + 1);
    ck_ok(green_resource_put(pool, held[3]));
    ck_ok(green_resource_pool_resize(pool, 2));
    until_destroyed(1); /* the idle one */
    waits = spawn_in_line(1);
    ck_ok(green_resource_put(pool, held[2])); /* too many */
    until_destroyed(2);
    ck_assert_uint_eq(pool_now().waiting, 1);
    ck_ok(green_resource_pool_resize(pool, 3));
    ck_assert_int_eq(result_of(waits), 0);
    ck_ok(green_resource_put(pool, held[1]));
    ck_ok(green_resource_put(pool, held[0]));
    ck_assert_uint_eq(pool_now().idle, 3);
    ck_assert_int_eq(most, 4);
    end();
}
END_TEST

static void in_a_callback(struct green_call *call)
{
    ck_ok(green_resource_put(pool, call->arg));
    ck_fails(green_resource_pool_destroy(pool), EDEADLK);
    count++;
}

START_TEST(wrong_use)
{
    struct green_resource_options options = {.size = 1};
    struct green_call call = {.callback = in_a_callback};

    ck_fails_null(green_resource_pool_create(NULL), EINVAL);
    ck_fails_null(green_resource_pool_create(&options), EINVAL);
    options.create = make;
    options.age_limit = -1;
    ck_fails_null(green_resource_pool_create(&options), EINVAL);
    ck_fails_null(green_resource_get(NULL), EINVAL);
    ck_fails(green_resource_put(NULL, &options), EINVAL);
    ck_fails(green_resource_discard(NULL, &options), EINVAL);
    ck_fails(green_resource_pool_resize(NULL, 1), EINVAL);
    ck_fails(green_resource_pool_stats(NULL, NULL), EINVAL);
    ck_ok(green_resource_pool_destroy(NULL));
    create_pool((struct green_resource_options){.size = 1});
    ck_fails(green_resource_pool_resize(pool, 0), EINVAL);
    call.arg = get(1);
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (count == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    end();
}
END_TEST

static int destroyed_at_once;

static void *make_plain(void *arg)
{
    return arg;
}

static void destroy_plain(void *resource, void *arg)
{
    ck_assert_ptr_eq(resource, arg);
    destroyed_at_once++;
}

/* Runs in a child that cannot make a hub: it needs none as long as it does not
 * wait. */
static int destroys_all(struct green_resource_pool *idle, struct green_dag *dag,
                        struct green_pile *pile)
{
    const struct rlimit none = {3, 3};

    if (setrlimit(RLIMIT_NOFILE, &none) < 0)
        return 2;
    if (green_resource_pool_destroy(idle) < 0 || destroyed_at_once != 1)
        return 3;
    if (green_dag_destroy(dag) < 0)
        return 4;
    return green_pile_end(pile, NULL) < 0 ? 5 : 0;
}

START_TEST(destroyed_without_a_hub)
{
    const struct green_resource_options options = {
        .create = make_plain, .destroy = destroy_plain, .arg = &made};
    struct green_resource_pool *idle;
    struct green_pile pile = {0};
    struct green_dag *dag;
    pid_t pid;

    if (under_valgrind()) {
        SKIP("valgrind refuses to change the highest limit of descriptors");
        return;
    }
    idle = green_resource_pool_create(&options);
    dag = green_dag_create(0);
    ck_ok(green_dag_post(dag, "a", NULL));
    ck_ok(green_resource_put(idle, green_resource_get(idle)));
    pid = fork();
    if (pid == 0)
        _exit(destroys_all(idle, dag, &pile));
    ck_assert_int_eq(wait_child(pid), 0);
    ck_ok(green_resource_pool_destroy(idle));
    ck_ok(green_dag_destroy(dag));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("resource");
    TCase *use = add_tcase(suite, "use");
    TCase *line = add_tcase(suite, "line");
    TCase *limit = add_tcase(suite, "limit");

    tcase_add_test(use, made_on_demand_and_reused);
    tcase_add_test(use, round_robin);
    tcase_add_test(use, a_resource_that_cannot_be_made);
    tcase_add_test(use, broken_ones_are_destroyed);
    tcase_add_test(use, wrong_use);
    tcase_add_test(use, destroyed_without_a_hub);
    tcase_add_test(line, first_come_first_served);
    tcase_add_test(line, killed_and_timed_out_in_line);
    tcase_add_test(line, killed_after_it_was_woken);
    tcase_add_test(line, attempts_that_fail_repeatedly);
    tcase_add_test(line, killed_while_it_makes_one);
    tcase_add_test(limit, idle_for_too_long);
    tcase_add_test(limit, used_before_it_was_idle_for_too_long);
    tcase_add_test(limit, too_old);
    tcase_add_test(limit, too_old_before_the_hub_iterates);
    tcase_add_test(limit, destroying_takes_time);
    tcase_add_test(limit, resized);
    return run_suite(suite);
}
