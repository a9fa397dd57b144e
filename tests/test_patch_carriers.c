/* A program's threads on two OS threads: GREENHUB_PATCH_THREADS=2. */
#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "patch_support.h"

#define MANY 8

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static void setup(void)
{
    patch_threads();
}

static void *says_where(void *arg)
{
    (void)arg;
    return (void *)(intptr_t)gettid();
}

/* Until it is cancelled. */
static void *sleeps(void *arg)
{
    for (;;)
        sleep(1000);
    return arg;
}

static sem_t begun;

static void *posts_and_sleeps(void *arg)
{
    sem_post(&begun);
    return sleeps(arg);
}

/* A thread on another OS thread than the caller, which has begun: the first one
 * goes there. */
static pthread_t start_elsewhere(void *(*fn)(void *), void *arg)
{
    pthread_t thread;

    sem_init(&begun, 0, 0);
    thread = start_thread(fn, arg);
    ck_assert_int_eq(sem_wait(&begun), 0);
    return thread;
}

/* ---- Dealing -------------------------------------------------------------- */

START_TEST(threads_are_dealt_to_two_os_threads)
{
    pthread_t sleepers[MANY], here = start_thread(says_where, NULL);
    intptr_t first = (intptr_t)join_thread(here);
    int other = 0;

    ck_assert_int_ne(first, gettid());
    for (int i = 0; i < MANY; i++)
        sleepers[i] = start_thread(sleeps, NULL);
    for (int i = 0; i < MANY; i++) {
        intptr_t where = (intptr_t)join_thread(start_thread(says_where, NULL));

        ck_assert(where == first || where == gettid());
        other += where == first;
    }
    ck_assert_int_gt(other, 0);
    for (int i = 0; i < MANY; i++) {
        ck_assert_int_eq(pthread_cancel(sleepers[i]), 0);
        ck_assert_ptr_eq(join_thread(sleepers[i]), PTHREAD_CANCELED);
    }
}
END_TEST

/* ---- Locks ---------------------------------------------------------------- */

static int counted;

static void *counts(void *arg)
{
    for (int i = 0; i < 2000; i++) {
        int before;

        pthread_mutex_lock(&mutex);
        before = counted;
        if (i % 8 == 0)
            sched_yield();
        counted = before + 1;
        pthread_mutex_unlock(&mutex);
    }
    return arg;
}

START_TEST(a_mutex_excludes_across)
{
    pthread_t threads[MANY];

    for (int i = 0; i < MANY; i++)
        threads[i] = start_thread(counts, NULL);
    for (int i = 0; i < MANY; i++)
        join_thread(threads[i]);
    ck_assert_int_eq(counted, MANY * 2000);
}
END_TEST

static int turn;

static void take_turns(int mine)
{
    for (int i = 0; i < 500; i++) {
        pthread_mutex_lock(&mutex);
        while (turn != mine)
            pthread_cond_wait(&changed, &mutex);
        turn = !mine;
        pthread_cond_broadcast(&changed);
        pthread_mutex_unlock(&mutex);
    }
}

static void *takes_second_turns(void *arg)
{
    take_turns(1);
    return arg;
}

START_TEST(a_condition_wakes_across)
{
    pthread_t other = start_thread(takes_second_turns, NULL);

    take_turns(0);
    join_thread(other);
}
END_TEST

static sem_t ping, pong;

static void *answers_pings(void *arg)
{
    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(sem_wait(&ping), 0);
        ck_assert_int_eq(sem_post(&pong), 0);
    }
    return arg;
}

START_TEST(a_semaphore_wakes_across)
{
    pthread_t other;

    sem_init(&ping, 0, 0);
    sem_init(&pong, 0, 0);
    other = start_thread(answers_pings, NULL);
    for (int i = 0; i < 500; i++) {
        ck_assert_int_eq(sem_post(&ping), 0);
        ck_assert_int_eq(sem_wait(&pong), 0);
    }
    join_thread(other);
}
END_TEST

static pthread_key_t key;
static atomic_int destroyed;

static void destroys(void *value)
{
    atomic_fetch_add(&destroyed, (int)(intptr_t)value);
}

static void *sets_value(void *arg)
{
    ck_assert_ptr_null(pthread_getspecific(key));
    ck_assert_int_eq(pthread_setspecific(key, arg), 0);
    sched_yield();
    ck_assert_ptr_eq(pthread_getspecific(key), arg);
    return NULL;
}

START_TEST(each_has_values_of_keys)
{
    pthread_t threads[MANY];

    ck_assert_int_eq(pthread_key_create(&key, destroys), 0);
    for (int i = 0; i < MANY; i++)
        threads[i] = start_thread(sets_value, (void *)1);
    for (int i = 0; i < MANY; i++)
        join_thread(threads[i]);
    ck_assert_int_eq(atomic_load(&destroyed), MANY);
}
END_TEST

/* ---- Cancellation and signals --------------------------------------------- */

static void *cancels(void *thread)
{
    ck_assert_int_eq(pthread_cancel(*(pthread_t *)thread), 0);
    return join_thread(*(pthread_t *)thread);
}

START_TEST(a_cancel_ends_a_wait_across)
{
    pthread_t there = start_elsewhere(posts_and_sleeps, NULL);
    pthread_t fresh = start_thread(sleeps, NULL);
    pthread_t third;

    ck_assert_ptr_eq(cancels(&there), PTHREAD_CANCELED);
    third = start_thread(cancels, &fresh);
    ck_assert_ptr_eq(join_thread(third), PTHREAD_CANCELED);
}
END_TEST

static atomic_int handled, sum;

static void handle(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)context;
    if (info->si_code == SI_QUEUE)
        atomic_fetch_add(&sum, info->si_value.sival_int);
    atomic_fetch_add(&handled, 1); /* last: a test waits for it */
}

static void install(int number)
{
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO};

    ck_ok(sigaction(number, &action, NULL));
}

static void *is_interrupted(void *arg)
{
    (void)arg;
    sem_post(&begun);
    return (void *)(intptr_t)(pause() < 0 ? errno : 0);
}

/* It may not have begun to wait when the first signal comes, as natively. */
static intptr_t kill_until_it_ends(pthread_t thread)
{
    void *result;

    while (pthread_tryjoin_np(thread, &result) == EBUSY) {
        ck_assert_int_eq(pthread_kill(thread, SIGUSR1), 0);
        usleep(1000);
    }
    return (intptr_t)result;
}

START_TEST(a_signal_for_a_thread_interrupts_it_across)
{
    pthread_t there;

    install(SIGUSR1);
    there = start_elsewhere(is_interrupted, NULL);
    ck_assert_int_eq(pthread_kill(there, 0), 0);
    ck_assert_int_eq(pthread_kill(there, 65), EINVAL);
    ck_assert_int_eq(kill_until_it_ends(there), EINTR);
    ck_assert_int_gt(atomic_load(&handled), 0);
}
END_TEST

START_TEST(queued_signals_count_one_by_one)
{
    pthread_t there;

    install(SIGRTMIN);
    there = start_elsewhere(posts_and_sleeps, NULL);
    for (int i = 1; i <= 3; i++)
        ck_assert_int_eq(
            pthread_sigqueue(there, SIGRTMIN, (union sigval){.sival_int = i}),
            0);
    while (atomic_load(&handled) < 3)
        sched_yield();
    ck_assert_int_eq(atomic_load(&sum), 6);
    ck_assert_ptr_eq(cancels(&there), PTHREAD_CANCELED);
}
END_TEST

static atomic_int main_has_returned;

static void *signals_the_process(void *arg)
{
    while (!atomic_load(&main_has_returned)) {
        ck_ok(kill(getpid(), SIGUSR1));
        usleep(1000);
    }
    return arg;
}

START_TEST(a_signal_for_the_process_interrupts_main)
{
    pthread_t there;

    install(SIGUSR1);
    there = start_thread(signals_the_process, NULL);
    ck_assert_int_eq(pause(), -1);
    ck_assert_int_eq(errno, EINTR);
    atomic_store(&main_has_returned, 1);
    join_thread(there);
}
END_TEST

static void *raises(void *arg)
{
    int before = atomic_load(&handled);

    ck_assert_int_eq(raise(SIGUSR1), 0);
    ck_assert_int_eq(atomic_load(&handled), before + 1);
    return arg;
}

START_TEST(raise_calls_the_handler_before_it_returns)
{
    install(SIGUSR1);
    join_thread(start_thread(raises, NULL));
}
END_TEST

static void *waits_for_signal(void *arg)
{
    int number = 0;

    (void)arg;
    sem_post(&begun);
    ck_assert_int_eq(sigwait(&(sigset_t){{1u << (SIGUSR2 - 1)}}, &number), 0);
    return (void *)(intptr_t)number;
}

START_TEST(sigwait_gets_signals_on_either_os_thread)
{
    sigset_t set;
    pthread_t there;

    sigemptyset(&set);
    sigaddset(&set, SIGUSR2);
    ck_assert_int_eq(pthread_sigmask(SIG_BLOCK, &set, NULL), 0);
    there = start_elsewhere(waits_for_signal, NULL);
    ck_assert_int_eq(pthread_kill(there, SIGUSR2), 0);
    ck_assert_int_eq((intptr_t)join_thread(there), SIGUSR2);
    there = start_elsewhere(waits_for_signal, NULL);
    ck_ok(kill(getpid(), SIGUSR2));
    ck_assert_int_eq((intptr_t)join_thread(there), SIGUSR2);
}
END_TEST

/* ---- What others ask of a thread ------------------------------------------ */

START_TEST(attributes_of_a_thread_elsewhere)
{
    pthread_t there = start_thread(sleeps, NULL);
    pthread_attr_t attr;
    void *stack;
    size_t size;
    char name[16];
    cpu_set_t set;

    ck_assert_int_eq(pthread_getattr_np(there, &attr), 0);
    ck_assert_int_eq(pthread_attr_getstack(&attr, &stack, &size), 0);
    ck_assert_ptr_nonnull(stack);
    ck_assert_uint_ge(size, 200 << 10);
    ck_assert_int_eq(pthread_setname_np(there, "sleeper"), 0);
    ck_assert_int_eq(pthread_getname_np(there, name, sizeof name), 0);
    ck_assert_str_eq(name, "sleeper");
    ck_assert_int_eq(pthread_getaffinity_np(there, sizeof set, &set), 0);
    ck_assert_int_eq(pthread_setaffinity_np(there, sizeof set, &set), 0);
    ck_assert_ptr_eq(cancels(&there), PTHREAD_CANCELED);
}
END_TEST

/* What the kernel knows of the OS thread that carries it. */
static void *asks_the_kernel(void *arg)
{
    struct sched_param parameters;
    cpu_set_t set;

    ck_assert_int_eq(gettid() == getpid(), arg != NULL);
    ck_ok(sched_getaffinity(0, sizeof set, &set));
    ck_ok(sched_setaffinity(0, sizeof set, &set));
    ck_ok(sched_getparam(0, &parameters));
    ck_ok(sched_setparam(0, &parameters));
    ck_ok(sched_setscheduler(0, sched_getscheduler(0), &parameters));
    ck_assert_int_eq(sched_setaffinity(0, 0, &set), -1);
    ck_assert_int_eq(errno, EINVAL);
    return NULL;
}

START_TEST(the_kernel_knows_the_os_thread)
{
    asks_the_kernel("main");
    join_thread(start_thread(asks_the_kernel, NULL));
}
END_TEST

/* ---- fork and exit -------------------------------------------------------- */

static int status_of(pid_t child)
{
    int status;

    ck_assert_int_eq(waitpid(child, &status, 0), child);
    ck_assert(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void *forks(void *arg)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        pthread_t threads[MANY];

        for (int i = 0; i < MANY; i++)
            threads[i] = start_thread(counts, NULL);
        for (int i = 0; i < MANY; i++)
            join_thread(threads[i]);
        _exit(counted == MANY * 2000 ? 7 : 8);
    }
    ck_assert_int_eq(status_of(child), 7);
    return arg;
}

START_TEST(fork_in_either_os_thread)
{
    pthread_t sleeper = start_elsewhere(posts_and_sleeps, NULL);

    forks(NULL);
    join_thread(start_thread(forks, NULL));
    ck_assert_ptr_eq(cancels(&sleeper), PTHREAD_CANCELED);
    join_thread(start_thread(forks, NULL));
}
END_TEST

static void *exits(void *arg)
{
    exit((int)(intptr_t)arg);
}

START_TEST(exit_in_any_thread_ends_the_process)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        start_thread(sleeps, NULL);
        start_thread(exits, (void *)5);
        sleeps(NULL);
    }
    ck_assert_int_eq(status_of(child), 5);
}
END_TEST

static void *naps(void *arg)
{
    usleep(20000);
    return arg;
}

START_TEST(the_process_ends_after_main_and_all_others)
{
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        start_thread(naps, NULL);
        start_thread(naps, NULL);
        pthread_exit(NULL);
    }
    ck_assert_int_eq(status_of(child), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("carriers");
    TCase *tcase = add_tcase(suite, "dealing and locks");

    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, threads_are_dealt_to_two_os_threads);
    tcase_add_test(tcase, a_mutex_excludes_across);
    tcase_add_test(tcase, a_condition_wakes_across);
    tcase_add_test(tcase, a_semaphore_wakes_across);
    tcase_add_test(tcase, each_has_values_of_keys);
    tcase = add_tcase(suite, "cancellation and signals");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, a_cancel_ends_a_wait_across);
    tcase_add_test(tcase, a_signal_for_a_thread_interrupts_it_across);
    tcase_add_test(tcase, queued_signals_count_one_by_one);
    tcase_add_test(tcase, a_signal_for_the_process_interrupts_main);
    tcase_add_test(tcase, raise_calls_the_handler_before_it_returns);
    tcase_add_test(tcase, sigwait_gets_signals_on_either_os_thread);
    tcase_add_test(tcase, attributes_of_a_thread_elsewhere);
    tcase_add_test(tcase, the_kernel_knows_the_os_thread);
    tcase = add_tcase(suite, "processes");
    tcase_add_checked_fixture(tcase, setup, NULL);
    tcase_add_test(tcase, fork_in_either_os_thread);
    tcase_add_test(tcase, exit_in_any_thread_ends_the_process);
    tcase_add_test(tcase, the_process_ends_after_main_and_all_others);
    return run_suite_with_tls(suite);
}
