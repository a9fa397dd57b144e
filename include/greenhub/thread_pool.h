/*
 * A pool of OS threads for calls that block: other libraries' calls, files on a
 * disk, long computations. The greenthread parks, the hub goes on, and the result
 * and errno come back.
 *
 * One pool serves the whole process. Its size is GREENHUB_THREADS in the
 * environment, looked at when it is first used; 20 if that is unset or no number
 * up to GREEN_THREAD_POOL_MOST. 0 means no threads: calls are made then and there,
 * and block. Threads are started when there is something to do, have all signals
 * blocked, and end when they have had nothing to do for some seconds. They never
 * keep the process from ending. First come, first served.
 *
 * Look-ups of names (green_dial, green_listen) have a few threads of their own.
 */
#ifndef GREENHUB_THREAD_POOL_H
#define GREENHUB_THREAD_POOL_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

#define GREEN_THREAD_POOL_MOST 4096

/*
 * Calls fn(arg) on a thread of the pool, and waits for it.
 *
 * When it returns, fn has returned or will never be called: arg may lie on the
 * caller's stack. A kill or a timeout takes a call back that has not begun; one
 * that has begun is waited for, and its result is given, as with all that was
 * acquired before a kill. To walk away from it use green_thread_pool_run_or_leave.
 * Likewise green_use_hub, and the end of the OS thread, wait for what has begun,
 * unless the whole process ends.
 *
 * Returns 0: fn has returned; what it returned is in *result (result may be NULL),
 * and errno is as fn left it (0 before fn). Or -1, and fn was not called:
 *   EINVAL     fn is NULL
 *   ECANCELED, ETIMEDOUT   the caller was killed or timed out
 *   EDEADLK    called in a hub's callback
 *   EAGAIN, ENOMEM         there is no thread, and none can be started
 * May switch. fn runs on another OS thread: it is not the calling greenthread,
 * and shares nothing with it but memory. A green call in fn would make a hub for
 * that thread. Mirrors eventlet.tpool.execute.
 */
GREEN_API int green_thread_pool_run(long (*fn)(void *arg), void *arg,
                                    long *result);

/*
 * The same, but a kill or a timeout does not wait for fn. Therefore arg changes
 * hands when it fails, in whatever way:
 *
 *   0   fn has returned; what it returned is in *result (result may be NULL), and
 *       errno is as fn left it. arg is the caller's.
 *   -1  with errno as green_thread_pool_run. arg is not the caller's any more:
 *       left(arg) is called, once, when fn has returned or will never be called.
 *       That is before this returns, or later on a thread of the pool. left may be
 *       NULL, when arg needs no release.
 *
 * So arg is on the heap or static, holds the results of fn, and left frees it all.
 * Likewise when its hub goes while it waits; in a forked child left is not called.
 * May switch.
 */
GREEN_API int green_thread_pool_run_or_leave(long (*fn)(void *arg), void *arg,
                                             void (*left)(void *arg),
                                             long *result);

/*
 * Changes the number of threads, for the whole process. What runs is not
 * disturbed, and what is queued still runs on a thread; with 0 later calls are
 * made then and there. Returns 0, or -1 and EINVAL: over GREEN_THREAD_POOL_MOST.
 * Never switches. From any thread. Mirrors eventlet.tpool.set_num_threads.
 */
GREEN_API int green_thread_pool_resize(unsigned size);

struct green_thread_pool_stats {
    unsigned size;        /* threads that there may be */
    unsigned threads;     /* that there are now */
    unsigned running;     /* calls in progress */
    unsigned queued;      /* calls that wait for a thread */
    uint64_t reserved[4]; /* zero */
};

/*
 * What the pool is doing now. Returns 0, or -1 and EINVAL for NULL.
 * Never switches. From any thread.
 */
GREEN_API int green_thread_pool_stats(struct green_thread_pool_stats *stats);

GREEN_END_DECLS

#endif
