/* Waiting for a greenthread's end: join, detach, link. */
#include "support.h"

#include <string.h>

static char trace[64];

static void add(const char *word)
{
    strcat(trace, word);
}

static void *returns(void *arg)
{
    return arg;
}

static void *sleeps(void *arg)
{
    green_sleep(arg ? GREEN_FOREVER : GREEN_MSEC);
    return &trace;
}

START_TEST(of_a_running_and_of_a_finished_greenthread)
{
    struct green_thread *thread = green_spawn(sleeps, NULL);
    void *result = NULL;

    ck_ok(green_join(thread, &result));
    ck_assert_ptr_eq(result, &trace);
    thread = green_spawn(returns, &result);
    ck_ok(green_sleep(0));
    ck_ok(green_join(thread, &result));
    ck_assert_ptr_eq(result, &result);
}
END_TEST

static void *joins(void *arg)
{
    intptr_t result = green_join(arg, NULL);

    return (void *)(intptr_t)(result == 0 ? 0 : errno);
}

START_TEST(errors)
{
    struct green_thread *thread = green_spawn(sleeps, &trace), *joiner;
    void *result;

    ck_fails(green_join(NULL, NULL), EINVAL);
    ck_fails(green_join(green_self(), NULL), EDEADLK);
    joiner = green_spawn(joins, thread);
    ck_ok(green_sleep(0));
    ck_fails(green_join(thread, NULL), EINVAL);
    ck_fails(green_detach(thread), EINVAL);
    ck_ok(green_kill(thread));
    ck_ok(green_join(joiner, &result));
    ck_assert_ptr_null(result);
    thread = green_spawn(sleeps, NULL);
    ck_ok(green_detach(thread));
    ck_fails(green_join(thread, NULL), EINVAL);
    ck_fails(green_detach(thread), EINVAL);
    ck_fails(green_detach(NULL), EINVAL);
    ck_ok(green_sleep(3 * GREEN_MSEC));
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

START_TEST(a_killed_joiner_leaves_it)
{
    struct green_thread *thread = green_spawn(sleeps, &trace);
    struct green_thread *joiner = green_spawn(joins, thread);
    void *result;

    ck_ok(green_sleep(0));
    ck_ok(green_kill(joiner));
    ck_ok(green_join(joiner, &result));
    ck_assert_int_eq((intptr_t)result, ECANCELED);
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, &result)); /* still joinable */
    ck_assert_ptr_eq(result, &trace);
}
END_TEST

/* A killed greenthread can still join one that was cancelled, since that call
 * does not have to wait; joining one that runs fails. */
static void *killed_one_joins(void *arg)
{
    struct green_thread *child = green_spawn(sleeps, &trace);
    struct green_thread *late =
        green_spawn_after(3600 * GREEN_SEC, sleeps, &trace);

    ck_ok(green_cancel(late));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(green_self()));
    ck_cancelled(late);
    ck_fails(green_join(child, NULL), ECANCELED);
    ck_ok(green_detach(child)); /* it still runs */
    return arg;
}

START_TEST(killed_joins_cancelled)
{
    void *result;

    ck_ok(green_join(green_spawn(killed_one_joins, &trace), &result));
    ck_assert_ptr_eq(result, &trace);
}
END_TEST

START_TEST(a_timeout_around_it)
{
    struct green_thread *thread = green_spawn(sleeps, &trace);
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, GREEN_MSEC));
    ck_fails(green_join(thread, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(detached_after_its_end)
{
    struct green_thread *thread = green_spawn(returns, NULL);

    ck_ok(green_sleep(0));
    ck_ok(green_detach(thread));
    ck_assert_uint_eq(stats_now().finished, 1);
}
END_TEST

/* ---- Links ----------------------------------------------------------- */

static struct green_thread *linked;

static void link_a(struct green_thread *thread, void *arg)
{
    ck_assert_ptr_eq(thread, linked);
    add("a");
    add(arg);
}

static void link_b(struct green_thread *thread, void *arg)
{
    ck_assert_ptr_eq(thread, linked);
    ck_assert_ptr_eq(green_self(), linked);
    add("b");
    add(arg);
}

static void defers(void *arg)
{
    add(arg);
}

static void *with_defer(void *arg)
{
    ck_ok(green_at_exit(defers, arg));
    ck_ok(green_sleep(GREEN_MSEC));
    return NULL;
}

START_TEST(in_the_order_of_linking_and_after_deferred_functions)
{
    linked = green_spawn(with_defer, "d ");
    ck_ok(green_link(linked, link_a, "1 "));
    ck_ok(green_link(linked, link_b, "2 "));
    ck_ok(green_link(linked, link_a, "3 "));
    ck_ok(green_join(linked, NULL));
    ck_assert_str_eq(trace, "d a1 b2 a3 ");
}
END_TEST

START_TEST(the_oldest_is_removed_first)
{
    static char one[] = "1 ", two[] = "2 ";

    linked = green_spawn(sleeps, NULL);
    ck_fails(green_unlink(linked, link_a, one), ENOENT);
    ck_ok(green_link(linked, link_a, one));
    ck_ok(green_link(linked, link_b, two));
    ck_ok(green_link(linked, link_a, one));
    ck_fails(green_unlink(linked, link_b, one), ENOENT);
    ck_ok(green_unlink(linked, link_a, one));
    ck_ok(green_join(linked, NULL));
    ck_assert_str_eq(trace, "b2 a1 ");
}
END_TEST

START_TEST(to_a_finished_greenthread_at_once)
{
    linked = green_spawn(returns, NULL);
    ck_ok(green_sleep(0));
    ck_ok(green_link(linked, link_a, "now "));
    ck_assert_str_eq(trace, "anow ");
    ck_ok(green_join(linked, NULL));
    ck_assert_str_eq(trace, "anow ");
}
END_TEST

START_TEST(to_a_cancelled_greenthread)
{
    linked = green_spawn_after(GREEN_SEC, returns, NULL);
    ck_ok(green_link(linked, link_b, "c "));
    ck_ok(green_cancel(linked));
    ck_cancelled(linked);
    ck_assert_str_eq(trace, "bc ");
}
END_TEST

START_TEST(link_arguments)
{
    struct green_thread *self = green_self();

    ck_fails(green_link(NULL, link_a, NULL), EINVAL);
    ck_fails(green_link(self, NULL, NULL), EINVAL);
    ck_fails(green_unlink(NULL, link_a, NULL), EINVAL);
    ck_fails(green_unlink(self, NULL, NULL), EINVAL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("thread join");
    TCase *join = add_tcase(suite, "join");
    TCase *link = add_tcase(suite, "link");

    tcase_add_test(join, of_a_running_and_of_a_finished_greenthread);
    tcase_add_test(join, errors);
    tcase_add_test(join, a_killed_joiner_leaves_it);
    tcase_add_test(join, killed_joins_cancelled);
    tcase_add_test(join, a_timeout_around_it);
    tcase_add_test(join, detached_after_its_end);
    tcase_add_test(link, in_the_order_of_linking_and_after_deferred_functions);
    tcase_add_test(link, the_oldest_is_removed_first);
    tcase_add_test(link, to_a_finished_greenthread_at_once);
    tcase_add_test(link, to_a_cancelled_greenthread);
    tcase_add_test(link, link_arguments);
    return run_suite(suite);
}
