/* What locks are made of; clean-up handlers that defer cancellation. */
#include <errno.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/syscall.h>
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
    {"syscall", "getpid and futexes", system_calls},
};

void add_threads(void)
{
    add_rows(rows, COUNT(rows));
}
