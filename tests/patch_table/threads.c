/* What locks are made of; clean-up handlers that defer cancellation. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

#include "table.h"

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

/* The kinds that check: the owner, and how deep it is in. */
static void checked_kinds(void)
{
    const int kinds[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};

    for (size_t i = 0; i < COUNT(kinds); i++) {
        pthread_mutexattr_t attributes;
        pthread_mutex_t checked;

        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, kinds[i]);
        pthread_mutex_init(&checked, &attributes);
        begin();
        said_error(pthread_mutex_lock(&checked));
        said_error(pthread_mutex_lock(&checked));
        said_error(pthread_mutex_unlock(&checked));
        said_error(pthread_mutex_unlock(&checked));
        said_error(pthread_mutex_unlock(&checked));
    }
}

static void pairs(void)
{
    said_error(pthread_mutex_lock(&mutex));
    said_error(pthread_mutex_unlock(&mutex));
    said_error(pthread_mutex_lock(&mutex));
    said_error(pthread_mutex_unlock(&mutex));
}

static void system_calls(void)
{
    static int word = 1;

    said(syscall(-1));
    said(syscall(SYS_getpid) == getpid());
    said(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 2, NULL, NULL, 0));
    said(syscall(SYS_futex, &word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0));
    said(syscall(SYS_futex, &word, FUTEX_WAIT_PRIVATE, 1,
                 &(struct timespec){0, 1000000}, NULL, 0));
    said(syscall(SYS_futex, &word, 99, 1, NULL, NULL, 0));
}

/* ---- C11 ------------------------------------------------------------------- */

static mtx_t c_mutex;
static cnd_t c_condition;
static int told;

static void c_mutexes(void)
{
    said(mtx_init(&c_mutex, mtx_recursive));
    said(mtx_lock(&c_mutex));
    said(mtx_trylock(&c_mutex));
    said(mtx_unlock(&c_mutex));
    said(mtx_unlock(&c_mutex));
    mtx_destroy(&c_mutex);
}

static void tell(void)
{
    mtx_lock(&c_mutex);
    told++;
    if (told == 1)
        cnd_signal(&c_condition);
    else
        cnd_broadcast(&c_condition);
    mtx_unlock(&c_mutex);
}

static void c_conditions(void)
{
    struct timespec past = {1, 0};

    mtx_init(&c_mutex, mtx_plain);
    said(cnd_init(&c_condition));
    said(cnd_signal(&c_condition));
    said(cnd_broadcast(&c_condition));
    mtx_lock(&c_mutex);
    said(cnd_timedwait(&c_condition, &c_mutex, &past));
    later(tell);
    while (told == 0)
        cnd_wait(&c_condition, &c_mutex);
    said(mtx_unlock(&c_mutex));
    cnd_destroy(&c_condition);
    say("%d", told);
}

static int calls_of_once;

static void count_once(void)
{
    calls_of_once++;
}

static void c_once(void)
{
    static once_flag flag = ONCE_FLAG_INIT;

    call_once(&flag, count_once);
    call_once(&flag, count_once);
    say("%d", calls_of_once);
}

/* ---- Locks for reading and writing ----------------------------------------- */

static void reader_locks(void)
{
    const struct timespec past = {1, 0}, wrong = {1, -1};
    pthread_rwlock_t lock;

    said_error(pthread_rwlock_init(&lock, NULL));
    said_error(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &past));
    said_error(pthread_rwlock_clockrdlock(&lock, CLOCK_REALTIME, &past));
    said_error(pthread_rwlock_clockrdlock(&lock, 99, &past));
    said_error(pthread_rwlock_unlock(&lock));
    said_error(pthread_rwlock_unlock(&lock));
    said_error(pthread_rwlock_wrlock(&lock));
    said_error(pthread_rwlock_tryrdlock(&lock));
    said_error(pthread_rwlock_clockrdlock(&lock, CLOCK_MONOTONIC, &wrong));
    said_error(pthread_rwlock_unlock(&lock));
    said_error(pthread_rwlock_destroy(&lock));
}

/* ---- Clean-up handlers ------------------------------------------------------ */

static int cleaned;

static void clean(void *by)
{
    cleaned += *(const int *)by;
}

static void handlers(void)
{
    int one = 1, ten = 10, type = -1;

    pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, &type);
    pthread_cleanup_push_defer_np(clean, &one);
    pthread_cleanup_push_defer_np(clean, &ten);
    pthread_cleanup_pop_restore_np(0);
    say("%d", cleaned);
    pthread_cleanup_pop_restore_np(1);
    pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type);
    say("%d %d", cleaned, type == PTHREAD_CANCEL_ASYNCHRONOUS);
}

static const struct row rows[] = {
    {"__pthread_register_cancel_defer", "two handlers", handlers},
    {"__pthread_unregister_cancel_restore", "two handlers", handlers},
    {"pthread_mutex_lock", "kinds that check", checked_kinds},
    {"pthread_mutex_unlock", "pairs", pairs},
    {"mtx_destroy", "recursive", c_mutexes},
    {"mtx_unlock", "recursive", c_mutexes},
    {"cnd_init", "told later", c_conditions},
    {"cnd_destroy", "told later", c_conditions},
    {"cnd_wait", "told later", c_conditions},
    {"cnd_timedwait", "told later", c_conditions},
    {"cnd_signal", "told later", c_conditions},
    {"cnd_broadcast", "told later", c_conditions},
    {"call_once", "twice", c_once},
    {"pthread_rwlock_init", "by one thread", reader_locks},
    {"pthread_rwlock_destroy", "by one thread", reader_locks},
    {"pthread_rwlock_clockrdlock", "by one thread", reader_locks},
    {"syscall", "getpid and futexes", system_calls},
};

void add_threads(void)
{
    add_rows(rows, COUNT(rows));
}
