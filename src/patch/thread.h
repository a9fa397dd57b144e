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
#include "patch/carrier.h"
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
    /* Where it runs. Only that OS thread uses `thread`, which is NULL before
     * the beginning and after the end. */
    struct green__carrier *carrier;
    struct green_thread *thread;
    void *(*fn)(void *arg);
    void *arg, *result;
    char name[16];     /* thread_of.c */
    atomic_uint asked; /* bits of enum green__asked: it is in the inbox */
    struct green__pthread *next_asked, *next_late;  /* carrier.c */
    _Atomic(uint64_t) signals_sent;                 /* signals.c: by bits, */
    _Atomic(struct green__signal *) signals_queued; /* and one by one */
    _Atomic(char *) stack_bottom; /* NULL before the beginning */
    char *stack_top;
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

/* The one that a greenthread is, or NULL. */
struct green__pthread *green__pthread_of_thread(const struct green_thread *it);

/*
 * The thread of a handle, held for the caller until green__pthread_release; or
 * NULL if the handle is of main or an OS thread, or of no thread.
 */
struct green__pthread *green__pthread_of(pthread_t handle);

/* Whether it was the handle of a greenthread that is gone: libc must not look at
 * it. Remembered for a while. */
bool green__pthread_has_ended(pthread_t handle);
void green__pthread_release(struct green__pthread *it);

/* The table of threads, by handle, and its lock around a fork. */
void green__pthreads_lock(void);
void green__pthreads_unlock(void);
void green__pthread_register(struct green__pthread *it);
void green__pthread_unregister(struct green__pthread *it);

/* Makes one with its function and attributes, not yet started: NULL with
 * errno. */
struct green__pthread *green__pthread_make(const pthread_attr_t *attr,
                                           void *(*fn)(void *), void *arg);

/* Starts it; 0, or an error number, and then it is freed. */
int green__pthread_start(struct green__pthread *it, pthread_t *handle);

/* On its carrier: its greenthread begins. 0, or -1 with errno. */
int green__pthread_begin(struct green__pthread *it);
/* On its carrier: green_dump shows its name from now on. */
void green__pthread_take_name(struct green__pthread *it);

/* Waits for its end until a deadline, and lets go of it. 0, or an error number
 * of pthread_timedjoin_np: ESRCH for NULL, one that is gone. */
int green__pthread_join(struct green__pthread *it, void **result,
                        green_time deadline);

/* How many have not finished; and main's wait for them, if it calls
 * pthread_exit. */
extern atomic_uint green__pthreads_alive;
void green__pthreads_await(void);

#endif
