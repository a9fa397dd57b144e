#include "patch_locks.h"

#include <limits.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

/* ---- Mutexes --------------------------------------------------------------- */

static pthread_mutex_t mutex;

static void make_mutex(int type, int protocol, int robust, int shared)
{
    pthread_mutexattr_t attr;

    ck_ok(pthread_mutexattr_init(&attr));
    ck_ok(pthread_mutexattr_settype(&attr, type));
    ck_ok(pthread_mutexattr_setprotocol(&attr, protocol));
    ck_ok(pthread_mutexattr_setrobust(&attr, robust));
    ck_ok(pthread_mutexattr_setpshared(&attr, shared));
    ck_ok(pthread_mutex_init(&mutex, &attr));
    ck_ok(pthread_mutexattr_destroy(&attr));
}

static void make_normal(void)
{
    ck_ok(pthread_mutex_init(&mutex, NULL));
}

static void make_recursive(void)
{
    make_mutex(PTHREAD_MUTEX_RECURSIVE, PTHREAD_PRIO_NONE,
               PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_error_check(void)
{
    make_mutex(PTHREAD_MUTEX_ERRORCHECK, PTHREAD_PRIO_NONE,
               PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_adaptive(void)
{
    make_mutex(PTHREAD_MUTEX_ADAPTIVE_NP, PTHREAD_PRIO_NONE,
               PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_inheriting(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_INHERIT,
               PTHREAD_MUTEX_STALLED, PTHREAD_PROCESS_PRIVATE);
}

static void make_robust(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_ROBUST,
               PTHREAD_PROCESS_PRIVATE);
}

static void make_shared(void)
{
    make_mutex(PTHREAD_MUTEX_NORMAL, PTHREAD_PRIO_NONE, PTHREAD_MUTEX_STALLED,
               PTHREAD_PROCESS_SHARED);
}

static void hold_mutex(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
}

static void serve_mutex(void)
{
    ck_ok(pthread_mutex_unlock(&mutex));
}

static void hold_twice(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
    ck_ok(pthread_mutex_trylock(&mutex));
}

static void serve_twice(void)
{
    ck_ok(pthread_mutex_unlock(&mutex));
    ck_ok(pthread_mutex_unlock(&mutex));
}

static int unlocked(int result)
{
    return result ? result : pthread_mutex_unlock(&mutex);
}

static int lock_mutex(void)
{
    return unlocked(pthread_mutex_lock(&mutex));
}

static struct timespec in_an_hour(clockid_t clock)
{
    struct timespec time;

    clock_gettime(clock, &time);
    time.tv_sec += 3600;
    return time;
}

static int lock_mutex_for_an_hour(void)
{
    const struct timespec until = in_an_hour(CLOCK_REALTIME);

    return unlocked(pthread_mutex_timedlock(&mutex, &until));
}

static int lock_mutex_by_clock(void)
{
    const struct timespec until = in_an_hour(CLOCK_MONOTONIC);

    return unlocked(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &until));
}

static mtx_t mtx;

static void make_mtx(void)
{
    ck_assert_int_eq(mtx_init(&mtx, mtx_timed), thrd_success);
}

static void hold_mtx(void)
{
    ck_assert_int_eq(mtx_lock(&mtx), thrd_success);
}

static void serve_mtx(void)
{
    ck_assert_int_eq(mtx_unlock(&mtx), thrd_success);
}

static int lock_mtx(void)
{
    return mtx_lock(&mtx) == thrd_success ? mtx_unlock(&mtx) : -1;
}

static int lock_mtx_for_an_hour(void)
{
    const struct timespec until = in_an_hour(CLOCK_REALTIME);

    return mtx_timedlock(&mtx, &until) == thrd_success ? mtx_unlock(&mtx) : -1;
}

/* ---- Conditions ------------------------------------------------------------ */

static pthread_cond_t condition;
static int ready;
static void nothing(void)
{
}

static void make_condition(void)
{
    make_normal();
    ck_ok(pthread_cond_init(&condition, NULL));
}

static void make_monotonic_condition(void)
{
    pthread_condattr_t attr;

    make_normal();
    ck_ok(pthread_condattr_init(&attr));
    ck_ok(pthread_condattr_setclock(&attr, CLOCK_MONOTONIC));
    ck_ok(pthread_cond_init(&condition, &attr));
}

static void make_shared_condition(void)
{
    pthread_condattr_t attr;

    make_shared();
    ck_ok(pthread_condattr_init(&attr));
    ck_ok(pthread_condattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    ck_ok(pthread_cond_init(&condition, &attr));
}

static void serve_condition(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
    ready++;
    ck_ok(pthread_cond_signal(&condition));
    ck_ok(pthread_mutex_unlock(&mutex));
}

static void broadcast_condition(void)
{
    ck_ok(pthread_mutex_lock(&mutex));
    ready++;
    ck_ok(pthread_mutex_unlock(&mutex));
    ck_ok(pthread_cond_broadcast(&condition));
}

static int wait_condition(void)
{
    int result = pthread_mutex_lock(&mutex);

    while (!ready && result == 0)
        result = pthread_cond_wait(&condition, &mutex);
    ready--;
    return unlocked(result);
}

static int wait_condition_until(clockid_t clock, bool by_clock)
{
    const struct timespec until = in_an_hour(clock);
    int result = pthread_mutex_lock(&mutex);

    while (!ready && result == 0)
        result = by_clock
                     ? pthread_cond_clockwait(&condition, &mutex, clock, &until)
                     : pthread_cond_timedwait(&condition, &mutex, &until);
    ready--;
    return unlocked(result);
}

static int wait_condition_for_an_hour(void)
{
    return wait_condition_until(CLOCK_REALTIME, false);
}

static int wait_monotonic_for_an_hour(void)
{
    return wait_condition_until(CLOCK_MONOTONIC, false);
}

static int wait_condition_by_clock(void)
{
    return wait_condition_until(CLOCK_MONOTONIC, true);
}

static cnd_t cnd;

static void make_cnd(void)
{
    make_mtx();
    ck_assert_int_eq(cnd_init(&cnd), thrd_success);
}

static void serve_cnd(void)
{
    hold_mtx();
    ready++;
    ck_assert_int_eq(cnd_signal(&cnd), thrd_success);
    serve_mtx();
}

static int wait_cnd(void)
{
    hold_mtx();
    while (!ready)
        if (cnd_wait(&cnd, &mtx) != thrd_success)
            return -1;
    ready--;
    serve_mtx();
    return 0;
}

static int wait_cnd_for_an_hour(void)
{
    const struct timespec until = in_an_hour(CLOCK_REALTIME);

    hold_mtx();
    while (!ready)
        if (cnd_timedwait(&cnd, &mtx, &until) != thrd_success)
            return -1;
    ready--;
    serve_mtx();
    return 0;
}

/* ---- Read-write locks ------------------------------------------------------ */

static pthread_rwlock_t rwlock;

static void make_rwlock(void)
{
    ck_ok(pthread_rwlock_init(&rwlock, NULL));
}

static void make_shared_rwlock(void)
{
    pthread_rwlockattr_t attr;

    ck_ok(pthread_rwlockattr_init(&attr));
    ck_ok(pthread_rwlockattr_setpshared(&attr, PTHREAD_PROCESS_SHARED));
    ck_ok(pthread_rwlock_init(&rwlock, &attr));
}

static void read_rwlock(void)
{
    ck_ok(pthread_rwlock_rdlock(&rwlock));
}

static void write_rwlock(void)
{
    ck_ok(pthread_rwlock_wrlock(&rwlock));
}

static void try_write_rwlock(void)
{
    ck_ok(pthread_rwlock_trywrlock(&rwlock));
}

static void serve_rwlock(void)
{
    ck_ok(pthread_rwlock_unlock(&rwlock));
}

static int rwunlocked(int result)
{
    return result ? result : pthread_rwlock_unlock(&rwlock);
}

static int wait_to_read(void)
{
    return rwunlocked(pthread_rwlock_rdlock(&rwlock));
}

static int wait_to_write(void)
{
    return rwunlocked(pthread_rwlock_wrlock(&rwlock));
}

static int read_for_an_hour(void)
{
    const struct timespec until = in_an_hour(CLOCK_REALTIME);

    return rwunlocked(pthread_rwlock_timedrdlock(&rwlock, &until));
}

static int write_by_clock(void)
{
    const struct timespec until = in_an_hour(CLOCK_MONOTONIC);

    return rwunlocked(
        pthread_rwlock_clockwrlock(&rwlock, CLOCK_MONOTONIC, &until));
}

/* ---- Semaphores, barriers, futexes ----------------------------------------- */

static sem_t semaphore;

static void make_semaphore(void)
{
    ck_ok(sem_init(&semaphore, 0, 0));
}

static void make_shared_semaphore(void)
{
    ck_ok(sem_init(&semaphore, 1, 0));
}

static void serve_semaphore(void)
{
    ck_ok(sem_post(&semaphore));
}

static int wait_semaphore(void)
{
    return sem_wait(&semaphore);
}

static int wait_semaphore_for_an_hour(void)
{
    const struct timespec until = in_an_hour(CLOCK_REALTIME);

    return sem_timedwait(&semaphore, &until);
}

static int wait_semaphore_by_clock(void)
{
    const struct timespec until = in_an_hour(CLOCK_MONOTONIC);

    return sem_clockwait(&semaphore, CLOCK_MONOTONIC, &until);
}

static pthread_barrier_t barrier;

static void make_barrier(void)
{
    ck_ok(pthread_barrier_init(&barrier, NULL, 2));
}

/* Whoever comes last. */
static int wait_barrier(void)
{
    int result = pthread_barrier_wait(&barrier);

    return result == PTHREAD_BARRIER_SERIAL_THREAD ? 0 : result;
}

static void serve_barrier(void)
{
    ck_ok(wait_barrier());
}

static uint32_t word;

static void make_futex(void)
{
    __atomic_store_n(&word, 0, __ATOMIC_SEQ_CST);
}

static void serve_futex(void)
{
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, INT_MAX);
}

static void serve_public_futex(void)
{
    __atomic_store_n(&word, 1, __ATOMIC_SEQ_CST);
    syscall(SYS_futex, &word, FUTEX_WAKE, INT_MAX);
}

static int wait_futex_by(int operation, const struct timespec *time)
{
    while (__atomic_load_n(&word, __ATOMIC_SEQ_CST) == 0)
        if (syscall(SYS_futex, &word, operation, 0, time, NULL,
                    FUTEX_BITSET_MATCH_ANY) < 0 &&
            errno != EAGAIN)
            return -1;
    return 0;
}

static int wait_futex(void)
{
    return wait_futex_by(FUTEX_WAIT_PRIVATE, NULL);
}

static int wait_public_futex(void)
{
    return wait_futex_by(FUTEX_WAIT, NULL);
}

static int wait_futex_for_an_hour(void)
{
    const struct timespec hour = {.tv_sec = 3600};

    return wait_futex_by(FUTEX_WAIT_PRIVATE, &hour);
}

static int wait_futex_until(void)
{
    const struct timespec until = in_an_hour(CLOCK_MONOTONIC);

    return wait_futex_by(FUTEX_WAIT_BITSET_PRIVATE, &until);
}

/* ---- All of them ----------------------------------------------------------- */

#define MUTEX (IS_FREE | ONE_AT_ONCE)

const struct lock locks[] = {
    {"mutex", make_normal, hold_mutex, lock_mutex, serve_mutex, MUTEX},
    {"timed mutex", make_normal, hold_mutex, lock_mutex_for_an_hour,
     serve_mutex, MUTEX | TIMED},
    {"mutex by clock", make_normal, hold_mutex, lock_mutex_by_clock,
     serve_mutex, MUTEX | TIMED},
    {"error-checking mutex", make_error_check, hold_mutex, lock_mutex,
     serve_mutex, MUTEX},
    {"adaptive mutex", make_adaptive, hold_mutex, lock_mutex, serve_mutex,
     MUTEX},
    {"recursive mutex", make_recursive, hold_twice, lock_mutex, serve_twice,
     MUTEX},
    {"inheriting mutex", make_inheriting, hold_mutex, lock_mutex, serve_mutex,
     MUTEX | POLLS},
    {"robust mutex", make_robust, hold_mutex, lock_mutex, serve_mutex,
     MUTEX | POLLS},
    {"shared mutex", make_shared, hold_mutex, lock_mutex, serve_mutex,
     MUTEX | POLLS},
    {"mtx", make_mtx, hold_mtx, lock_mtx, serve_mtx, MUTEX},
    {"timed mtx", make_mtx, hold_mtx, lock_mtx_for_an_hour, serve_mtx,
     MUTEX | TIMED},

    {"condition", make_condition, nothing, wait_condition, serve_condition, 0},
    {"broadcast", make_condition, nothing, wait_condition, broadcast_condition,
     0},
    {"timed condition", make_condition, nothing, wait_condition_for_an_hour,
     serve_condition, TIMED},
    {"monotonic condition", make_monotonic_condition, nothing,
     wait_monotonic_for_an_hour, serve_condition, TIMED},
    {"condition by clock", make_condition, nothing, wait_condition_by_clock,
     serve_condition, TIMED},
    {"shared condition", make_shared_condition, nothing, wait_condition,
     serve_condition, POLLS},
    {"cnd", make_cnd, nothing, wait_cnd, serve_cnd, 0},
    {"timed cnd", make_cnd, nothing, wait_cnd_for_an_hour, serve_cnd, TIMED},

    {"rwlock, reader of a writer", make_rwlock, write_rwlock, wait_to_read,
     serve_rwlock, IS_FREE | ONE_AT_ONCE},
    {"rwlock, writer of a reader", make_rwlock, read_rwlock, wait_to_write,
     serve_rwlock, IS_FREE | ONE_AT_ONCE},
    {"rwlock, writer of a writer", make_rwlock, try_write_rwlock, wait_to_write,
     serve_rwlock, IS_FREE | ONE_AT_ONCE},
    {"rwlock, timed reader", make_rwlock, write_rwlock, read_for_an_hour,
     serve_rwlock, IS_FREE | ONE_AT_ONCE | TIMED},
    {"rwlock, writer by clock", make_rwlock, write_rwlock, write_by_clock,
     serve_rwlock, IS_FREE | ONE_AT_ONCE | TIMED},
    {"shared rwlock", make_shared_rwlock, write_rwlock, wait_to_read,
     serve_rwlock, IS_FREE | ONE_AT_ONCE | POLLS},

    {"semaphore", make_semaphore, nothing, wait_semaphore, serve_semaphore,
     KILLABLE},
    {"timed semaphore", make_semaphore, nothing, wait_semaphore_for_an_hour,
     serve_semaphore, KILLABLE | TIMED},
    {"semaphore by clock", make_semaphore, nothing, wait_semaphore_by_clock,
     serve_semaphore, KILLABLE | TIMED},
    {"shared semaphore", make_shared_semaphore, nothing, wait_semaphore,
     serve_semaphore, KILLABLE | POLLS},
    {"barrier", make_barrier, nothing, wait_barrier, serve_barrier, 0},
    {"futex", make_futex, nothing, wait_futex, serve_futex, ONE_AT_ONCE},
    {"public futex", make_futex, nothing, wait_public_futex, serve_public_futex,
     ONE_AT_ONCE},
    {"timed futex", make_futex, nothing, wait_futex_for_an_hour, serve_futex,
     ONE_AT_ONCE | TIMED},
    {"futex until", make_futex, nothing, wait_futex_until, serve_futex,
     ONE_AT_ONCE | TIMED},
};
const int lock_count = sizeof locks / sizeof *locks;
