/* Signals of a program whose threads are greenthreads. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <time.h>
#include <unistd.h>

#include "patch_support.h"

static volatile int handled;
static int ends[2];

static void counts(int number)
{
    (void)number;
    handled++;
}

static void setup(void)
{
    patch_threads();
    pipe_pair(ends);
}

static void handle(int number, int flags)
{
    struct sigaction action = {.sa_handler = counts, .sa_flags = flags};

    ck_ok(sigaction(number, &action, NULL));
}

/* Once main waits: the others run then. */
static void *signals_the_process(void *arg)
{
    (void)arg;
    ck_ok(kill(getpid(), SIGUSR1));
    return NULL;
}

/* ---- EINTR ----------------------------------------------------------------- */

static bool interrupted;

/* A chaos build may let it run before main waits; then it signals again. */
static void *interrupts_main(void *arg)
{
    do
        signals_the_process(arg);
    while (in_chaos() && (usleep(100), !interrupted));
    return NULL;
}

/* Starts that, and checks that it interrupts a wait. */
static void is_interrupted(int (*wait)(void))
{
    pthread_t thread;

    interrupted = false;
    thread = start_thread(interrupts_main, NULL);
    ck_fails(wait(), EINTR);
    interrupted = true;
    join_thread(thread);
}

static int in_poll(void)
{
    return poll(NULL, 0, 60000);
}

static int in_select(void)
{
    return select(0, NULL, NULL, NULL, NULL);
}

static int in_epoll(void)
{
    struct epoll_event event;

    return epoll_wait(epoll_create1(EPOLL_CLOEXEC), &event, 1, -1);
}

static int in_nanosleep(void)
{
    const struct timespec time = {.tv_sec = 60};
    struct timespec left = {0};
    int result = nanosleep(&time, &left);
    int error = errno;

    ck_assert_int_gt(left.tv_sec, 50);
    errno = error;
    return result;
}

static int in_sleep(void)
{
    unsigned left = sleep(60);

    ck_assert_uint_gt(left, 50);
    errno = EINTR;
    return -1;
}

static int in_pause(void)
{
    return pause();
}

static int in_sigsuspend(void)
{
    sigset_t none;

    sigemptyset(&none);
    return sigsuspend(&none);
}

static int in_read(void)
{
    char c;

    return (int)read(ends[0], &c, 1);
}

static int in_recv(void)
{
    int fds[2];
    char c;

    unix_pair(fds);
    return (int)recv(fds[0], &c, 1, 0);
}

static int in_accept(void)
{
    int port;

    return accept(tcp_listener(&port), NULL, NULL);
}

static const struct wait {
    int (*call)(void);
    bool restarts; /* with SA_RESTART */
} waits[] = {
    {in_poll, false},       {in_select, false}, {in_epoll, false},
    {in_nanosleep, false},  {in_sleep, false},  {in_pause, false},
    {in_sigsuspend, false}, {in_read, true},    {in_recv, true},
    {in_accept, true},
};
#define WAITS ((int)(sizeof waits / sizeof *waits))

START_TEST(a_handler_interrupts_mains_wait)
{
    handle(SIGUSR1, 0);
    is_interrupted(waits[_i].call);
    ck_assert_int_ge(handled, 1);
    if (!in_chaos())
        ck_assert_int_eq(handled, 1);
}
END_TEST

START_TEST(with_sa_restart_some_waits_are_interrupted)
{
    if (waits[_i].restarts)
        return;
    handle(SIGUSR1, SA_RESTART);
    is_interrupted(waits[_i].call);
}
END_TEST

static void *signals_then_writes(void *arg)
{
    signals_the_process(arg);
    for (int i = 0; i < 10; i++)
        sched_yield();
    usleep(1000);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    return NULL;
}

START_TEST(with_sa_restart_a_read_goes_on)
{
    pthread_t thread;

    handle(SIGUSR1, SA_RESTART);
    thread = start_thread(signals_then_writes, NULL);
    ck_assert_int_eq(in_read(), 1);
    ck_assert_int_eq(handled, 1);
    join_thread(thread);
}
END_TEST

START_TEST(siginterrupt_and_signal)
{
    pthread_t thread;

    ck_assert(signal(SIGUSR1, counts) == SIG_DFL);
    ck_assert(signal(SIGUSR1, counts) == counts);
    thread = start_thread(signals_then_writes, NULL);
    ck_assert_int_eq(in_read(), 1); /* signal(2) restarts */
    join_thread(thread);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
    ck_ok(siginterrupt(SIGUSR1, 1));
#pragma GCC diagnostic pop
    is_interrupted(in_read);
}
END_TEST

/* A signal that comes while main runs interrupts nothing. */
START_TEST(a_handler_while_main_runs_interrupts_no_later_wait)
{
    handle(SIGUSR1, 0);
    ck_ok(raise(SIGUSR1));
    ck_assert_int_eq(handled, 1);
    ck_assert_int_eq(poll(NULL, 0, 1), 0);
}
END_TEST

static void writes_in_the_handler(int number)
{
    (void)number;
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    handled++;
}

/* The self-pipe trick. */
START_TEST(a_handler_may_write_to_a_pipe)
{
    struct sigaction action = {.sa_handler = writes_in_the_handler,
                               .sa_flags = SA_RESTART};
    pthread_t thread;

    ck_ok(sigaction(SIGUSR1, &action, NULL));
    thread = start_thread(signals_the_process, NULL);
    ck_assert_int_eq(in_read(), 1);
    join_thread(thread);
}
END_TEST

/* ---- sigaction --------------------------------------------------------------- */

static void tells(int number, siginfo_t *info, void *context)
{
    ck_assert_ptr_nonnull(context);
    ck_assert_int_eq(info->si_pid, getpid());
    handled = number;
}

START_TEST(sigaction_returns_what_was_set)
{
    struct sigaction action = {.sa_sigaction = tells, .sa_flags = SA_SIGINFO};
    struct sigaction found;

    ck_ok(sigaction(SIGUSR1, &action, &found));
    ck_assert(found.sa_handler == SIG_DFL);
    ck_ok(sigaction(SIGUSR1, NULL, &found));
    ck_assert(found.sa_sigaction == tells);
    ck_assert(found.sa_flags & SA_SIGINFO);
    ck_ok(kill(getpid(), SIGUSR1));
    ck_assert_int_eq(handled, SIGUSR1);
    action = (struct sigaction){.sa_handler = SIG_IGN};
    ck_ok(sigaction(SIGUSR1, &action, &found));
    ck_assert(found.sa_sigaction == tells);
    ck_ok(sigaction(SIGUSR1, &action, &found));
    ck_assert(found.sa_handler == SIG_IGN);
    ck_fails(sigaction(SIGKILL, &action, NULL), EINVAL);
    ck_fails(sigaction(0, &action, NULL), EINVAL);
    ck_fails(sigaction(65, &action, NULL), EINVAL);
}
END_TEST

START_TEST(sa_resethand_and_default_actions_work)
{
    pid_t child = fork();

    if (child == 0) {
        handle(SIGTERM, (int)SA_RESETHAND);
        raise(SIGTERM);
        if (handled != 1)
            _exit(1);
        raise(SIGTERM);
        _exit(2);
    }
    ck_assert_int_eq(wait_child(child), 1000 + SIGTERM);
}
END_TEST

/* ---- Masks --------------------------------------------------------------------- */

static void *looks_at_its_mask(void *arg)
{
    sigset_t set, before;

    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, NULL, &before), 0);
    ck_assert_int_eq(sigismember(&before, SIGUSR1), 1); /* inherited */
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_UNBLOCK, &set, NULL), 0);
    return arg;
}

START_TEST(each_thread_has_a_mask)
{
    sigset_t set, found;

    handle(SIGUSR1, 0);
    sigemptyset(&set);
    sigaddset(&set, SIGUSR1);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    ck_assert_int_eq(pthread_sigmask(77, &set, NULL), EINVAL);
    ck_fails(sigprocmask(77, &set, NULL), EINVAL);
    ck_ok(kill(getpid(), SIGUSR1));
    ck_assert_int_eq(handled, 0); /* all block it */
    join_thread(start_thread(looks_at_its_mask, NULL));
    ck_assert_int_eq(handled, 1); /* one let it in */
    ck_ok(sigprocmask(SIG_BLOCK, NULL, &found));
    ck_assert_int_eq(sigismember(&found, SIGUSR1), 1); /* main still does not */
}
END_TEST

static void *blocks_all(void *arg)
{
    sigset_t set;

    sigfillset(&set);
    ck_assert_int_eq(pthread_sigmask(SIG_SETMASK, &set, NULL), 0);
    return in_read() == 1 ? arg : NULL;
}

/* What most servers do in their workers. */
START_TEST(a_thread_that_blocks_all_keeps_none_from_main)
{
    pthread_t blocker = start_thread(blocks_all, &ends);

    handle(SIGUSR1, 0);
    sched_yield();
    is_interrupted(in_poll);
    ck_assert_int_eq(write(ends[1], "x", 1), 1);
    ck_assert_ptr_eq(join_thread(blocker), &ends);
}
END_TEST

/* ---- sigwait ----------------------------------------------------------------------- */

static sigset_t usr2;

static void *waits_for_usr2(void *arg)
{
    int number = 0;

    ck_assert_int_eq(sigwait(&usr2, &number), 0);
    ck_assert_int_eq(number, SIGUSR2);
    return arg;
}

START_TEST(sigwait_takes_it)
{
    const struct timespec soon = {.tv_nsec = 1000000};
    siginfo_t info;
    pthread_t thread;

    sigemptyset(&usr2);
    sigaddset(&usr2, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &usr2, NULL), 0);
    thread = start_thread(waits_for_usr2, &usr2);
    sched_yield();
    ck_ok(kill(getpid(), SIGUSR2));
    ck_assert_ptr_eq(join_thread(thread), &usr2);
    ck_fails(sigtimedwait(&usr2, &info, &soon), EAGAIN);
    ck_ok(kill(getpid(), SIGUSR2));
    ck_assert_int_eq(sigtimedwait(&usr2, &info, &soon), SIGUSR2);
    ck_ok(kill(getpid(), SIGUSR2));
    ck_assert_int_eq(sigwaitinfo(&usr2, &info), SIGUSR2);
    ck_assert_int_eq(info.si_pid, getpid());
}
END_TEST

/* ---- To one thread ------------------------------------------------------------------- */

static void *sleeps_until_signalled(void *arg)
{
    ck_fails(usleep(60000000), EINTR);
    return arg;
}

START_TEST(pthread_kill_interrupts_that_thread)
{
    const union sigval value = {.sival_int = 5};
    pthread_t one, two;

    handle(SIGUSR1, 0);
    one = start_thread(sleeps_until_signalled, &one);
    two = start_thread(sleeps_until_signalled, &two);
    sched_yield();
    ck_assert_int_eq(pthread_kill(one, 0), 0);
    ck_assert_int_eq(pthread_kill(one, 65), EINVAL);
    ck_assert_int_eq(pthread_kill(one, SIGUSR1), 0);
    ck_assert_ptr_eq(join_thread(one), &one);
    ck_assert_int_eq(handled, 1);
    ck_assert_int_eq(pthread_tryjoin_np(two, NULL), EBUSY);
    ck_assert_int_eq(pthread_sigqueue(two, SIGUSR1, value), 0);
    ck_assert_ptr_eq(join_thread(two), &two);
    ck_assert_int_eq(pthread_kill(pthread_self(), SIGUSR1), 0);
    ck_assert_int_eq(handled, 3);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch signals");
    TCase *tcase = add_tcase(suite, "EINTR");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_loop_test(tcase, a_handler_interrupts_mains_wait, 0, WAITS);
    tcase_add_loop_test(tcase, with_sa_restart_some_waits_are_interrupted, 0,
                        WAITS);
    tcase_add_test(tcase, with_sa_restart_a_read_goes_on);
    tcase_add_test(tcase, siginterrupt_and_signal);
    tcase_add_test(tcase, a_handler_while_main_runs_interrupts_no_later_wait);
    tcase_add_test(tcase, a_handler_may_write_to_a_pipe);

    tcase = add_tcase(suite, "sigaction, masks, sigwait");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, sigaction_returns_what_was_set);
    tcase_add_test(tcase, sa_resethand_and_default_actions_work);
    tcase_add_test(tcase, each_thread_has_a_mask);
    tcase_add_test(tcase, a_thread_that_blocks_all_keeps_none_from_main);
    tcase_add_test(tcase, sigwait_takes_it);
    tcase_add_test(tcase, pthread_kill_interrupts_that_thread);
    return run_suite_with_tls(suite);
}
