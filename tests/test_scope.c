/* Scopes: no child outlives its scope, the first error is returned, kills and
 * time limits. */
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static struct green_scope scope;
static int alive, begun, errors[8], order[8], count;

/* Runs at a child's end, however it ends, and takes some time, within which the
 * child still counts as alive. */
static void ends(void *arg)
{
    struct green_shield shield;

    (void)arg;
    ck_ok(green_shield_begin(&shield));
    ck_ok(green_sleep(3 * GREEN_MSEC));
    ck_ok(green_shield_end(&shield));
    alive--;
}

static void begins(void)
{
    begun++;
    alive++;
    ck_ok(green_at_exit(ends, NULL));
}

static int sleeps_for(void *arg)
{
    begins();
    return green_sleep((intptr_t)arg);
}

static int succeeds(void *arg)
{
    (void)arg;
    begins();
    return 0;
}

static int fails_with(void *arg)
{
    begins();
    if (green_sleep(GREEN_MSEC) < 0)
        return -1;
    errno = (int)(intptr_t)arg;
    return -1;
}

static void *as_arg(green_time duration)
{
    return (void *)(intptr_t)duration;
}

/* ---- The end ----------------------------------------------------------- */

START_TEST(the_end_waits_for_all)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    for (int i = 0; i < 10; i++)
        ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(i * GREEN_MSEC)));
    ck_assert(!green_scope_stopped(&scope));
    ck_ok(green_scope_end(&scope));
    ck_assert_int_eq(begun, 10);
    ck_assert_int_eq(alive, 0);
    ck_assert(!green_scope_stopped(&scope));
}
END_TEST

START_TEST(an_empty_scope)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_end(&scope));
    ck_ok(green_scope_begin(&scope, 0));
    ck_ok(green_scope_end(&scope));
    ck_ok(green_sleep(GREEN_MSEC)); /* its timer does not fire later */
}
END_TEST

static int spawns_another(void *arg)
{
    int left = (int)(intptr_t)arg;

    begins();
    if (left > 0)
        ck_ok(green_scope_spawn(&scope, spawns_another, as_arg(left - 1)));
    return green_sleep(GREEN_MSEC);
}

START_TEST(children_of_children)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, spawns_another, as_arg(20)));
    ck_ok(green_scope_end(&scope));
    ck_assert_int_eq(begun, 21);
    ck_assert_int_eq(alive, 0);
}
END_TEST

static void spawns_late(struct green_thread *thread, void *arg)
{
    (void)thread, (void)arg;
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_MSEC)));
}

static int is_followed_by_another(void *arg)
{
    (void)arg;
    return green_link(green_self(), spawns_late, NULL);
}

/* The end of the last child wakes the owner, but the scope has a new child by
 * then. */
START_TEST(a_child_spawned_at_the_last_ones_end)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, is_followed_by_another, NULL));
    ck_ok(green_scope_end(&scope));
    ck_assert_int_eq(begun, 1);
    ck_assert_int_eq(alive, 0);
}
END_TEST

START_TEST(wrong_use)
{
    struct green_scope inner;

    memset(&inner, 0, sizeof inner);
    ck_fails(green_scope_begin(NULL, 1), EINVAL);
    ck_fails(green_scope_begin(&scope, -1), EINVAL);
    ck_fails(green_scope_spawn(NULL, succeeds, NULL), EINVAL);
    ck_fails(green_scope_spawn(&inner, succeeds, NULL), EINVAL);
    ck_fails(green_scope_stop(NULL), EINVAL);
    ck_fails(green_scope_stop(&inner), EINVAL);
    ck_fails(green_scope_end(NULL), EINVAL);
    ck_assert(!green_scope_stopped(NULL));
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_begin(&inner, GREEN_FOREVER));
    ck_fails(green_scope_spawn(&inner, NULL, NULL), EINVAL);
    ck_fails(green_scope_end(&scope), EINVAL);
    ck_ok(green_scope_end(&inner));
    ck_fails(green_scope_end(&inner), EINVAL);
    ck_ok(green_scope_end(&scope));
}
END_TEST

static void in_a_callback(struct green_call *call)
{
    struct green_scope own;

    (void)call;
    ck_fails(green_scope_begin(&own, 1), EDEADLK);
    ck_fails(green_scope_end(&scope), EDEADLK);
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_scope_stop(&scope));
    ck_fails(green_scope_spawn(&scope, succeeds, NULL), ECANCELED);
    count++;
}

START_TEST(from_a_callback)
{
    struct green_call call = {.callback = in_a_callback};

    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_hub_call(green_get_hub(), &call));
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    ck_fails(green_scope_end(&scope), ECANCELED);
    ck_assert_int_eq(count, 1);
    ck_assert_int_eq(begun, 0); /* stopped before it ran */
}
END_TEST

/* ---- Errors ------------------------------------------------------------ */

START_TEST(the_first_error_stops_the_others)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_scope_spawn(&scope, fails_with, as_arg(EREMOTEIO)));
    ck_ok(green_scope_spawn(&scope, fails_with, as_arg(ENOTUNIQ)));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_fails(green_scope_end(&scope), EREMOTEIO);
    ck_assert_int_eq(begun, 4);
    ck_assert_int_eq(alive, 0);
    ck_assert(green_scope_stopped(&scope));
    ck_assert(!green_killed());
    ck_ok(green_sleep(0)); /* the owner can wait again */
}
END_TEST

START_TEST(an_error_without_errno)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, fails_with, as_arg(0)));
    ck_fails(green_scope_end(&scope), EIO);
}
END_TEST

/* The owner waits for something else. */
START_TEST(an_error_stops_the_owner_too)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, 1000 * GREEN_SEC));
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, fails_with, as_arg(EREMOTEIO)));
    ck_fails(green_sleep(GREEN_FOREVER), ECANCELED);
    ck_assert(green_scope_stopped(&scope));
    ck_assert(!green_killed());
    ck_fails(green_sleep(1), ECANCELED);
    ck_fails(green_scope_spawn(&scope, succeeds, NULL), ECANCELED);
    ck_fails(green_scope_end(&scope), EREMOTEIO);
    ck_ok(green_sleep(1));
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

static int notes_self(void *arg)
{
    struct green_thread **place = arg;

    begins();
    *place = green_self();
    return green_sleep(GREEN_FOREVER) < 0 && errno != ECANCELED ? -1 : 0;
}

/* It returns 0, but it was killed. */
START_TEST(a_kill_in_one_stops_the_others)
{
    struct green_thread *child;

    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_scope_spawn(&scope, notes_self, &child));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(child));
    ck_fails(green_scope_end(&scope), ECANCELED);
    ck_assert_int_eq(begun, 2);
    ck_assert_int_eq(alive, 0);
    ck_assert(!green_killed());
}
END_TEST

START_TEST(stopped_by_its_owner)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_scope_stop(&scope));
    ck_ok(green_scope_stop(&scope));
    ck_fails(green_sleep(GREEN_SEC), ECANCELED);
    ck_fails(green_scope_end(&scope), ECANCELED);
    if (!in_chaos())
        ck_assert_int_eq(begun, 1); /* the other had not begun */
    ck_assert_int_eq(alive, 0);
}
END_TEST

static int stops_the_scope(void *arg)
{
    (void)arg;
    begins();
    ck_ok(green_scope_stop(&scope));
    ck_assert(green_killed());
    errors[0] = green_sleep(0) < 0 ? errno : 0;
    return 0;
}

/* As when the first child with an answer stops the others. */
START_TEST(stopped_by_a_child)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_scope_spawn(&scope, stops_the_scope, NULL));
    ck_fails(green_scope_end(&scope), ECANCELED);
    ck_assert_int_eq(errors[0], ECANCELED);
    ck_assert_int_eq(alive, 0);
}
END_TEST

/* ---- Time -------------------------------------------------------------- */

START_TEST(its_time_limit_stops_the_children)
{
    green_time start = green_now();

    ck_ok(green_scope_begin(&scope, 20 * GREEN_MSEC));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_MSEC)));
    ck_fails(green_scope_end(&scope), ETIMEDOUT);
    ck_assert_int_ge(green_now() - start, 20 * GREEN_MSEC);
    ck_assert_int_eq(alive, 0);
    ck_assert(green_scope_stopped(&scope));
    ck_ok(green_sleep(0));
}
END_TEST

START_TEST(its_time_limit_interrupts_the_owner)
{
    ck_ok(green_scope_begin(&scope, 5 * GREEN_MSEC));
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_fails(green_scope_end(&scope), ETIMEDOUT);
}
END_TEST

START_TEST(a_timeout_around_it)
{
    struct green_timeout timeout;

    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_fails(green_scope_end(&scope), ETIMEDOUT);
    ck_assert(green_timeout_fired(&timeout));
    ck_assert_int_eq(alive, 0);
    ck_fails(green_sleep(0), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
}
END_TEST

/* A timeout within the scope interrupts the owner alone. */
START_TEST(a_timeout_inside_it)
{
    struct green_timeout timeout;

    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(20 * GREEN_MSEC)));
    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_scope_end(&scope), EINVAL);
    ck_fails(green_sleep(GREEN_FOREVER), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_assert(!green_scope_stopped(&scope));
    ck_ok(green_scope_end(&scope));
}
END_TEST

/* ---- Kill, shields, nesting -------------------------------------------- */

static void *owns_one(void *arg)
{
    struct green_scope own;

    ck_ok(green_scope_begin(&own, GREEN_FOREVER));
    for (int i = 0; i < 3; i++)
        ck_ok(green_scope_spawn(&own, sleeps_for, as_arg(GREEN_FOREVER)));
    if (arg)
        errors[0] = green_sleep(GREEN_FOREVER) < 0 ? errno : 0;
    errors[1] = green_scope_end(&own) < 0 ? errno : 0;
    ck_assert_int_eq(alive, 0);
    errors[2] = green_sleep(0) < 0 ? errno : 0;
    return NULL;
}

/* The owner waits for them (0), or does something else (1). */
START_TEST(killing_the_owner_stops_the_children)
{
    struct green_thread *owner = green_spawn(owns_one, _i ? &count : NULL);

    while (alive < 3)
        ck_ok(green_sleep(0));
    ck_assert_int_eq(alive, 3);
    ck_ok(green_kill(owner));
    ck_ok(green_join(owner, NULL));
    ck_assert_int_eq(alive, 0);
    ck_assert_int_eq(errors[0], _i ? ECANCELED : 0);
    ck_assert_int_eq(errors[1], ECANCELED);
    ck_assert_int_eq(errors[2], ECANCELED);
}
END_TEST

static void *owns_one_under_a_shield(void *arg)
{
    struct green_scope own;
    struct green_shield shield;

    (void)arg;
    ck_ok(green_shield_begin(&shield));
    ck_ok(green_scope_begin(&own, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&own, sleeps_for, as_arg(10 * GREEN_MSEC)));
    errors[0] = green_scope_end(&own) < 0 ? errno : 0;
    ck_ok(green_shield_end(&shield));
    errors[1] = green_sleep(0) < 0 ? errno : 0;
    return NULL;
}

START_TEST(a_shield_around_it_holds_a_kill_back)
{
    struct green_thread *owner = green_spawn(owns_one_under_a_shield, NULL);

    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(owner));
    ck_ok(green_join(owner, NULL));
    ck_assert_int_eq(errors[0], 0);
    ck_assert_int_eq(errors[1], ECANCELED);
}
END_TEST

static int nests(void *arg)
{
    int depth = (int)(intptr_t)arg;
    struct green_scope own;

    begins();
    ck_ok(green_scope_begin(&own, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&own, sleeps_for, as_arg(GREEN_FOREVER)));
    if (depth > 0)
        ck_ok(green_scope_spawn(&own, nests, as_arg(depth - 1)));
    else
        ck_ok(green_scope_spawn(&own, fails_with, as_arg(ECOMM)));
    return green_scope_end(&own);
}

/* The scopes return the innermost error, and all of them are stopped. */
START_TEST(an_error_passes_up_through_nested_scopes)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, nests, as_arg(50)));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_fails(green_scope_end(&scope), ECOMM);
    ck_assert_int_eq(alive, 0);
    ck_assert_int_eq(begun, 51 * 2 + 2);
}
END_TEST

START_TEST(a_kill_passes_down_through_nested_scopes)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    for (int i = 0; i < 5; i++)
        ck_ok(green_scope_spawn(&scope, nests, as_arg(20)));
    ck_ok(green_sleep(0));
    ck_ok(green_scope_stop(&scope));
    ck_fails(green_scope_end(&scope), ECANCELED);
    ck_assert_int_eq(alive, 0);
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

/* ---- Deferred functions ------------------------------------------------ */

static void note_order(void *arg)
{
    order[count++] = (int)(intptr_t)arg;
}

static int defers(void *arg)
{
    (void)arg;
    for (int i = 1; i <= 4; i++)
        ck_ok(green_at_exit(note_order, as_arg(i)));
    return green_sleep(GREEN_FOREVER);
}

START_TEST(deferred_functions_run_in_reverse)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, defers, NULL));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_scope_stop(&scope));
    ck_fails(green_scope_end(&scope), ECANCELED);
    ck_assert_int_eq(count, 4);
    for (int i = 0; i < 4; i++)
        ck_assert_int_eq(order[i], 4 - i);
}
END_TEST

/* ---- The hub is eliminated ------------------------------------------- */

START_TEST(children_dropped_with_their_hub)
{
    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(GREEN_FOREVER)));
    ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_use_hub(hub_under_test()));
    if (_i == 0)
        ck_fails(green_scope_spawn(&scope, succeeds, NULL), ECANCELED);
    else if (_i == 1)
        ck_ok(green_scope_stop(&scope));
    ck_fails(green_scope_end(&scope), ECANCELED);
    ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_uint_eq(stats_now().alive, 1);
}
END_TEST

START_TEST(a_fork_in_it)
{
    pid_t pid;

    ck_ok(green_scope_begin(&scope, GREEN_FOREVER));
    ck_ok(green_scope_spawn(&scope, sleeps_for, as_arg(10 * GREEN_MSEC)));
    ck_ok(green_sleep(GREEN_MSEC));
    pid = fork();
    ck_assert_int_ge(pid, 0);
    if (pid == 0)
        _exit(green_scope_end(&scope) < 0 && errno == ECANCELED ? 0 : 1);
    ck_assert_int_eq(wait_child(pid), 0);
    ck_ok(green_scope_end(&scope));
    ck_assert_int_eq(alive, 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("scope");
    TCase *end = add_tcase(suite, "end");
    TCase *error = add_tcase(suite, "error");
    TCase *limit = add_tcase(suite, "limit");
    TCase *hub = add_tcase(suite, "hub");

    tcase_add_test(end, the_end_waits_for_all);
    tcase_add_test(end, an_empty_scope);
    tcase_add_test(end, children_of_children);
    tcase_add_test(end, a_child_spawned_at_the_last_ones_end);
    tcase_add_test(end, wrong_use);
    tcase_add_test(end, from_a_callback);
    tcase_add_test(end, deferred_functions_run_in_reverse);
    tcase_add_test(error, the_first_error_stops_the_others);
    tcase_add_test(error, an_error_without_errno);
    tcase_add_test(error, an_error_stops_the_owner_too);
    tcase_add_test(error, a_kill_in_one_stops_the_others);
    tcase_add_test(error, stopped_by_its_owner);
    tcase_add_test(error, stopped_by_a_child);
    tcase_add_test(limit, its_time_limit_stops_the_children);
    tcase_add_test(limit, its_time_limit_interrupts_the_owner);
    tcase_add_test(limit, a_timeout_around_it);
    tcase_add_test(limit, a_timeout_inside_it);
    tcase_add_loop_test(limit, killing_the_owner_stops_the_children, 0, 2);
    tcase_add_test(limit, a_shield_around_it_holds_a_kill_back);
    tcase_add_test(limit, an_error_passes_up_through_nested_scopes);
    tcase_add_test(limit, a_kill_passes_down_through_nested_scopes);
    tcase_add_loop_test(hub, children_dropped_with_their_hub, 0, 3);
    tcase_add_test(hub, a_fork_in_it);
    return run_suite(suite);
}
