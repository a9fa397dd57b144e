/*
 * A thread of the program that is a greenthread: what pthread_create makes when
 * the group THREADS is on.
 *
 * Its life: two parties hold it, the greenthread until it is freed, and the thread
 * that may still join it. The greenthread's end settles `result`, then `finished`,
 * and wakes the joiner. When both have let go it is freed.
 */
#ifndef GREEN_PATCH_THREAD_H
#define GREEN_PATCH_THREAD_H

#include <pthread.h>
#include <setjmp.h>
#include <stdatomic.h>

#include "greenthread/identity.h"
#include "patch/cancel.h"
#include "patch/mask.h"
#include "patch/rule.h"
#include "patch/tls.h"

enum green__pthread_state {
    GREEN__JOINABLE,
    GREEN__JOINING,          /* a greenthread waits for it, in the lot */
    GREEN__JOINING_NATIVELY, /* an OS thread, for the futex */
    GREEN__DETACHED_THREAD,
};

struct green__pthread {
    struct green__identity identity;
    struct green__tls *tls; /* its own thread-local data, or NULL */
    pthread_t handle;
    struct green__pthread *next; /* of its bucket in the table of threads */
    struct green_thread *thread; /* NULL once it has ended */
    void *(*fn)(void *arg);
    void *arg, *result;
    char name[16];
    atomic_int holders;
    atomic_int state;    /* enum green__pthread_state */
    atomic_int finished; /* a futex for OS threads that join it */
    size_t stack_size, guard_size;
    struct green__cancellation cancellation;
    green__signals mask; /* of signals that it blocks */
    jmp_buf end;         /* where pthread_exit unwinds to; the last member */
};

/* The calling one, or NULL: main, an OS thread, another greenthread. */
struct green__pthread *green__pthread_here(void);

/*
 * The thread of a handle, held for the caller until green__pthread_release; or
 * NULL if the handle is of main or an OS thread, or of no thread.
 */
struct green__pthread *green__pthread_of(pthread_t handle);

/* Whether it was the handle of a greenthread that is gone: libc must not look at
 * it. Remembered for a while. */
bool green__pthread_has_ended(pthread_t handle);
void green__pthread_release(struct green__pthread *it);

/* The table of threads, by handle. */
void green__pthread_register(struct green__pthread *it);
void green__pthread_unregister(struct green__pthread *it);

/* Makes one with its function and attributes, not yet started: NULL with
 * errno. */
struct green__pthread *green__pthread_make(const pthread_attr_t *attr,
                                           void *(*fn)(void *), void *arg);

/* Starts it; 0, or an error number, and then it is freed. */
int green__pthread_start(struct green__pthread *it, pthread_t *handle);

/* Waits for its end until a deadline, and lets go of it. 0, or an error number
 * of pthread_timedjoin_np: ESRCH for NULL, one that is gone. */
int green__pthread_join(struct green__pthread *it, void **result,
                        green_time deadline);

/* How many have not finished; and main's wait for them, if it calls
 * pthread_exit. */
extern atomic_uint green__pthreads_alive;
void green__pthreads_await(void);

#endif
