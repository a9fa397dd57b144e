#include "patch/kinds.h"

#include "base/self.h"
#include "patch/real.h"

struct green__kinds green__kinds;

/* ---- Mutexes ------------------------------------------------------------ */

static int kind_of(const pthread_mutexattr_t *attr)
{
    pthread_mutex_t mutex;
    int kind = 0;

    if (green__real()->pthread_mutex_init(&mutex, attr) != 0)
        return 0; /* this system has no such mutexes */
    kind = mutex.__data.__kind;
    green__real()->pthread_mutex_destroy(&mutex);
    return kind;
}

/* Each is asked for in turn. */
static int kind_of_type(int type)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_settype(&attr, type);
    return kind_of(&attr);
}

static int kind_of_protocol(int protocol)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setprotocol(&attr, protocol);
    return kind_of(&attr);
}

static int kind_of_robust(void)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
    return kind_of(&attr);
}

static int kind_of_shared(void)
{
    pthread_mutexattr_t attr;

    pthread_mutexattr_init(&attr);
    pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
    return kind_of(&attr);
}

static bool find_mutexes(void)
{
    int normal = kind_of_type(PTHREAD_MUTEX_NORMAL);
    /* The lowest bits of a ceiling are the ceiling's. */
    int plain = kind_of_type(PTHREAD_MUTEX_DEFAULT);

    green__kinds.mutex_error_check = kind_of_type(PTHREAD_MUTEX_ERRORCHECK);
    green__kinds.mutex_types = green__kinds.mutex_error_check |
                               kind_of_type(PTHREAD_MUTEX_RECURSIVE) |
                               kind_of_type(PTHREAD_MUTEX_ADAPTIVE_NP);
    green__kinds.mutex_by_tid =
        (kind_of_robust() | kind_of_protocol(PTHREAD_PRIO_INHERIT)) & ~plain;
    green__kinds.mutex_shared =
        (kind_of_shared() | kind_of_protocol(PTHREAD_PRIO_PROTECT)) & ~plain;
    return green__kinds.mutex_error_check != normal &&
           kind_of_shared() != plain &&
           !(green__kinds.mutex_by_tid & green__kinds.mutex_types);
}

/* ---- Conditions --------------------------------------------------------- */

static unsigned marks_of(const pthread_condattr_t *attr)
{
    pthread_cond_t condition;

    if (green__real()->pthread_cond_init(&condition, attr) != 0)
        return 0;
    return condition.__data.__wrefs;
}

static bool find_conditions(void)
{
    pthread_condattr_t shared, monotonic;

    pthread_condattr_init(&shared);
    pthread_condattr_setpshared(&shared, PTHREAD_PROCESS_SHARED);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    green__kinds.condition_shared = marks_of(&shared) & ~marks_of(NULL);
    green__kinds.condition_monotonic = marks_of(&monotonic) & ~marks_of(NULL);
    return green__kinds.condition_shared && green__kinds.condition_monotonic;
}

/* ---- Semaphores --------------------------------------------------------- */

static bool find_semaphores(void)
{
    sem_t mine, shared;
    int word;

    memset(&mine, 0, sizeof mine);
    memset(&shared, 0, sizeof shared);
    green__real()->sem_init(&mine, 0, 0);
    green__real()->sem_init(&shared, 1, 0);
    for (size_t at = 0; at < sizeof mine; at += sizeof word) {
        memcpy(&word, (const char *)&shared + at, sizeof word);
        if (memcmp(&word, (const char *)&mine + at, sizeof word) == 0)
            continue;
        green__kinds.semaphore_word = at;
        green__kinds.semaphore_shared = word;
        return true;
    }
    return false;
}

int green__kinds_find(void)
{
    if (find_mutexes() && find_conditions() && find_semaphores())
        return 0;
    return green__fail(ENOTSUP, "the locks of this C library are not known");
}
