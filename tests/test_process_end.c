/* How child processes end: waits that are interrupted, kills, children that do not
 * want to end, and those whose status another part of the program collects. */
#include <pthread.h>

#include "children.h"

static void setup(void)
{
    green_get_hub();
}

/* ---- Waits that are interrupted -------------------------------------------- */

static void *waits(void *process)
{
    ck_fails(green_process_wait(process, NULL), ECANCELED);
    return NULL;
}

static void waits_in_a_callback(struct green_call *call)
{
    ck_fails(green_process_wait(call->arg, NULL), EDEADLK);
    ck_fails(green_process_communicate(
                 call->arg, &(struct green_exchange){.limit = 1}, NULL),
             EDEADLK);
    call->arg = NULL;
}

START_TEST(a_wait_is_killed_or_timed_out)
{
    struct green_process process;
    struct green_call call = {.callback = waits_in_a_callback, .arg = &process};
    struct green_timeout timeout;
    struct green_thread *thread;
    int status;

    start_shell(&process, "read line; exit 9");
    thread = green_spawn(waits, &process);
    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_process_wait(&process, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    ck_ok(green_process_wait(&process, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 9);
    ck_ok(green_process_end(&process));
}
END_TEST

/* A greenthread that is killed leaves no zombie. */
static void *starts_and_waits(void *arg)
{
    struct green_process process;

    start_shell(&process, "echo up; read line");
    ck_says(&process, "up\n");
    *(pid_t *)arg = process.pid;
    ck_fails(green_process_wait(&process, NULL), ECANCELED);
    ck_ok(green_process_end(&process));
    return NULL;
}

START_TEST(an_end_waits_though_killed)
{
    pid_t pid = 0;
    int fds = count_fds();
    struct green_thread *thread = green_spawn(starts_and_waits, &pid);

    while (pid == 0)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

/* ---- Children that do not want to end --------------------------------------- */

static struct green_process ended;

static void collects_in_a_callback(struct green_call *call)
{
    int status = -1;

    ck_ok(green_process_wait(&ended, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 4);
    call->arg = NULL;
}

/* A callback may ask for what is there, also if nobody has asked before. */
START_TEST(a_child_that_has_ended_needs_no_wait)
{
    struct green_call call = {.callback = collects_in_a_callback, .arg = &call};
    SHELL(argv, "exit 4");
    const struct green_process_options options = {.argv = argv};
    siginfo_t info;

    ck_ok(green_process_start(&ended, &options));
    ck_ok(waitid(P_PID, (id_t)ended.pid, &info, WEXITED | WNOWAIT));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_ok(green_process_end(&ended));
    ck_no_child();
}
END_TEST

START_TEST(a_child_that_ignores_sigterm)
{
    struct green_process process;
    struct green_timeout timeout;
    char value[256];

    start_shell(&process, "trap '' TERM; echo up; read line");
    ck_says(&process, "up\n");
    ck_ok(green_process_kill(&process, SIGTERM));
    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_process_wait(&process, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    status_line(process.pid, "State", value);
    ck_assert_str_ne(value, "Z");
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

/* The end of a wait is the child's end, not its stop. */
START_TEST(a_child_that_is_stopped)
{
    struct green_process process;
    struct green_timeout timeout;
    int status;

    start_shell(&process, "read line; exit 4");
    ck_ok(green_process_kill(&process, SIGSTOP));
    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_process_wait(&process, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_process_kill(&process, SIGCONT));
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    ck_ok(green_process_wait(&process, &status));
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 4);
    ck_ok(green_process_end(&process));

    start_shell(&process, "read line");
    ck_ok(green_process_kill(&process, SIGSTOP));
    ck_ok(green_process_end(&process));
    ck_no_child();
}
END_TEST

/* Shells start children of their own, which hold the pipes. */
static void start_group(struct green_process *process, bool new_group)
{
    SHELL(argv, "sleep 1000 & sleep 1000 & echo up; wait");
    const struct green_process_options options = {
        .argv = argv, .out = STDIO_PIPE, .new_group = new_group};

    ck_ok(green_process_start(process, &options));
    ck_says(process, "up\n");
}

START_TEST(a_group_is_killed)
{
    struct green_process process;
    char byte;
    int out;

    start_group(&process, true);
    ck_assert_int_eq(getpgid(process.pid), process.pid);
    ck_fails(green_process_kill_group(&process, NSIG), EINVAL);
    ck_ok(green_process_kill_group(&process, SIGTERM));
    ck_assert_int_eq(green_read(process.out, &byte, 1), 0); /* all have ended */
    ck_ok(green_process_end(&process));

    start_group(&process, true);
    out = dup(process.out);
    ck_ok(green_process_end(&process));
    ck_assert_int_eq(green_read(out, &byte, 1), 0);
    ck_ok(close(out));
    ck_no_child();
}
END_TEST

START_TEST(a_child_without_a_group_is_killed_alone)
{
    struct green_process process;
    int status;

    start_shell(&process, "read line");
    ck_assert_int_eq(getpgid(process.pid), getpgrp());
    ck_fails(green_process_kill_group(&process, SIGTERM), EINVAL);
    ck_fails(green_process_kill(&process, -1), EINVAL);
    ck_fails(green_process_kill(&process, NSIG), EINVAL);
    ck_ok(green_process_kill(&process, SIGTERM));
    ck_ok(green_process_wait(&process, &status));
    ck_ok(green_process_end(&process));
}
END_TEST

/* ---- Beside the program's own waits ----------------------------------------- */

static volatile sig_atomic_t handled;

static void count_signal(int number)
{
    (void)number;
    handled++;
}

static void reap_all(int number)
{
    int saved = errno;

    (void)number;
    while (waitpid(-1, NULL, WNOHANG) > 0)
        handled++;
    errno = saved;
}

static void handle_with(void (*handler)(int number))
{
    const struct sigaction action = {.sa_handler = handler,
                                     .sa_flags = SA_RESTART};

    ck_ok(sigaction(SIGCHLD, &action, NULL));
}

START_TEST(the_program_has_children_of_its_own)
{
    struct green_process process;
    struct sigaction action;
    int status;
    pid_t own;

    handle_with(count_signal);
    own = fork();
    ck_assert_int_ge(own, 0);
    if (own == 0)
        _exit(5);
    start_shell(&process, "read line; exit 6");
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    ck_ok(green_process_wait(&process, &status));
    ck_assert_int_eq(WEXITSTATUS(status), 6);
    ck_assert_int_eq(waitpid(own, &status, 0), own);
    ck_assert_int_eq(WEXITSTATUS(status), 5);
    ck_assert_int_ge(handled, 1);
    ck_ok(sigaction(SIGCHLD, NULL, &action));
    ck_assert(action.sa_handler == count_signal);
    ck_ok(green_process_end(&process));
}
END_TEST

START_TEST(the_program_collects_the_status)
{
    struct green_process process;

    start_shell(&process, "read line; exit 6");
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    ck_assert_int_eq(waitpid(process.pid, NULL, 0), process.pid);
    ck_fails(green_process_kill(&process, SIGTERM), ESRCH);
    ck_fails(green_process_wait(&process, NULL), ECHILD);
    ck_fails(green_process_wait(&process, NULL), ECHILD);
    ck_ok(green_process_end(&process));
}
END_TEST

/* Whoever is first collects it: the handler here, or the call. */
static void ends_somehow(void)
{
    struct green_process process;
    int status = 0;

    start_shell(&process, "read line; exit 6");
    ck_assert_int_eq(green_write(process.in, "x\n", 2), 2);
    if (green_process_wait(&process, &status) == 0)
        ck_assert_int_eq(WEXITSTATUS(status), 6);
    else
        ck_assert_int_eq(errno, ECHILD);
    ck_ok(green_process_end(&process));
    ck_no_child();
}

START_TEST(a_handler_collects_every_status)
{
    handle_with(reap_all);
    for (int i = 0; i < 20; i++)
        ends_somehow();
}
END_TEST

START_TEST(sigchld_is_ignored)
{
    signal(SIGCHLD, SIG_IGN);
    for (int i = 0; i < 5; i++)
        ends_somehow();
}
END_TEST

/* ---- Many ------------------------------------------------------------------- */

static void *runs_true(void *arg)
{
    const char *const argv[] = {"true", NULL};
    const struct green_process_options options = {.argv = argv};

    for (int i = 0; i < 10; i++) {
        struct green_process process;
        int status = -1;

        ck_ok(green_process_start(&process, &options));
        ck_ok(green_process_wait(&process, &status));
        ck_assert_int_eq(status, 0);
        ck_ok(green_process_end(&process));
    }
    return arg;
}

START_TEST(no_descriptor_is_left)
{
    struct green_thread *threads[20];
    int fds = count_fds();

    for (int i = 0; i < 20; i++)
        threads[i] = green_spawn(runs_true, NULL);
    for (int i = 0; i < 20; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_no_child();
    ck_assert_int_eq(count_fds(), fds);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process_end");
    TCase *interrupted = add_tcase(suite, "interrupted");
    TCase *unwilling = add_tcase(suite, "unwilling");
    TCase *beside = add_tcase(suite, "beside");

    tcase_add_checked_fixture(interrupted, setup, NULL);
    tcase_add_test(interrupted, a_wait_is_killed_or_timed_out);
    tcase_add_test(interrupted, an_end_waits_though_killed);
    tcase_add_checked_fixture(unwilling, setup, NULL);
    tcase_add_test(unwilling, a_child_that_has_ended_needs_no_wait);
    tcase_add_test(unwilling, a_child_that_ignores_sigterm);
    tcase_add_test(unwilling, a_child_that_is_stopped);
    tcase_add_test(unwilling, a_group_is_killed);
    tcase_add_test(unwilling, a_child_without_a_group_is_killed_alone);
    tcase_add_checked_fixture(beside, setup, NULL);
    tcase_add_test(beside, the_program_has_children_of_its_own);
    tcase_add_test(beside, the_program_collects_the_status);
    tcase_add_test(beside, a_handler_collects_every_status);
    tcase_add_test(beside, sigchld_is_ignored);
    tcase_add_test(beside, no_descriptor_is_left);
    return run_suite(suite);
}
