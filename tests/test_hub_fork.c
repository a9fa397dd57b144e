/*
 * fork: the child has no hub until it uses one, and watches no descriptor and
 * runs no timer of the parent; the parent's registrations stay. A child reports
 * success by exit status 42, which it would not return if it ran to the end of
 * the suite.
 */
#include "support.h"

#include <string.h>
#include <stdlib.h>
#include <unistd.h>

#define WELL 42

static int pipe_fds[2], calls, resumed;

static void set_up(void)
{
    ck_ok(green_sleep(0));
    pipe_pair(pipe_fds);
}

static void count_timer(struct green_timer *timer)
{
    (void)timer;
    calls++;
}

static void count_listener(struct green_listener *l, unsigned events)
{
    char c;

    (void)events;
    calls++;
    (void)!read(l->fd, &c, 1);
}

static void count_call(struct green_call *call)
{
    (void)call;
    calls++;
}

static void *reads(void *arg)
{
    char c;

    (void)arg;
    ck_assert_int_eq(green_read(pipe_fds[0], &c, 1), 1);
    resumed++;
    return NULL;
}

static void sleeps(void *arg)
{
    (void)arg;
    green_sleep(2 * GREEN_MSEC);
    resumed++;
}

static int iterate(int count)
{
    for (int i = 0; i < count; i++)
        if (green_hub_wait(green_get_hub(), GREEN_MSEC) < 0 ||
            green_hub_dispatch(green_get_hub()) < 0)
            return -1;
    return 0;
}

/* In the child: nothing of the parent's runs, and a hub of its own works. */
static int child_is_well(void)
{
    struct green_timer timer = {.callback = count_timer};
    int fds[2];
    char c;

    if (green_hub_schedule(green_get_hub(), &timer, green_now()) < 0 ||
        iterate(5) < 0 || calls != 1 || green_sleep(5 * GREEN_MSEC) < 0 ||
        resumed != 0 || stats_now().alive != 1)
        return 1;
    pipe_pair(fds);
    if (green_write(fds[1], "x", 1) != 1 || green_read(fds[0], &c, 1) != 1)
        return 2;
    return WELL;
}

START_TEST(the_child_starts_without_a_hub)
{
    struct green_hub *hub = green_get_hub();
    struct green_listener l = {
        .fd = pipe_fds[0], .events = GREEN_READ, .callback = count_listener};
    struct green_timer timer = {.callback = count_timer};
    struct green_call call = {.callback = count_call};
    struct green_thread *thread;
    pid_t pid;

    ck_ok(green_spawn_n(sleeps, NULL));
    thread = green_spawn(reads, NULL);
    ck_ok(green_sleep(0));
    ck_ok(green_hub_add(hub, &l));
    ck_ok(green_hub_schedule(hub, &timer, green_now() + GREEN_MSEC));
    ck_ok(green_hub_call(hub, &call));
    resumed = 0;
    calls = 0;
    pid = fork();
    if (pid == 0)
        _exit(child_is_well());
    ck_assert_int_eq(wait_child(pid), WELL);
    /* The parent's own still work. */
    ck_ok(green_hub_remove(hub, &l));
    ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
    ck_ok(green_join(thread, NULL));
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_assert_int_eq(resumed, 2);
    ck_assert_int_eq(calls, 2);
}
END_TEST

/* The child watches the same descriptors on a hub of its own, and ends. */
static int child_watches_the_same(void)
{
    struct green_listener l = {
        .fd = pipe_fds[0], .events = GREEN_READ, .callback = count_listener};

    if (green_hub_add(green_get_hub(), &l) < 0 || iterate(3) < 0)
        return 1;
    if (green_hub_remove(green_get_hub(), &l) < 0 || iterate(1) < 0)
        return 2;
    if (green_hub_forget(green_get_hub(), pipe_fds[0]) < 0)
        return 3;
    green_close(pipe_fds[0]);
    return green_use_hub(NULL) < 0 ? 4 : WELL;
}

START_TEST(the_parents_registrations_stay)
{
    struct green_hub *hub = green_get_hub();
    struct green_listener l = {
        .fd = pipe_fds[0], .events = GREEN_READ, .callback = count_listener};
    struct green_timer timer = {.callback = count_timer};
    uint64_t waits;
    pid_t pid;

    ck_ok(green_hub_add(hub, &l));
    ck_ok(iterate(1));
    pid = fork();
    if (pid == 0)
        _exit(child_watches_the_same());
    ck_assert_int_eq(wait_child(pid), WELL);
    /* The parent's hub does not spin on registrations that the child left. */
    waits = stats_now().waits;
    ck_ok(green_hub_schedule(hub, &timer, green_now() + 30 * GREEN_MSEC));
    while (calls == 0) {
        ck_ok(green_hub_wait(hub, GREEN_FOREVER));
        ck_ok(green_hub_dispatch(hub));
    }
    ck_assert_uint_le(stats_now().waits - waits, 3);
    for (int i = 2; i < 5; i++) {
        ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
        while (calls < i) {
            ck_ok(green_hub_wait(hub, GREEN_FOREVER));
            ck_ok(green_hub_dispatch(hub));
        }
    }
    ck_ok(green_hub_remove(hub, &l));
}
END_TEST

START_TEST(a_greenthread_on_a_green_descriptor)
{
    struct green_thread *thread;
    pid_t pid;
    char c;

    ck_ok(green_pipe2(pipe_fds, 0));
    thread = green_spawn(reads, NULL);
    ck_ok(green_sleep(0));
    ck_ok(green_sleep(GREEN_MSEC));
    pid = fork();
    if (pid == 0) {
        /* The child has the parent's data too: both may read it. */
        int result = green_write(pipe_fds[1], "ab", 2) == 2 &&
                     green_read(pipe_fds[0], &c, 1) == 1;
        _exit(result ? WELL : 1);
    }
    ck_assert_int_eq(wait_child(pid), WELL);
    ck_ok(green_join(thread, NULL));
    ck_assert_int_eq(resumed, 1);
}
END_TEST

static int fork_result;

static void fork_here(struct green_call *call)
{
    pid_t pid = fork();

    (void)call;
    if (pid == 0) {
        green_time began = green_now();

        /* The callback continues as a greenthread, which can block. */
        if (green_sleep(2 * GREEN_MSEC) < 0 ||
            green_now() - began < 2 * GREEN_MSEC)
            _exit(9);
        _exit(child_is_well());
    }
    fork_result = wait_child(pid);
}

START_TEST(in_a_callback)
{
    struct green_call call = {.callback = fork_here};

    if (_i && checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("ThreadSanitizer does not support an OS thread's end on another "
             "stack");
        return;
    }
    ck_ok(green_hub_call(green_get_hub(), &call));
    if (_i)
        ck_ok(green_sleep(GREEN_MSEC)); /* on the hub's own stack */
    else
        ck_ok(iterate(1));
    ck_assert_int_eq(fork_result, WELL);
    ck_ok(green_sleep(GREEN_MSEC));
}
END_TEST

/* ---- Callbacks that were due when another one forked
 * ----------------------- */

static int child_calls_it_again(struct green_call *call)
{
    calls = 0;
    return green_hub_call(green_get_hub(), call) < 0 || iterate(1) < 0 ||
                   calls != 1
               ? 1
               : WELL;
}

static void fork_before_the_next(struct green_call *call)
{
    pid_t pid = fork();

    if (pid == 0)
        _exit(child_calls_it_again(call->arg));
    fork_result = wait_child(pid);
}

START_TEST(before_another_call_ran)
{
    struct green_call next = {.callback = count_call};
    struct green_call call = {.callback = fork_before_the_next, .arg = &next};

    ck_ok(green_hub_call(green_get_hub(), &call));
    ck_ok(green_hub_call(green_get_hub(), &next));
    ck_ok(iterate(1));
    ck_assert_int_eq(fork_result, WELL);
    ck_assert_int_eq(calls, 1);
}
END_TEST

static struct green_listener three[3]; /* the second one forks */

static void is_called(struct green_listener *l, unsigned events)
{
    (void)l, (void)events;
    calls++;
}

/* None of them is added, so that the child can add each to its own hub. */
static int child_adds_all_again(void)
{
    calls = 0;
    for (int i = 0; i < 3; i++) {
        three[i].callback = is_called;
        if (green_hub_remove(green_get_hub(), &three[i]) == 0 ||
            errno != ENOENT || green_hub_add(green_get_hub(), &three[i]) < 0)
            return 1 + i;
    }
    return iterate(1) < 0 || calls != 3 ? 4 : WELL;
}

static void fork_among_others(struct green_listener *l, unsigned events)
{
    pid_t pid = fork();

    is_called(l, events);
    if (pid == 0)
        _exit(child_adds_all_again());
    fork_result = wait_child(pid);
}

static void add_three(void)
{
    for (int i = 0; i < 3; i++) {
        three[i] = (struct green_listener){
            .fd = pipe_fds[0],
            .events = GREEN_READ,
            .callback = i == 1 ? fork_among_others : is_called,
        };
        ck_ok(green_hub_add(green_get_hub(), &three[i]));
    }
    ck_assert_int_eq(write(pipe_fds[1], "x", 1), 1);
}

START_TEST(among_other_listeners)
{
    add_three();
    ck_ok(iterate(1));
    ck_assert_int_eq(fork_result, WELL);
    ck_assert_int_eq(calls, 3);
    for (int i = 0; i < 3; i++)
        ck_ok(green_hub_remove(green_get_hub(), &three[i]));
}
END_TEST

/* green_hub_forget itself calls the callbacks, and returns in the child. */
static void fork_and_return(struct green_listener *l, unsigned events)
{
    is_called(l, events);
    ck_fails(green_use_hub(hub_under_test()), EBUSY);
    fork_result = fork();
}

START_TEST(while_a_descriptor_is_forgotten)
{
    if (under_valgrind()) {
        SKIP("the child ends inside a call that still uses the parent's hub");
        return;
    }
    add_three();
    three[1].callback = fork_and_return;
    ck_ok(green_hub_forget(green_get_hub(), pipe_fds[0]));
    if (fork_result == 0)
        _exit(calls == 2 ? child_adds_all_again() : 5);
    ck_assert_int_eq(wait_child(fork_result), WELL);
    ck_assert_int_eq(calls, 3);
    ck_fails(green_hub_remove(green_get_hub(), &three[2]), ENOENT);
}
END_TEST

static void forks(void *arg)
{
    pid_t pid = fork();

    (void)arg;
    if (pid == 0)
        _exit(child_is_well());
    fork_result = wait_child(pid);
}

START_TEST(in_a_greenthread)
{
    ck_ok(green_spawn_n(sleeps, NULL));
    ck_ok(green_spawn_n(forks, NULL));
    ck_ok(green_sleep(10 * GREEN_MSEC));
    ck_assert_int_eq(fork_result, WELL);
    ck_assert_int_eq(resumed, 1);
}
END_TEST

/* Runs before leak checkers do, which do not know the parent's stacks. */
static void exits(int status, void *unused)
{
    (void)unused;
    _exit(status == 0 ? WELL : 1);
}

/* Returns in the child, before or after something needed a hub. */
static void *forks_and_returns(void *uses_hub)
{
    pid_t pid = fork();

    if (pid != 0)
        fork_result = wait_child(pid);
    else
        on_exit(exits, NULL);
    if (pid == 0 && uses_hub)
        green_sleep(GREEN_MSEC);
    return NULL;
}

START_TEST(the_child_returns)
{
    void *uses_hub = _i % 2 ? &calls : NULL;
    struct green_thread *thread;

    if (under_valgrind()) {
        SKIP(
            "the child ends on a greenthread's stack; valgrind then takes what "
            "the main stack alone points to for lost");
        return;
    }
    if (checker() && strcmp(checker(), "tsan") == 0) {
        SKIP("ThreadSanitizer ignores synchronisation in the child by the "
             "fiber that forked");
        return;
    }
    fork_result = -1;
    thread = green_spawn(forks_and_returns, uses_hub);
    if (_i < 2) { /* joined, while it forks */
        ck_ok(green_join(thread, NULL));
    } else if (_i < 4) {
        ck_ok(green_detach(thread));
        while (fork_result < 0)
            ck_ok(green_sleep(0));
    } else {
        while (fork_result < 0)
            ck_ok(green_sleep(0));
        ck_ok(green_join(thread, NULL));
    }
    ck_assert_int_eq(fork_result, WELL);
}
END_TEST

START_TEST(the_childs_descriptors_are_its_own)
{
    int before = count_fds();
    pid_t pid = fork();

    if (pid == 0) {
        /* The parent's hub is closed, and no descriptor was opened yet. */
        int left = count_fds();
        const char *name;

        if (left > before || left < before - 6)
            _exit(1);
        name = green_hub_name(green_get_hub());
        _exit(name && green_sleep(GREEN_MSEC) == 0 ? WELL : 2);
    }
    ck_assert_int_eq(wait_child(pid), WELL);
    ck_assert_int_eq(count_fds(), before);
}
END_TEST

START_TEST(a_child_of_a_child)
{
    pid_t pid = fork();

    if (pid == 0) {
        pid = fork();
        if (pid == 0)
            _exit(child_is_well());
        calls = wait_child(pid) == WELL ? 0 : 1;
        _exit(calls == 0 ? child_is_well() : 3);
    }
    ck_assert_int_eq(wait_child(pid), WELL);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("hub fork");
    TCase *tcase = add_tcase(suite, "fork");

    tcase_add_checked_fixture(tcase, set_up, NULL);
    tcase_add_test(tcase, the_child_starts_without_a_hub);
    tcase_add_test(tcase, the_parents_registrations_stay);
    tcase_add_test(tcase, a_greenthread_on_a_green_descriptor);
    tcase_add_loop_test(tcase, in_a_callback, 0, 2);
    tcase_add_test(tcase, before_another_call_ran);
    tcase_add_test(tcase, among_other_listeners);
    tcase_add_test(tcase, while_a_descriptor_is_forgotten);
    tcase_add_test(tcase, in_a_greenthread);
    tcase_add_loop_test(tcase, the_child_returns, 0, 6);
    tcase_add_test(tcase, the_childs_descriptors_are_its_own);
    tcase_add_test(tcase, a_child_of_a_child);
    return run_suite(suite);
}
