/* What users of other libraries that make locks green have reported: each tried
 * here. */
#include "patch_locks.h"

#include <sched.h>
#include <semaphore.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static int stop, reached;

/* ---- One spins, and another one starves ---------------------------------- */

static void *spin(void *arg)
{
    bool stopped = false;

    while (!stopped) {
        ck_ok(pthread_mutex_lock(&mutex));
        stopped = __atomic_load_n(&stop, __ATOMIC_SEQ_CST);
        ck_ok(pthread_mutex_unlock(&mutex));
    }
    return arg;
}

static void *spin_trying(void *arg)
{
    while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
        if (pthread_mutex_trylock(&mutex) == 0)
            ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

static void *lock_and_switch(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    ck_ok(green_sleep(0));
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

static void *lock_once(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    __atomic_store_n(&stop, 1, __ATOMIC_SEQ_CST);
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

static void *lock_once_on_hub(void *arg)
{
    return green_join(green_spawn(lock_once, arg), NULL) == 0 ? arg : NULL;
}

/* There is no sleep and no yield in the loop. */
START_TEST(a_loop_does_not_keep_a_lock_from_greenthreads)
{
    struct green_thread *spinner;

    patch_libraries();
    spinner = green_spawn(spin, NULL);
    green_spawn(lock_once, NULL);
    ck_ok(green_join(spinner, NULL));
}
END_TEST

START_TEST(a_loop_of_trylock_lets_the_owner_run)
{
    struct green_thread *owner;

    patch_libraries();
    owner = green_spawn(lock_and_switch, NULL);
    green_spawn(spin_trying, NULL);
    ck_ok(green_join(owner, NULL));
}
END_TEST

START_TEST(a_loop_does_not_keep_a_lock_from_os_threads)
{
    pthread_t other;

    patch_libraries();
    ck_ok(
        pthread_create(&other, NULL, _i ? lock_once_on_hub : lock_once, NULL));
    ck_ok(green_join(green_spawn(spin, NULL), NULL));
    ck_ok(pthread_join(other, NULL));
}
END_TEST

START_TEST(an_os_threads_loop_does_not_keep_a_lock)
{
    pthread_t spinner;

    patch_libraries();
    ck_ok(pthread_create(&spinner, NULL, spin, NULL));
    ck_ok(green_join(green_spawn(lock_once, NULL), NULL));
    ck_ok(pthread_join(spinner, NULL));
}
END_TEST

/* ---- Owners ---------------------------------------------------------------- */

static void *reach(void *lock)
{
    ck_ok(pthread_mutex_lock(lock));
    reached++;
    ck_ok(pthread_mutex_unlock(lock));
    return NULL;
}

/* Twice, and then the owner is still the same. */
START_TEST(a_lock_taken_before_the_patch_stays_its_owners)
{
    struct green_thread *other;

    ck_ok(pthread_mutex_lock(&recursive));
    patch_libraries();
    ck_ok(pthread_mutex_lock(&recursive));
    other = green_spawn(reach, &recursive);
    let_run();
    ck_assert_int_eq(reached, 0);
    ck_ok(pthread_mutex_unlock(&recursive));
    let_run();
    ck_assert_int_eq(reached, 0);
    ck_ok(pthread_mutex_unlock(&recursive));
    ck_ok(green_join(other, NULL));
    ck_assert_int_eq(reached, 1);
}
END_TEST

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

static void *notify_twice_locked(void *arg)
{
    ck_ok(pthread_mutex_lock(&recursive));
    ck_ok(pthread_mutex_lock(&recursive));
    reached = 1;
    ck_ok(pthread_cond_signal(&condition));
    ck_ok(pthread_mutex_unlock(&recursive));
    ck_ok(green_sleep(0));
    ck_ok(pthread_mutex_unlock(&recursive));
    return arg;
}

START_TEST(a_condition_gives_a_recursive_mutex_to_its_notifier)
{
    struct green_thread *notifier;

    patch_libraries();
    ck_ok(pthread_mutex_lock(&recursive));
    notifier = green_spawn(notify_twice_locked, NULL);
    let_run();
    while (!reached)
        ck_ok(pthread_cond_wait(&condition, &recursive));
    ck_ok(pthread_mutex_unlock(&recursive));
    ck_assert_int_eq(pthread_mutex_unlock(&recursive), EPERM);
    ck_ok(green_join(notifier, NULL));
}
END_TEST

/* ---- Sleeps and switches under a lock --------------------------------------- */

static void *sleep_under_lock(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    sched_yield();
    ck_ok(usleep(10));
    reached++;
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

START_TEST(a_hundred_sleep_under_a_lock)
{
    struct green_thread *threads[100];

    patch_libraries();
    for (int i = 0; i < 100; i++)
        threads[i] = green_spawn(sleep_under_lock, NULL);
    for (int i = 0; i < 100; i++)
        ck_ok(green_join(threads[i], NULL));
    ck_assert_int_eq(reached, 100);
}
END_TEST

/* ---- Kills ------------------------------------------------------------------- */

static sem_t semaphore;

static void *take(void *arg)
{
    if (sem_wait(&semaphore) == 0)
        reached++;
    return arg;
}

/* Of the two that wait one is killed: the permit is the other one's. */
START_TEST(a_permit_is_not_lost_with_a_killed_waiter)
{
    struct green_thread *killed, *other;

    patch_libraries();
    ck_ok(sem_init(&semaphore, 0, 0));
    killed = green_spawn(take, NULL);
    other = green_spawn(take, NULL);
    let_run();
    if (_i) /* first killed, or first posted */
        ck_ok(green_kill(killed));
    ck_ok(sem_post(&semaphore));
    if (!_i)
        ck_ok(green_kill(killed));
    ck_ok(green_join(killed, NULL));
    if (reached) /* it has been faster */
        ck_ok(sem_post(&semaphore));
    ck_ok(green_join(other, NULL));
    ck_assert_int_ge(reached, 1);
}
END_TEST

/* ---- Other processes ------------------------------------------------------------ */

struct shared {
    sem_t semaphore;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    int ready;
};

static struct shared *make_shared(void)
{
    struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                                 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pthread_mutexattr_t mutex_attr;
    pthread_condattr_t condition_attr;

    ck_assert_ptr_ne(shared, MAP_FAILED);
    ck_ok(pthread_mutexattr_init(&mutex_attr));
    ck_ok(pthread_mutexattr_setpshared(&mutex_attr, PTHREAD_PROCESS_SHARED));
    ck_ok(pthread_condattr_init(&condition_attr));
    ck_ok(pthread_condattr_setpshared(&condition_attr, PTHREAD_PROCESS_SHARED));
    ck_ok(sem_init(&shared->semaphore, 1, 0));
    ck_ok(pthread_mutex_init(&shared->mutex, &mutex_attr));
    ck_ok(pthread_cond_init(&shared->condition, &condition_attr));
    return shared;
}

static void *wait_for_process(void *arg)
{
    struct shared *shared = arg;

    ck_ok(sem_wait(&shared->semaphore));
    ck_ok(pthread_mutex_lock(&shared->mutex));
    while (!shared->ready)
        ck_ok(pthread_cond_wait(&shared->condition, &shared->mutex));
    ck_ok(pthread_mutex_unlock(&shared->mutex));
    return NULL;
}

static void serve_other_process(struct shared *shared)
{
    usleep(1000);
    sem_post(&shared->semaphore);
    usleep(1000);
    pthread_mutex_lock(&shared->mutex);
    shared->ready = 1;
    pthread_cond_signal(&shared->condition);
    pthread_mutex_unlock(&shared->mutex);
}

START_TEST(another_process_wakes_greenthreads)
{
    struct shared *shared = make_shared();
    struct green_thread *waiter;
    pid_t child = fork();

    ck_assert_int_ge(child, 0);
    if (child == 0) {
        serve_other_process(shared);
        _exit(0);
    }
    patch_libraries();
    waiter = green_spawn(wait_for_process, shared);
    ck_ok(green_join(waiter, NULL));
    ck_assert_int_eq(wait_child(child), 0);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_lock_reports");
    TCase *tcase = add_tcase(suite, "reports");

    tcase_add_test(tcase, a_loop_does_not_keep_a_lock_from_greenthreads);
    tcase_add_test(tcase, a_loop_of_trylock_lets_the_owner_run);
    tcase_add_loop_test(tcase, a_loop_does_not_keep_a_lock_from_os_threads, 0,
                        2);
    tcase_add_test(tcase, an_os_threads_loop_does_not_keep_a_lock);
    tcase_add_test(tcase, a_lock_taken_before_the_patch_stays_its_owners);
    tcase_add_test(tcase, a_condition_gives_a_recursive_mutex_to_its_notifier);
    tcase_add_test(tcase, a_hundred_sleep_under_a_lock);
    tcase_add_loop_test(tcase, a_permit_is_not_lost_with_a_killed_waiter, 0, 2);
    tcase_add_test(tcase, another_process_wakes_greenthreads);
    return run_suite(suite);
}
