/* Child processes and signals. */
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

static int gate[2];

static void setup(void)
{
    pipe_pair(gate);
    green_get_hub();
}

/* A child that exits with this code when it reads a byte from the gate. */
static pid_t start_child(int code)
{
    pid_t pid = fork();
    char c;

    ck_assert_int_ge(pid, 0);
    if (pid > 0)
        return pid;
    close(gate[1]);
    _exit(read(gate[0], &c, 1) == 1 ? code : 1);
}

static void end_one_child(void)
{
    ck_assert_int_eq(write(gate[1], "x", 1), 1);
}

static void *ends_one_child_later(void *arg)
{
    ck_ok(green_sleep(5 * GREEN_MSEC));
    end_one_child();
    return arg;
}

/* Which children: this one, any, any of the process group. */
static pid_t selector_of(int i, pid_t child)
{
    const pid_t all[] = {child, -1, 0};

    return all[i];
}

/* ---- Children -------------------------------------------------------- */

START_TEST(only_the_greenthread_waits)
{
    pid_t child = start_child(7);
    struct green_thread *thread = green_spawn(ends_one_child_later, NULL);
    int status = 0;

    ck_assert_int_eq(green_waitpid(selector_of(_i, child), &status, WNOHANG),
                     0);
    ck_assert_int_eq(green_waitpid(selector_of(_i, child), &status, 0), child);
    ck_assert(WIFEXITED(status));
    ck_assert_int_eq(WEXITSTATUS(status), 7);
    ck_ok(green_join(thread, NULL));
    ck_fails(green_waitpid(child, &status, 0), ECHILD);
    ck_fails(green_waitpid(selector_of(_i, child), NULL, WNOHANG), ECHILD);
}
END_TEST

START_TEST(a_child_that_has_ended)
{
    pid_t child = start_child(0);

    end_one_child();
    ck_assert_int_eq(green_waitpid(child, NULL, 0), child);
    ck_fails(green_waitpid(child, NULL, WEXITED), EINVAL);
}
END_TEST

static void *stops(void *arg)
{
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_ok(kill(*(pid_t *)arg, SIGSTOP));
    return NULL;
}

START_TEST(a_child_that_stops)
{
    pid_t child = start_child(3);
    struct green_thread *thread = green_spawn(stops, &child);
    int status = 0;

    ck_assert_int_eq(green_waitpid(child, &status, WUNTRACED), child);
    ck_assert(WIFSTOPPED(status));
    ck_ok(green_join(thread, NULL));
    ck_ok(kill(child, SIGKILL));
    ck_assert_int_eq(green_waitpid(child, &status, 0), child);
    ck_assert(WIFSIGNALED(status));
}
END_TEST

static void *waits(void *arg)
{
    ck_fails(green_waitpid(*(pid_t *)arg, NULL, 0), ECANCELED);
    return NULL;
}

static void waits_in_a_callback(struct green_call *call)
{
    ck_fails(green_waitpid(*(pid_t *)call->arg, NULL, 0), EDEADLK);
    call->arg = NULL;
}

/* A wait that a kill or timeout ends leaves the child's status to the next
 * wait. */
START_TEST(a_wait_for_a_child_is_interrupted)
{
    pid_t child = start_child(9), asked = selector_of(_i, child);
    struct green_thread *thread = green_spawn(waits, &asked);
    struct green_call call = {.callback = waits_in_a_callback, .arg = &asked};
    struct green_timeout timeout;
    int status;

    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_waitpid(asked, NULL, 0), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    end_one_child();
    ck_assert_int_eq(green_waitpid(asked, &status, 0), child);
    ck_assert_int_eq(WEXITSTATUS(status), 9);
}
END_TEST

/* ---- Signals --------------------------------------------------------- */

static sigset_t set;

static void block(void)
{
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    sigaddset(&set, SIGRTMIN);
    ck_ok(pthread_sigmask(SIG_BLOCK, &set, NULL));
}

static void *sends(void *arg)
{
    ck_ok(green_sleep(5 * GREEN_MSEC));
    ck_ok(kill(getpid(), SIGUSR1));
    return arg;
}

START_TEST(a_signal_arrives)
{
    struct green_thread *thread;
    siginfo_t info = {.si_signo = 0};

    block();
    thread = green_spawn(sends, NULL);
    ck_assert_int_eq(green_signal_wait(&set, &info), SIGUSR1);
    ck_assert_int_eq(info.si_signo, SIGUSR1);
    ck_assert_int_eq(info.si_pid, getpid());
    ck_ok(green_join(thread, NULL));
}
END_TEST

START_TEST(signals_that_are_pending)
{
    const union sigval value = {.sival_int = 42};
    siginfo_t info = {.si_signo = 0};

    block();
    ck_ok(sigqueue(getpid(), SIGRTMIN, value));
    ck_ok(pthread_kill(pthread_self(), SIGUSR1)); /* for this thread */
    ck_assert_int_eq(green_signal_wait(&set, NULL), SIGUSR1);
    ck_assert_int_eq(green_signal_wait(&set, &info), SIGRTMIN);
    ck_assert_int_eq(info.si_value.sival_int, 42);
}
END_TEST

static int got;

static void *takes_one(void *arg)
{
    ck_assert_int_eq(green_signal_wait(&set, NULL), SIGRTMIN);
    got++;
    return arg;
}

START_TEST(each_signal_ends_one_wait)
{
    const union sigval value = {.sival_int = 0};
    struct green_thread *threads[3];

    block();
    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(takes_one, NULL);
    for (int i = 0; i < 3; i++) {
        ck_ok(green_sleep(5 * GREEN_MSEC));
        ck_assert_int_le(got, i);
        ck_ok(sigqueue(getpid(), SIGRTMIN, value));
    }
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(got, 3);
}
END_TEST

static void *waits_for_signal(void *arg)
{
    ck_fails(green_signal_wait(&set, NULL), ECANCELED);
    return arg;
}

static void signal_in_a_callback(struct green_call *call)
{
    ck_fails(green_signal_wait(&set, NULL), EDEADLK);
    call->arg = NULL;
}

START_TEST(a_wait_for_a_signal_is_interrupted)
{
    struct green_call call = {.callback = signal_in_a_callback, .arg = &call};
    struct green_timeout timeout;
    struct green_thread *thread;
    int fds = count_fds();

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    ck_fails(green_signal_wait(&set, NULL), EINVAL); /* it is not blocked */
    ck_fails(green_signal_wait(NULL, NULL), EINVAL);
    block();
    thread = green_spawn(waits_for_signal, NULL);
    ck_ok(green_timeout_start(&timeout, 5 * GREEN_MSEC));
    ck_fails(green_signal_wait(&set, NULL), ETIMEDOUT);
    ck_ok(green_timeout_cancel(&timeout));
    ck_ok(green_kill(thread));
    ck_ok(green_join(thread, NULL));
    ck_ok(green_hub_call(green_get_hub(), &call));
    while (call.arg)
        ck_ok(green_sleep(GREEN_MSEC));
    ck_assert_int_eq(count_fds(), fds);
    ck_ok(raise(SIGUSR1)); /* no signal is lost */
    ck_assert_int_eq(green_signal_wait(&set, NULL), SIGUSR1);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("process");
    TCase *children = add_tcase(suite, "children");
    TCase *signals = add_tcase(suite, "signals");

    tcase_add_checked_fixture(children, setup, NULL);
    tcase_add_loop_test(children, only_the_greenthread_waits, 0, 3);
    tcase_add_test(children, a_child_that_has_ended);
    tcase_add_test(children, a_child_that_stops);
    tcase_add_loop_test(children, a_wait_for_a_child_is_interrupted, 0, 3);
    tcase_add_checked_fixture(signals, setup, NULL);
    tcase_add_test(signals, a_signal_arrives);
    tcase_add_test(signals, signals_that_are_pending);
    tcase_add_test(signals, each_signal_ends_one_wait);
    tcase_add_test(signals, a_wait_for_a_signal_is_interrupted);
    return run_suite(suite);
}
