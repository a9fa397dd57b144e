/*
 * A pool of OS threads for calls that block: other libraries' calls, files on a
 * disk, long computations. The greenthread parks until the call is done and
 * gets its result and errno; meanwhile its hub continues.
 *
 * One pool serves the whole process. The environment variable GREENHUB_THREADS
 * sets its size and is read at the first use; if it is unset, or not a number
 * up to GREEN_THREAD_POOL_MOST, the size is 20. With size 0 there are no OS
 * threads: a call runs immediately in the caller, and blocks. The pool starts
 * OS threads when there is work, with all signals blocked, and ends them after
 * some seconds without work. They never keep the process from ending. Calls are
 * served first come, first served.
 *
 * Name look-ups (greenhub/resolve.h) have a few OS threads of their own.
 */
#ifndef GREENHUB_THREAD_POOL_H
#define GREENHUB_THREAD_POOL_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

#define GREEN_THREAD_POOL_MOST 4096

/*
 * Calls fn(arg) on an OS thread of the pool, and waits for it.
 *
 * When it returns, fn has returned or will never be called: arg may lie on the
 * caller's stack. If a kill or a timeout comes before fn has begun, the call is
 * withdrawn. Once fn has begun, the caller waits for it and gets its result, as
 * it gets everything acquired before a kill. To return without waiting, use
 * green_thread_pool_run_or_leave. green_use_hub and the end of the OS thread
 * also wait for an fn that has begun, unless the whole process ends.
 *
 * Returns 0 when fn has returned: its result is in *result (result may be
 * NULL), and errno is as fn left it (0 before fn). Returns -1 if fn was not
 * called:
 *   EINVAL     fn is NULL
 *   ECANCELED, ETIMEDOUT   the caller was killed or timed out
 *   EDEADLK    called in a hub's callback
 *   EAGAIN, ENOMEM         there is no OS thread, and none can be started
 * May switch. fn runs on another OS thread: it is not the calling greenthread,
 * and shares only memory with it. A green call in fn would make a hub for that
 * OS thread. Mirrors eventlet.tpool.execute.
 */
GREEN_API int green_thread_pool_run(long (*fn)(void *arg), void *arg,
                                    long *result);

/*
 * Like green_thread_pool_run, but after a kill or a timeout it returns without
 * waiting for fn. The owner of arg therefore depends on what it returns:
 *
 *   0   fn has returned; its result is in *result (result may be NULL), and
 *       errno is as fn left it. arg belongs to the caller.
 *   -1  with the errors of green_thread_pool_run. arg no longer belongs to the
 *       caller: the library calls left(arg) once, when fn has returned or will
 *       never be called. That is before this call returns, or later on an OS
 *       thread of the pool. left may be NULL if arg needs no release.
 *
 * So arg must be on the heap or static and hold the results of fn, and left
 * must free all of it. The library also calls left if the hub of a waiting
 * caller is eliminated or ends. It does not call left in a forked child.
 * May switch.
 */
GREEN_API int green_thread_pool_run_or_leave(long (*fn)(void *arg), void *arg,
                                             void (*left)(void *arg),
                                             long *result);

/*
 * Changes the number of OS threads, for the whole process. Running calls are
 * not affected, and queued calls still run on an OS thread of the pool. With 0,
 * later calls run immediately in the caller.
 * Returns 0, or -1: EINVAL if size is over GREEN_THREAD_POOL_MOST.
 * Never switches. From any thread. Mirrors eventlet.tpool.set_num_threads.
 */
GREEN_API int green_thread_pool_resize(unsigned size);

struct green_thread_pool_stats {
    unsigned size;        /* the maximum of OS threads */
    unsigned threads;     /* OS threads now */
    unsigned running;     /* calls in progress */
    unsigned queued;      /* calls that wait for an OS thread */
    uint64_t reserved[4]; /* zero */
};

/*
 * Fills in *stats with the pool's current numbers. Returns 0, or -1: EINVAL for
 * NULL.
 * Never switches. From any thread.
 */
GREEN_API int green_thread_pool_stats(struct green_thread_pool_stats *stats);

GREEN_END_DECLS

#endif
