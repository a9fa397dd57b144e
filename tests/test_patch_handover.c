/*
 * Locks of libc's between greenthreads of several OS threads, and OS threads
 * without greenthreads: many hand-overs, and none is lost.
 */
#include "patch_locks.h"

#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* Two OS threads with a hub, and two without, each in a role. */
#define OS_THREADS 4
#define HUBS 2
#define GREEN_PER_HUB 3
#define PLAYERS (HUBS * GREEN_PER_HUB + OS_THREADS - HUBS)

static void *(*play)(void *player);

static void *on_hub(void *first)
{
    struct green_thread *threads[GREEN_PER_HUB];

    for (int i = 0; i < GREEN_PER_HUB; i++)
        threads[i] = green_spawn(play, (char *)first + i);
    for (int i = 0; i < GREEN_PER_HUB; i++)
        ck_ok(green_join(threads[i], NULL));
    return NULL;
}

/* Calls it for each player from 0; numbers are passed as pointers. */
static void play_all(void *(*role)(void *player))
{
    pthread_t threads[OS_THREADS];
    char *player = NULL;

    patch_libraries();
    play = role;
    for (int i = 0; i < OS_THREADS; i++) {
        ck_ok(pthread_create(&threads[i], NULL, i < HUBS ? on_hub : role,
                             player));
        player += i < HUBS ? GREEN_PER_HUB : 1;
    }
    for (int i = 0; i < OS_THREADS; i++)
        ck_ok(pthread_join(threads[i], NULL));
    ck_assert_uint_eq(patch_stats().native_instead, 0);
}

static int rounds(int count)
{
    return fewer_if_checked(in_chaos() ? count / 4 : count, 20);
}

/* ---- Mutex ------------------------------------------------------------------- */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static long count;
static int inside;

static void *count_up(void *arg)
{
    for (int i = 0; i < rounds(4000); i++) {
        ck_ok(pthread_mutex_lock(&mutex));
        ck_assert_int_eq(inside++, 0);
        count++;
        if (i % 4 == 0)
            sched_yield(); /* others find it locked */
        ck_assert_int_eq(--inside, 0);
        ck_ok(pthread_mutex_unlock(&mutex));
    }
    return arg;
}

START_TEST(a_mutex_lets_one_in)
{
    play_all(count_up);
    ck_assert_int_eq(count, (long)PLAYERS * rounds(4000));
    ck_assert_uint_gt(patch_stats().lock_waits, 0);
}
END_TEST

/* ---- Conditions ---------------------------------------------------------------- */

static pthread_cond_t conditions[PLAYERS];
static intptr_t turn;

/* Each signals the next one's condition. */
static void *pass_turn(void *player)
{
    intptr_t mine = (intptr_t)player, next = (mine + 1) % PLAYERS;

    for (int i = 0; i < rounds(4000); i++) {
        ck_ok(pthread_mutex_lock(&mutex));
        while (turn != mine)
            ck_ok(pthread_cond_wait(&conditions[mine], &mutex));
        turn = next;
        count++;
        ck_ok(pthread_cond_signal(&conditions[next]));
        ck_ok(pthread_mutex_unlock(&mutex));
    }
    return NULL;
}

START_TEST(a_turn_is_passed_by_signals)
{
    for (int i = 0; i < PLAYERS; i++)
        ck_ok(pthread_cond_init(&conditions[i], NULL));
    play_all(pass_turn);
    ck_assert_int_eq(count, (long)PLAYERS * rounds(4000));
    ck_assert_uint_gt(patch_stats().foreign_wakes, 0);
}
END_TEST

/* Player 0 signals; all others wait, and say that they do. */
static int waiting, woken;
static pthread_cond_t all_wait = PTHREAD_COND_INITIALIZER;

static void wait_in_turn(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
    while (turn >= 0) {
        if (++waiting == PLAYERS - 1)
            ck_ok(pthread_cond_signal(&all_wait));
        ck_ok(pthread_cond_wait(&conditions[0], &mutex));
        waiting--;
        woken++;
    }
    ck_ok(pthread_mutex_unlock(&mutex));
}

/* Once all wait again, exactly one has been woken by each signal. */
static void signal_one_by_one(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
    for (int i = 0; i < rounds(5000); i++) {
        while (waiting < PLAYERS - 1)
            ck_ok(pthread_cond_wait(&all_wait, &mutex));
        ck_assert_int_eq(woken, i);
        ck_ok(pthread_cond_signal(&conditions[0]));
        while (woken == i) /* it has to come through the mutex */
            ck_ok(pthread_cond_wait(&all_wait, &mutex));
    }
    turn = -1;
    ck_ok(pthread_cond_broadcast(&conditions[0]));
    ck_ok(pthread_mutex_unlock(&mutex));
}

static void *signal_or_wait(void *player)
{
    if (player)
        wait_in_turn();
    else
        signal_one_by_one();
    return NULL;
}

START_TEST(a_signal_wakes_one)
{
    ck_ok(pthread_cond_init(&conditions[0], NULL));
    play_all(signal_or_wait);
    ck_assert_int_eq(woken, rounds(5000) + PLAYERS - 1);
}
END_TEST

/* ---- Semaphores ------------------------------------------------------------------ */

static sem_t semaphores[PLAYERS];

static void *pass_permit(void *player)
{
    intptr_t mine = (intptr_t)player, next = (mine + 1) % PLAYERS;

    for (int i = 0; i < rounds(2000); i++) {
        ck_ok(sem_wait(&semaphores[mine]));
        count++;
        ck_ok(sem_post(&semaphores[next]));
    }
    return NULL;
}

START_TEST(permits_are_passed)
{
    for (int i = 0; i < PLAYERS; i++)
        ck_ok(sem_init(&semaphores[i], 0, i < 2));
    play_all(pass_permit);
    ck_assert_int_gt(count, 0);
}
END_TEST

/* ---- Read-write locks --------------------------------------------------------------- */

static pthread_rwlock_t rwlock = PTHREAD_RWLOCK_INITIALIZER;
static long left, right;

static void *read_or_write(void *player)
{
    intptr_t mine = (intptr_t)player;

    for (int i = 0; i < rounds(4000); i++) {
        if ((i + mine) % 4 == 0) {
            ck_ok(pthread_rwlock_wrlock(&rwlock));
            left++;
            sched_yield();
            right++;
        } else {
            ck_ok(pthread_rwlock_rdlock(&rwlock));
            ck_assert_int_eq(left, right);
        }
        ck_ok(pthread_rwlock_unlock(&rwlock));
    }
    return NULL;
}

START_TEST(readers_see_what_writers_finished)
{
    play_all(read_or_write);
    ck_assert_int_eq(left, (long)PLAYERS * rounds(4000) / 4);
    ck_assert_int_eq(left, right);
}
END_TEST

/* ---- Barriers ------------------------------------------------------------------------ */

static pthread_barrier_t barrier;
static long arrivals, serials;

static void *meet(void *arg)
{
    for (int i = 0; i < rounds(1000); i++) {
        int result;

        __atomic_fetch_add(&arrivals, 1, __ATOMIC_SEQ_CST);
        result = pthread_barrier_wait(&barrier);
        ck_assert_int_ge(__atomic_load_n(&arrivals, __ATOMIC_SEQ_CST),
                         (long)(i + 1) * PLAYERS);
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            __atomic_fetch_add(&serials, 1, __ATOMIC_SEQ_CST);
        else
            ck_ok(result);
    }
    return arg;
}

START_TEST(a_barrier_holds_all)
{
    ck_ok(pthread_barrier_init(&barrier, NULL, PLAYERS));
    play_all(meet);
    ck_assert_int_eq(serials, rounds(1000));
    ck_ok(pthread_barrier_destroy(&barrier));
}
END_TEST

/* ---- Once ---------------------------------------------------------------------------- */

static pthread_once_t once;

static void count_slowly(void)
{
    usleep(2000);
    __atomic_fetch_add(&count, 1, __ATOMIC_SEQ_CST);
}

static void *call_once_slowly(void *arg)
{
    ck_ok(pthread_once(&once, count_slowly));
    ck_assert_int_eq(__atomic_load_n(&count, __ATOMIC_SEQ_CST), 1);
    return arg;
}

START_TEST(a_slow_function_runs_once)
{
    play_all(call_once_slowly);
    ck_assert_int_eq(count, 1);
}
END_TEST

static int entered[2], go_on[2]; /* pipes */

static void wait_inside(void)
{
    char byte;

    ck_assert_int_eq(write(entered[1], "x", 1), 1);
    ck_assert_int_eq(read(go_on[0], &byte, 1), 1);
    count++;
}

static void *call_wait_inside(void *arg)
{
    ck_ok(pthread_once(&once, wait_inside));
    ck_assert_int_eq(count, 1);
    return arg;
}

/* A greenthread waits for the function of another greenthread, or of an OS
 * thread, which waits in libc and knows of no lot. */
START_TEST(who_waits_for_once_is_woken)
{
    struct green_thread *waiter, *runner = NULL;
    pthread_t os_thread;
    char byte;

    patch_libraries();
    pipe_pair(entered);
    pipe_pair(go_on);
    if (_i)
        ck_ok(pthread_create(&os_thread, NULL, call_wait_inside, NULL));
    else
        runner = green_spawn(call_wait_inside, NULL);
    ck_assert_int_eq(read(entered[0], &byte, 1), 1);
    waiter = green_spawn(call_wait_inside, NULL);
    let_run();
    ck_assert_uint_eq(count, 0);
    ck_assert_int_eq(write(go_on[1], "x", 1), 1);
    ck_ok(green_join(waiter, NULL));
    ck_ok(_i ? pthread_join(os_thread, NULL) : green_join(runner, NULL));
    ck_assert_uint_gt(patch_stats().lock_waits, 0);
}
END_TEST

static void leave(void)
{
    if (count++ == 0)
        pthread_exit(NULL);
}

static void *call_leave(void *arg)
{
    ck_ok(pthread_once(&once, leave));
    return arg;
}

/* As in libc: whoever comes next begins again. */
START_TEST(once_begins_again_if_it_is_left)
{
    pthread_t thread;

    patch_libraries();
    ck_ok(pthread_create(&thread, NULL, call_leave, NULL));
    ck_ok(pthread_join(thread, NULL));
    ck_assert_int_eq(count, 1);
    ck_ok(green_join(green_spawn(call_leave, NULL), NULL));
    ck_assert_int_eq(count, 2);
}
END_TEST

/* ---- Signal handlers -------------------------------------------------------------------- */

static sem_t posted;
static volatile sig_atomic_t posts;

static void post_in_handler(int number)
{
    (void)number;
    if (sem_post(&posted) == 0) /* no assertion: those take a mutex */
        posts++;
}

#define POSTS 300

static void *wait_for_posts(void *arg)
{
    for (int i = 0; i < POSTS / 3; i++)
        ck_ok(sem_wait(&posted));
    return arg;
}

/* Keeps the lot, the run queue and the other semaphores busy. */
static void *keep_busy(void *player)
{
    intptr_t mine = (intptr_t)player;

    while (posts < POSTS) {
        ck_ok(sem_wait(&semaphores[mine]));
        ck_ok(pthread_mutex_lock(&mutex));
        green_sleep(0);
        ck_ok(pthread_mutex_unlock(&mutex));
        ck_ok(sem_post(&semaphores[1 - mine]));
    }
    ck_ok(sem_post(&semaphores[1 - mine]));
    return NULL;
}

static void raise_every(long microseconds)
{
    const struct itimerval every = {{0, microseconds}, {0, microseconds}};

    ck_ok(setitimer(ITIMER_REAL, &every, NULL));
}

/* It may interrupt anything: a switch, the lot, the hub's wait. */
START_TEST(a_signal_handler_may_post)
{
    const struct sigaction action = {.sa_handler = post_in_handler,
                                     .sa_flags = SA_RESTART};
    struct green_thread *threads[5];
    int busy = _i ? 2 : 0;

    patch_libraries();
    ck_ok(sem_init(&posted, 0, 0));
    ck_ok(sem_init(&semaphores[0], 0, 1));
    ck_ok(sem_init(&semaphores[1], 0, 0));
    ck_ok(sigaction(SIGALRM, &action, NULL));
    for (int i = 0; i < 3; i++)
        threads[i] = green_spawn(wait_for_posts, NULL);
    for (intptr_t i = 0; i < busy; i++)
        threads[3 + i] = green_spawn(keep_busy, (void *)i);
    green_sleep(0);
    raise_every(300);
    for (int i = 0; i < 3 + busy; i++)
        ck_ok(green_join(threads[i], NULL));
    raise_every(0);
    ck_assert_int_ge(posts, POSTS);
}
END_TEST

/* ---- Fork ------------------------------------------------------------------------------- */

static void *lock_for_a_while(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    ck_ok(green_sleep(0));
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

static void use_locks(void)
{
    struct green_thread *threads[4];

    for (int i = 0; i < 4; i++)
        threads[i] = green_spawn(lock_for_a_while, NULL);
    for (int i = 0; i < 4; i++)
        ck_ok(green_join(threads[i], NULL));
}

/* The others in the parent's lot are not in the child. */
START_TEST(a_child_begins_with_an_empty_lot)
{
    struct green_thread *waiters[3]; /* more than the child's unlock wakes */
    pid_t child;

    patch_libraries();
    ck_ok(pthread_mutex_lock(&mutex));
    for (int i = 0; i < 3; i++)
        waiters[i] = green_spawn(lock_for_a_while, NULL);
    let_run();
    child = fork();
    ck_assert_int_ge(child, 0);
    if (child == 0) {
        ck_ok(pthread_mutex_unlock(&mutex));
        use_locks();
        _exit(0);
    }
    ck_assert_int_eq(wait_child(child), 0);
    ck_ok(pthread_mutex_unlock(&mutex));
    for (int i = 0; i < 3; i++)
        ck_ok(green_join(waiters[i], NULL));
    use_locks();
}
END_TEST

/* ---- Addresses that are used again ---------------------------------------------------------- */

static void *wait_for_ever(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    pthread_cond_wait(&conditions[0], &mutex);
    ck_abort_msg("a signal for another condition has woken it");
    return arg;
}

static void *wait_once(void *arg)
{
    ck_ok(pthread_mutex_lock(&mutex));
    ck_ok(pthread_cond_wait(&conditions[0], &mutex));
    ck_ok(pthread_mutex_unlock(&mutex));
    return arg;
}

/* Who waits for one that was destroyed is forgotten, and takes no signal from
 * those that wait for its successor. */
START_TEST(a_new_condition_has_no_old_waiters)
{
    struct green_thread *thread;

    patch_libraries();
    ck_ok(pthread_cond_init(&conditions[0], NULL));
    green_spawn(wait_for_ever, NULL);
    let_run();
    ck_ok(pthread_cond_init(&conditions[0], NULL));
    thread = green_spawn(wait_once, NULL);
    let_run();
    ck_ok(pthread_cond_signal(&conditions[0]));
    ck_ok(green_join(thread, NULL));
}
END_TEST

/* ---- A hub that closes --------------------------------------------------------------------- */

START_TEST(dropped_greenthreads_leave_the_lot)
{
    patch_libraries();
    ck_ok(pthread_mutex_lock(&mutex));
    green_spawn(lock_for_a_while, NULL);
    green_spawn(lock_for_a_while, NULL);
    let_run();
    ck_ok(
        pthread_mutex_unlock(&mutex)); /* the first is woken, and never runs */
    ck_ok(green_use_hub(NULL));
    ck_ok(pthread_mutex_lock(&mutex));
    ck_ok(pthread_mutex_unlock(&mutex));
    use_locks();
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_handover");
    TCase *tcase = add_tcase(suite, "handover");

    tcase_add_test(tcase, a_mutex_lets_one_in);
    tcase_add_test(tcase, a_turn_is_passed_by_signals);
    tcase_add_test(tcase, a_signal_wakes_one);
    tcase_add_test(tcase, permits_are_passed);
    tcase_add_test(tcase, readers_see_what_writers_finished);
    tcase_add_test(tcase, a_barrier_holds_all);
    tcase_add_test(tcase, a_slow_function_runs_once);

    tcase = add_tcase(suite, "odd");
    tcase_add_loop_test(tcase, who_waits_for_once_is_woken, 0, 2);
    tcase_add_test(tcase, once_begins_again_if_it_is_left);
    tcase_add_loop_test(tcase, a_signal_handler_may_post, 0, 2);
    tcase_add_test(tcase, a_child_begins_with_an_empty_lot);
    tcase_add_test(tcase, a_new_condition_has_no_old_waiters);
    tcase_add_test(tcase, dropped_greenthreads_leave_the_lot);
    return run_suite(suite);
}
