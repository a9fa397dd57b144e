/*
 * Greenthreads: stackful coroutines, scheduled in the order in which they
 * become runnable. A greenthread never leaves the OS thread on which it was
 * spawned.
 *
 * There is nothing to initialise. `main` becomes a greenthread when it first
 * calls the library, and so does the start function of every other OS thread.
 * When `main` or the start function returns, the program or that OS thread
 * ends, even if other greenthreads are still parked.
 *
 * Besides the errors in its comment, a call that "may switch" fails with
 *   ECANCELED  the greenthread was killed, now or earlier, or a green_scope
 *              around the call was stopped
 *   ETIMEDOUT  a green_timeout around the call has fired
 *   EDEADLK    it would block in a hub's callback, where nothing could wake it;
 *              or nothing can wake it any more, see "Deadlocks" below
 * It fails with ECANCELED or ETIMEDOUT, without having done anything, in three
 * cases:
 * - It would have to block.
 * - The kill or the timeout came while the greenthread was not blocked, and
 *   none of its calls has failed with that error yet.
 * - The greenthread's last 63 calls succeeded without blocking. So a killed
 *   greenthread can still send a last message, and a loop of calls that never
 *   block still ends.
 *
 * A call that may switch may do so even if it need not block. A greenthread
 * whose calls all succeed at once, or are refused by the system, lets other
 * greenthreads run after 64 calls (16 that make a system call) or 0.25 ms, and
 * the hub after 1 ms. The library estimates these times from the last calls: if
 * calls suddenly take longer, it notices after 256 calls (64 that make a system
 * call).
 *
 * Deadlocks. When nothing can ever wake any greenthread of an OS thread, all
 * their waits fail with EDEADLK, shielded or not, instead of lasting for ever.
 * The library concludes this only if all of the following hold:
 * - All these greenthreads wait for each other: in green_join, green_scope_end,
 *   or the calls of greenhub/sync.h, queue.h and channel.h. A greenthread in
 *   green_sleep, even with GREEN_FOREVER, or one that waits for a descriptor,
 *   for another OS thread or for a process can always be woken.
 * - No timer is pending: no timeout, no green_spawn_after.
 * - Nothing else can call the hub. If the program has called green_get_hub,
 *   this requires that no listener is added, that green_hub_call_threadsafe was
 *   never called for the hub, that the process has no other OS thread, and that
 *   no signal handlers are installed except for faults (SIGSEGV and the like).
 * After I/O, the library finds a deadlock a second or two late.
 * green_debug_deadlock reports which greenthread waits for what.
 */
#ifndef GREENHUB_THREAD_H
#define GREENHUB_THREAD_H

#include <greenhub/base.h>
#include <greenhub/hub.h>

GREEN_BEGIN_DECLS

struct green_thread;

/*
 * A part of a greenthread's run that can be cancelled: the common base of
 * timeouts, shields and scopes. The library's.
 */
struct green_cancel_scope {
    struct green_cancel_scope *outer;
    struct green_thread *thread;
    void (*end)(struct green_cancel_scope *scope); /* ends one left open */
    void *begun_at;                                /* code address */
    unsigned kind;
    int error; /* with which blocking calls in it fail; 0: they don't */
    void *reserved;
};

/* ---- Spawning -------------------------------------------------------- */

/*
 * Attributes of a new greenthread. Zero-initialise it; 0 and NULL select the
 * defaults.
 */
struct green_attr {
    const char *name;     /* for green_dump; copied, cut at 31 bytes */
    size_t stack_size;    /* bytes; default 256 KiB, at least 16 KiB; rounded up
                        * to a power of two. Only touched pages use memory */
    size_t guard_size;    /* inaccessible bytes below the stack: an access ends
                        * the program (SIGSEGV). Default and minimum 64 KiB;
                        * rounded up to a power of two. A stack frame larger
                        * than the guard may skip it */
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Spawns a greenthread that runs fn(arg). It starts when the caller next blocks
 * or yields. It must be joined or detached, once.
 * Returns it, or NULL: EINVAL if fn is NULL, ENOMEM (green_hub_error() gives
 * the reason), or the errors of green_get_hub.
 * Never switches. Mirrors eventlet.spawn.
 */
GREEN_API struct green_thread *green_spawn(void *(*fn)(void *), void *arg);

/*
 * Spawns a greenthread that is never joined. Returns 0, or -1 with the errors
 * of green_spawn. Never switches. Mirrors eventlet.spawn_n.
 */
GREEN_API int green_spawn_n(void (*fn)(void *), void *arg);

/*
 * Like green_spawn, with a name or a stack of another size. attr may be NULL.
 * Also fails with EINVAL for a stack_size or guard_size over 1 GiB, or a
 * reserved word that is not zero.
 * Never switches.
 */
GREEN_API struct green_thread *green_spawn_with(const struct green_attr *attr,
                                                void *(*fn)(void *), void *arg);

/*
 * Like green_spawn, but the greenthread starts after `delay`; with 0, exactly
 * like green_spawn. Also fails with EINVAL for a negative delay. Never
 * switches.
 * Mirrors eventlet.spawn_after.
 */
GREEN_API struct green_thread *
green_spawn_after(green_time delay, void *(*fn)(void *), void *arg);

/*
 * Like green_spawn_after, but the new greenthread is cancelled if the caller
 * has finished by then. Never switches. Mirrors eventlet.spawn_after_local.
 */
GREEN_API struct green_thread *
green_spawn_after_local(green_time delay, void *(*fn)(void *), void *arg);

/*
 * Cancels a greenthread that has not started: fn never runs, and joining it
 * gives GREEN_CANCELED.
 * Returns 0, or -1: EINVAL for NULL, EBUSY if it has started, ESRCH if it has
 * finished. Never switches.
 * Mirrors GreenThread.cancel.
 */
GREEN_API int green_cancel(struct green_thread *thread);

/* ---- Waiting for the end --------------------------------------------- */

/*
 * The result of a greenthread whose fn never ran: it was cancelled or killed
 * before it started, or dropped with its hub. As PTHREAD_CANCELED.
 */
#define GREEN_CANCELED ((void *)-1)

/*
 * Waits until a greenthread has finished, stores its result in *result (result
 * may be NULL), and frees it. The result is what fn returned, or
 * GREEN_CANCELED. Do not use the greenthread afterwards.
 * Returns 0; or -1, and the greenthread is not freed and may be joined again:
 *   EINVAL     NULL, or it is detached, or another greenthread already joins it
 *   EDEADLK    it is the caller itself, or main; or a deadlock, as described
 *              at the top of this header
 *   ECANCELED, ETIMEDOUT   the caller was killed, or a timeout or scope around
 *                          the call has ended it
 * May switch. Mirrors GreenThread.wait, pthread_join.
 */
GREEN_API int green_join(struct green_thread *thread, void **result);

/*
 * Gives up the right to join a greenthread: it is freed when it has finished.
 * Returns 0, or -1: EINVAL for NULL or main, or if it is already detached or
 * being joined.
 * Never switches.
 */
GREEN_API int green_detach(struct green_thread *thread);

/*
 * Makes a greenthread call fn(thread, arg) when it finishes, even if it is
 * cancelled. Links are called in the order of linking. If the greenthread has
 * already finished, green_link calls fn at once, in the caller.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. Never switches itself.
 * Mirrors GreenThread.link.
 */
GREEN_API int green_link(struct green_thread *thread,
                         void (*fn)(struct green_thread *thread, void *arg),
                         void *arg);

/*
 * Removes the oldest green_link with the same fn and arg.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if there is none. Never switches.
 */
GREEN_API int green_unlink(struct green_thread *thread,
                           void (*fn)(struct green_thread *thread, void *arg),
                           void *arg);

/* ---- Ending early ---------------------------------------------------- */

/*
 * Kills a greenthread: its current blocking call, or otherwise its next call,
 * fails with ECANCELED, and so does every later call that would block. The
 * greenthread then unwinds by its own error paths. A greenthread that has not
 * started is cancelled. Idempotent. A greenthread may kill itself. A call that
 * had received or acquired something before the kill still succeeds: nothing is
 * lost.
 * Returns 0, or -1: EINVAL for NULL, ESRCH if it has finished.
 * Never switches. Mirrors GreenThread.kill, GreenletExit.
 */
GREEN_API int green_kill(struct green_thread *thread);

/* Returns whether the calling greenthread has been killed. Never switches. */
GREEN_API bool green_killed(void);

/*
 * Protects a part of the calling greenthread, so that clean-up may block.
 * Between green_shield_begin and green_shield_end, calls do not fail because of
 * a kill, or of a timeout that was started outside the shield. These take
 * effect at the first call that may switch after the shield ends. Shields,
 * timeouts and scopes nest: end each in the function that began it, before
 * those that were begun earlier.
 */
struct green_shield {
    struct green_cancel_scope internal;
};

/*
 * Begins a shield. *shield need not be initialised. It must stay in place until
 * green_shield_end.
 * Returns 0, or -1: EINVAL for NULL, EBUSY if it was begun and not ended,
 * EDEADLK in a hub's callback. Never switches.
 */
GREEN_API int green_shield_begin(struct green_shield *shield);

/*
 * Ends the innermost shield. Returns 0, or -1: EINVAL for NULL or if it is not
 * the innermost of the caller's shields, timeouts and scopes. Never switches.
 */
GREEN_API int green_shield_end(struct green_shield *shield);

/*
 * Makes the calling greenthread call fn(arg) when it ends, however it ends,
 * unless it is dropped with its hub. The function added last is called first.
 * Main's functions are called when its OS thread ends, not at the end of the
 * process. fn may block.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM, EDEADLK in a hub's callback. Never
 * switches.
 */
GREEN_API int green_at_exit(void (*fn)(void *), void *arg);

/* ---- Time ------------------------------------------------------------ */

/*
 * Sleeps for `duration` or longer. With 0, lets every other runnable
 * greenthread run first.
 * Returns 0, or -1: EINVAL if duration is negative, ECANCELED, ETIMEDOUT.
 * May switch. Mirrors eventlet.sleep.
 */
GREEN_API int green_sleep(green_time duration);

/*
 * Lets every other runnable greenthread run first: green_sleep(0).
 * Returns 0, or -1: ECANCELED, ETIMEDOUT, EDEADLK in a hub's callback.
 * May switch. Mirrors eventlet.sleep(0), sched_yield.
 */
GREEN_API int green_yield(void);

/*
 * A time limit for a part of the calling greenthread. When it fires, the
 * current blocking call, or otherwise the next call, fails with ETIMEDOUT, and
 * so does every later call that would block, until the timeout is cancelled.
 * Timeouts nest: cancel each in the function that started it, before those that
 * were started earlier.
 */
struct green_timeout {
    struct {
        struct green_cancel_scope cancel_scope; /* the library's */
        struct green_timer timer;
        void *reserved;
    } internal;
};

/*
 * Starts a timeout of `duration` for the calling greenthread (GREEN_FOREVER:
 * never fires). *timeout need not be initialised. It must stay in place until
 * green_timeout_cancel.
 * If the greenthread ends first, the library cancels the timeout; a debug build
 * of the library reports where it was started, and aborts. greenhub/scoped.h
 * has timeouts that end automatically with their block.
 * Returns 0, or -1: EINVAL for NULL or a negative duration, EBUSY if it was
 * started and not cancelled (a debug build aborts), EDEADLK in a hub's
 * callback.
 * Never switches. Mirrors eventlet.Timeout.
 */
GREEN_API int green_timeout_start(struct green_timeout *timeout,
                                  green_time duration);

/*
 * Cancels a timeout. Returns 0, or -1: EINVAL for NULL or if it is not the
 * innermost of the caller's shields, timeouts and scopes. Leaves errno
 * unchanged if it succeeds.
 * Never switches.
 */
GREEN_API int green_timeout_cancel(struct green_timeout *timeout);

/*
 * Returns whether the timeout has fired, also after it was cancelled. This
 * tells whether it caused an ETIMEDOUT. False for NULL. Never switches.
 */
GREEN_API bool green_timeout_fired(const struct green_timeout *timeout);

/*
 * Calls fn(arg) with a timeout of `duration` around it (GREEN_FOREVER: none).
 * fn must return; it must not be left by longjmp or an exception.
 * Returns what fn returns, with errno as fn left it. If fn returns less than 0
 * after the timeout has fired, returns -1 with ETIMEDOUT instead. Returns -1
 * without calling fn: EINVAL for NULL or a negative duration, EDEADLK in a
 * hub's callback.
 * May switch if fn does. Mirrors eventlet.with_timeout.
 */
GREEN_API int green_with_timeout(green_time duration, int (*fn)(void *arg),
                                 void *arg);

/* ---- Who and what ---------------------------------------------------- */

/*
 * Returns the calling greenthread, also for main; NULL in a hub's callback.
 * Returns NULL with the errno of green_get_hub if no hub can be made.
 * Never switches.
 */
GREEN_API struct green_thread *green_self(void);

/*
 * Returns a greenthread's name, from green_set_name or its attributes; "" if it
 * has none; or NULL: EINVAL for NULL. Valid as long as the greenthread. Never
 * switches.
 */
GREEN_API const char *green_name(const struct green_thread *thread);

/*
 * Names a greenthread, for green_dump. The name is copied, cut at 31 bytes.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. Never switches.
 */
GREEN_API int green_set_name(struct green_thread *thread, const char *name);

/* ---- Greenthread-local values ---------------------------------------- */

/*
 * Makes a key, under which each greenthread of the process has a value of its
 * own, initially NULL. When a greenthread ends, its value is passed to the
 * destructor, unless either is NULL. This happens after the green_at_exit
 * functions; for main, when its OS thread ends.
 * Returns 0 with the key in *key, or -1: EINVAL for NULL, EAGAIN when all 128
 * keys are in use. Never switches. From any thread. Mirrors pthread_key_create.
 */
GREEN_API int green_key_create(unsigned *key, void (*destructor)(void *));

/*
 * Deletes a key. Its values are dropped without calling the destructor.
 * Returns 0, or -1: EINVAL if there is no such key. Never switches. From any
 * thread.
 */
GREEN_API int green_key_delete(unsigned key);

/*
 * Sets the calling greenthread's value. Returns 0, or -1: EINVAL if there is no
 * such key, ENOMEM, EDEADLK in a hub's callback. Never switches.
 */
GREEN_API int green_key_set(unsigned key, const void *value);

/*
 * Returns the calling greenthread's value; NULL if none was set or there is no
 * such key. Never switches. Leaves errno unchanged.
 */
GREEN_API void *green_key_get(unsigned key);

GREEN_END_DECLS

#endif
