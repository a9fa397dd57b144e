/*
 * The errors of libc's locks, and the order in which libc looks for them: each
 * probe has the same outcome natively, in an OS thread without greenthreads,
 * and in a greenthread.
 */
#include "patch_locks.h"

#include <limits.h>
#include <linux/futex.h>
#include <semaphore.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

static const struct timespec past = {.tv_sec = 1}, long_past = {.tv_sec = -1},
                             invalid = {.tv_nsec = 1000000000},
                             negative = {.tv_sec = 1, .tv_nsec = -1};

/* What another OS thread holds while the probes run. */
static pthread_mutex_t busy = PTHREAD_MUTEX_INITIALIZER, busy_checked;
static pthread_rwlock_t busy_written = PTHREAD_RWLOCK_INITIALIZER,
                        busy_read = PTHREAD_RWLOCK_INITIALIZER;
static mtx_t busy_mtx;

/* A result, or minus its errno. */
static int outcome(long result)
{
    return result < 0 ? -errno : (int)result;
}

static void make_mutex(pthread_mutex_t *mutex, int type)
{
    pthread_mutexattr_t attr;

    ck_ok(pthread_mutexattr_init(&attr));
    ck_ok(pthread_mutexattr_settype(&attr, type));
    ck_ok(pthread_mutex_init(mutex, &attr));
}

/* ---- Mutexes ---------------------------------------------------------------- */

#define OUTCOMES 12

static void probe_free_mutex(int *out)
{
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

    *out++ = pthread_mutex_timedlock(&mutex, &invalid);
    *out++ = pthread_mutex_destroy(&mutex);
    *out++ = pthread_mutex_trylock(&mutex);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &negative);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_clocklock(&mutex, CLOCK_BOOTTIME, &past);
    *out++ = pthread_mutex_destroy(&mutex);
}

static void probe_busy_mutex(int *out)
{
    *out++ = pthread_mutex_trylock(&busy);
    *out++ = pthread_mutex_timedlock(&busy, &invalid);
    *out++ = pthread_mutex_timedlock(&busy, &negative);
    *out++ = pthread_mutex_timedlock(&busy, &past);
    *out++ = pthread_mutex_timedlock(&busy, &long_past);
    *out++ = pthread_mutex_clocklock(&busy, CLOCK_TAI, &past);
    *out++ = pthread_mutex_clocklock(&busy, CLOCK_MONOTONIC, &past);
    *out++ = pthread_mutex_destroy(&busy);
    *out++ = mtx_trylock(&busy_mtx);
    *out++ = mtx_timedlock(&busy_mtx, &past);
    *out++ = mtx_timedlock(&busy_mtx, &invalid);
}

static void probe_error_checking(int *out)
{
    pthread_mutex_t mutex;

    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_lock(&mutex);
    *out++ = pthread_mutex_lock(&mutex);
    *out++ = pthread_mutex_trylock(&mutex);
    *out++ = pthread_mutex_timedlock(&mutex, &invalid);
    *out++ = pthread_mutex_timedlock(&mutex, &past);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_unlock(&busy_checked);
    *out++ = pthread_mutex_trylock(&busy_checked);
    *out++ = pthread_mutex_timedlock(&busy_checked, &past);
}

static void probe_recursive(int *out)
{
    pthread_mutex_t mutex;

    make_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_lock(&mutex);
    *out++ = pthread_mutex_trylock(&mutex);
    *out++ = pthread_mutex_timedlock(&mutex, &invalid);
    *out++ = pthread_mutex_destroy(&mutex);
    for (int i = 0; i < 4; i++)
        *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_destroy(&mutex);
}

static void *lock_and_end(void *mutex)
{
    ck_ok(pthread_mutex_lock(mutex));
    return NULL;
}

/* Of an OS thread that ended with it. */
static void probe_robust(int *out)
{
    static pthread_mutex_t mutex;
    pthread_mutexattr_t attr;
    pthread_t thread;

    ck_ok(pthread_mutexattr_init(&attr));
    ck_ok(pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST));
    ck_ok(pthread_mutex_init(&mutex, &attr));
    ck_ok(pthread_create(&thread, NULL, lock_and_end, &mutex));
    ck_ok(pthread_join(thread, NULL));
    *out++ = pthread_mutex_lock(&mutex);
    *out++ = pthread_mutex_consistent(&mutex);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_lock(&mutex);
    *out++ = pthread_mutex_trylock(&mutex);
    *out++ = pthread_mutex_timedlock(&mutex, &past);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_mutex_unlock(&mutex);
}

/* ---- Conditions --------------------------------------------------------------- */

static void probe_condition(int *out)
{
    pthread_mutex_t mutex;
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;

    make_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    *out++ = pthread_cond_wait(&condition, &mutex);
    *out++ = pthread_cond_timedwait(&condition, &mutex, &past);
    *out++ = pthread_cond_timedwait(&condition, &mutex, &invalid);
    *out++ = pthread_mutex_lock(&mutex);
    *out++ = pthread_cond_timedwait(&condition, &mutex, &past);
    *out++ = pthread_cond_timedwait(&condition, &mutex, &long_past);
    *out++ = pthread_cond_timedwait(&condition, &mutex, &negative);
    *out++ = pthread_cond_clockwait(&condition, &mutex, CLOCK_BOOTTIME, &past);
    *out++ = pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &past);
    *out++ = pthread_mutex_unlock(&mutex);
    *out++ = pthread_cond_destroy(&condition);
}

/* ---- Read-write locks ---------------------------------------------------------- */

static void probe_rwlock(int *out)
{
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;

    *out++ = pthread_rwlock_timedrdlock(&lock, &invalid);
    *out++ = pthread_rwlock_clockwrlock(&lock, CLOCK_BOOTTIME, &past);
    *out++ = pthread_rwlock_timedwrlock(&lock, &past);
    *out++ = pthread_rwlock_rdlock(&lock);
    *out++ = pthread_rwlock_wrlock(&lock);
    *out++ = pthread_rwlock_timedwrlock(&lock, &negative);
    *out++ = pthread_rwlock_tryrdlock(&lock);
    *out++ = pthread_rwlock_trywrlock(&lock);
    *out++ = pthread_rwlock_unlock(&lock);
    *out++ = pthread_rwlock_rdlock(&lock);
    *out++ = pthread_rwlock_timedwrlock(&lock, &past);
    *out++ = pthread_rwlock_rdlock(&lock);
}

static void probe_busy_rwlock(int *out)
{
    *out++ = pthread_rwlock_tryrdlock(&busy_written);
    *out++ = pthread_rwlock_trywrlock(&busy_written);
    *out++ = pthread_rwlock_timedrdlock(&busy_written, &past);
    *out++ = pthread_rwlock_timedwrlock(&busy_written, &past);
    *out++ = pthread_rwlock_timedwrlock(&busy_read, &past);
    *out++ = pthread_rwlock_clockwrlock(&busy_read, CLOCK_MONOTONIC, &past);
    *out++ = pthread_rwlock_timedrdlock(&busy_read, &past);
}

/* ---- Semaphores, barriers, once -------------------------------------------------- */

static void probe_semaphore(int *out)
{
    sem_t semaphore;

    *out++ = outcome(sem_init(&semaphore, 0, (unsigned)SEM_VALUE_MAX + 1));
    *out++ = outcome(sem_init(&semaphore, 0, 1));
    *out++ = outcome(sem_timedwait(&semaphore, &invalid));
    *out++ = outcome(sem_timedwait(&semaphore, &past));
    *out++ = outcome(sem_timedwait(&semaphore, &past));
    *out++ = outcome(sem_timedwait(&semaphore, &long_past));
    *out++ = outcome(sem_clockwait(&semaphore, CLOCK_BOOTTIME, &past));
    *out++ = outcome(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &negative));
    *out++ = outcome(sem_trywait(&semaphore));
    *out++ = outcome(sem_init(&semaphore, 0, SEM_VALUE_MAX));
    *out++ = outcome(sem_post(&semaphore));
    *out++ = outcome(sem_destroy(&semaphore));
}

static void probe_barrier(int *out)
{
    pthread_barrier_t barrier;

    *out++ = pthread_barrier_init(&barrier, NULL, 0);
    *out++ = pthread_barrier_init(&barrier, NULL, UINT_MAX);
    *out++ = pthread_barrier_init(&barrier, NULL, 1);
    *out++ = pthread_barrier_wait(&barrier);
    *out++ = pthread_barrier_wait(&barrier);
    *out++ = pthread_barrier_destroy(&barrier);
}

/* ---- Futexes ------------------------------------------------------------------- */

static long futex(void *word, int operation, unsigned value, const void *time,
                  void *word2, unsigned value3)
{
    return syscall(SYS_futex, word, operation, value, time, word2, value3);
}

static void probe_futex(int *out)
{
    uint32_t word[2] = {7, 0};
    const struct timespec soon = {.tv_nsec = 1000000};

    *out++ = outcome(futex(word, FUTEX_WAIT_PRIVATE, 8, NULL, NULL, 0));
    *out++ = outcome(futex(word, FUTEX_WAIT_PRIVATE, 8, &invalid, NULL, 0));
    *out++ = outcome(futex(word, FUTEX_WAIT_PRIVATE, 7, &long_past, NULL, 0));
    *out++ = outcome(futex(word, FUTEX_WAIT_PRIVATE, 7, &soon, NULL, 0));
    *out++ = outcome(futex(word, FUTEX_WAIT, 7, &soon, NULL, 0));
    *out++ = outcome(futex(word, FUTEX_WAIT_BITSET_PRIVATE, 7, &past, NULL, 1));
    *out++ = outcome(futex(word, FUTEX_WAIT_BITSET_PRIVATE, 7, &past, NULL, 0));
    *out++ =
        outcome(futex((char *)word + 1, FUTEX_WAIT_PRIVATE, 7, NULL, NULL, 0));
    *out++ = outcome(futex((void *)8, FUTEX_WAIT_PRIVATE, 7, NULL, NULL, 0));
    *out++ = outcome(futex(word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    *out++ = outcome(
        futex(word, FUTEX_CMP_REQUEUE_PRIVATE, 1, (void *)1, word + 1, 8));
    *out++ = outcome(futex(word, 127, 1, NULL, NULL, 0));
}

static void probe_other_system_calls(int *out)
{
    *out++ = outcome(syscall(SYS_getpid)) == getpid();
    *out++ = outcome(syscall(SYS_close, -1));
    *out++ = outcome(syscall(100000));
}

/* ---- Thread-specific data -------------------------------------------------------- */

static void probe_keys(int *out)
{
    pthread_key_t key;
    tss_t tss;

    *out++ = pthread_key_create(&key, NULL);
    *out++ = pthread_getspecific(key) != NULL;
    *out++ = pthread_setspecific(key, &key);
    *out++ = pthread_getspecific(key) == &key;
    *out++ = pthread_key_delete(key);
    *out++ = pthread_key_delete(key);
    *out++ = pthread_setspecific(key, &key);
    *out++ = pthread_setspecific(PTHREAD_KEYS_MAX, &key);
    *out++ = pthread_getspecific(PTHREAD_KEYS_MAX) != NULL;
    *out++ = tss_create(&tss, NULL);
    *out++ = tss_set(tss, &tss);
    *out++ = tss_get(tss) == &tss;
    tss_delete(tss);
}

/* ---- All of them ----------------------------------------------------------------- */

static void (*const probes[])(int *out) = {
    probe_free_mutex,
    probe_busy_mutex,
    probe_error_checking,
    probe_recursive,
    probe_robust,
    probe_condition,
    probe_rwlock,
    probe_busy_rwlock,
    probe_semaphore,
    probe_barrier,
    probe_futex,
    probe_keys,
    probe_other_system_calls,
};

struct answers {
    void (*probe)(int *out);
    int of[OUTCOMES], error;
};

static void *run_probe(void *arg)
{
    struct answers *answers = arg;

    errno = 0;
    answers->probe(answers->of);
    answers->error = errno;
    return NULL;
}

static int held[2], done[2];

static void *hold_all(void *arg)
{
    char byte;

    ck_ok(pthread_mutex_lock(&busy));
    ck_ok(pthread_mutex_lock(&busy_checked));
    ck_assert_int_eq(mtx_lock(&busy_mtx), thrd_success);
    ck_ok(pthread_rwlock_wrlock(&busy_written));
    ck_ok(pthread_rwlock_rdlock(&busy_read));
    ck_assert_int_eq(write(held[1], "x", 1), 1);
    ck_assert_int_eq(read(done[0], &byte, 1), 1);
    return arg;
}

static pthread_t begin_to_hold(void)
{
    pthread_t thread;
    char byte;

    make_mutex(&busy_checked, PTHREAD_MUTEX_ERRORCHECK);
    ck_assert_int_eq(mtx_init(&busy_mtx, mtx_timed), thrd_success);
    pipe_pair(held);
    pipe_pair(done);
    ck_ok(pthread_create(&thread, NULL, hold_all, NULL));
    ck_assert_int_eq(read(held[0], &byte, 1), 1);
    return thread;
}

static void end_holding(pthread_t thread)
{
    ck_assert_int_eq(write(done[1], "x", 1), 1);
    ck_ok(pthread_join(thread, NULL));
}

START_TEST(the_same_in_greenthreads)
{
    struct answers native = {.probe = probes[_i]}, green = native,
                   of_main = native, before = native;
    pthread_t os_thread, holder;

    if (probes[_i] == probe_robust && checker()) {
        SKIP("a sanitizer complains about an OS thread that ends with a lock");
        return;
    }
    holder = begin_to_hold();
    run_probe(&before);
    patch_libraries();
    ck_ok(pthread_create(&os_thread, NULL, run_probe, &native));
    ck_ok(pthread_join(os_thread, NULL));
    ck_ok(green_join(green_spawn(run_probe, &green), NULL));
    run_probe(&of_main);
    for (int i = 0; i < OUTCOMES; i++) {
        ck_assert_msg(native.of[i] == before.of[i],
                      "outcome %d: %d unpatched, %d native", i, before.of[i],
                      native.of[i]);
        ck_assert_msg(green.of[i] == before.of[i],
                      "outcome %d: %d unpatched, %d green", i, before.of[i],
                      green.of[i]);
        ck_assert_msg(of_main.of[i] == before.of[i],
                      "outcome %d: %d unpatched, %d in main", i, before.of[i],
                      of_main.of[i]);
    }
    ck_assert_int_eq(green.error, before.error);
    end_holding(holder);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("patch_lock_errors");
    TCase *tcase = add_tcase(suite, "errors");

    tcase_add_loop_test(tcase, the_same_in_greenthreads, 0,
                        sizeof probes / sizeof *probes);
    return run_suite(suite);
}
