/*
 * pthread_once, in libc's format: the word is 0 at first, DONE at the end, and
 * while the function runs it is RUNNING plus a count of forks, since in a child
 * no thread is left that would end what another thread of its parent began.
 */
#include "patch/once.h"

#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <threads.h>

#include "patch/count.h"
#include "patch/lock.h"

#define RUNNING 1
#define DONE 2

static const struct green__wait_kind waiting_for_once = {.name = "once"};

/* What libc writes while a function runs in this process. */
static atomic_int running;

static pthread_once_t example;

static void look_at_example(void)
{
    atomic_store(&running, example);
}

static void find_running(void)
{
    example = PTHREAD_ONCE_INIT;
    green__real()->pthread_once(&example, look_at_example);
}

int green__once_prepare(void)
{
    static atomic_flag registered = ATOMIC_FLAG_INIT;
    int error = 0;

    if (!atomic_flag_test_and_set(&registered))
        error = pthread_atfork(NULL, NULL, find_running);
    if (error)
        return green__refuse(error);
    find_running();
    if ((atomic_load(&running) & 3) == RUNNING && example == DONE)
        return 0;
    return green__fail(ENOTSUP, "pthread_once of this C library is not known");
}

/* ---- Running it ------------------------------------------------------------ */

static void end_once(pthread_once_t *once, int state)
{
    __atomic_exchange_n(once, state, __ATOMIC_SEQ_CST);
    green__lot_wake(once, GREEN__LOT_ALL);
    green__real()->syscall(SYS_futex, once, FUTEX_WAKE_PRIVATE, INT_MAX, NULL,
                           NULL, 0);
}

/* The function was left by an exception or by pthread_exit: another caller
 * begins again. */
static void begin_again(pthread_once_t **once)
{
    if (*once)
        end_once(*once, PTHREAD_ONCE_INIT);
}

static void run_once(pthread_once_t *once, void (*fn)(void))
{
    pthread_once_t *unfinished __attribute__((cleanup(begin_again))) = once;

    fn();
    unfinished = NULL;
    end_once(once, DONE);
}

/* ---- std::call_once --------------------------------------------------------- */

/*
 * libstdc++ calls pthread_once with a function that finds the real one in two
 * thread-local variables. Greenthreads of an OS thread share these: others may
 * have changed them when one has waited, and then it has to run the function.
 */
static const char *const places_of_call[] = {"_ZSt15__once_callable",
                                             "_ZSt11__once_call"};

struct call {
    void **place[2]; /* NULL: no libstdc++ */
    void *value[2];
};

static void keep_call(struct call *call)
{
    for (int i = 0; i < 2; i++) {
        call->place[i] = dlsym(RTLD_DEFAULT, places_of_call[i]);
        call->value[i] = call->place[i] ? *call->place[i] : NULL;
    }
}

static void put_call_back(const struct call *call)
{
    for (int i = 0; i < 2; i++)
        if (call->place[i])
            *call->place[i] = call->value[i];
}

/* ---- Waiting for it -------------------------------------------------------- */

static int state_of(const pthread_once_t *once)
{
    return __atomic_load_n(once, __ATOMIC_ACQUIRE);
}

/* False: there is no room to wait. */
static bool wait_while_running(pthread_once_t *once)
{
    struct green__lot_place here;
    struct call call;
    bool waited;

    if (green__lot_enter(&here, once, &waiting_for_once) < 0)
        return false;
    if (state_of(once) != atomic_load(&running)) {
        green__lot_leave(&here); /* all are woken */
        return true;
    }
    keep_call(&call);
    waited = green__lot_park_shielded(&here, GREEN_FOREVER) == 0;
    put_call_back(&call);
    return waited;
}

/* OS threads wait in libc, and know nothing of the lot. */
static void wake_all(pthread_once_t **once)
{
    green__lot_wake(*once, GREEN__LOT_ALL);
}

static int once_natively(pthread_once_t *once, void (*fn)(void))
{
    pthread_once_t *ended __attribute__((cleanup(wake_all))) = once;

    return green__real()->pthread_once(ended, fn);
}

static int once_greenly(pthread_once_t *once, void (*fn)(void))
{
    int state, mine = atomic_load(&running), saved = errno;

    while (!((state = state_of(once)) & DONE)) {
        if (state == mine) {
            if (wait_while_running(once))
                continue;
            green__count(&green__counted.native_instead);
            return once_natively(once, fn);
        }
        if (__atomic_compare_exchange_n(once, &state, mine, false,
                                        __ATOMIC_ACQUIRE, __ATOMIC_RELAXED)) {
            run_once(once, fn);
            return 0;
        }
    }
    errno = saved;
    return 0;
}

/* ---- The functions --------------------------------------------------------- */

GREEN__HOOK int pthread_once(pthread_once_t *once, void (*fn)(void))
{
    if (green__likely(state_of(once) & DONE))
        return 0;
    if (green__lock_is_green())
        return once_greenly(once, fn);
    return once_natively(once, fn);
}

/* glibc's once_flag is a pthread_once_t. */
GREEN__HOOK void call_once(once_flag *once, void (*fn)(void))
{
    pthread_once((pthread_once_t *)once, fn);
}
