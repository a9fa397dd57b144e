/*
 * Greenthreads: stackful coroutines, scheduled in the order in which they
 * become runnable, that never leave the OS thread they were spawned on.
 *
 * There is nothing to initialise. `main`, and likewise the start function of
 * every other OS thread, is a greenthread from its first call on; when it
 * returns, the program (or that OS thread) ends, whoever is still parked.
 *
 * A call that "may switch" fails, besides what its comment lists, with
 *   ECANCELED  the greenthread was killed, now or earlier, or a green_scope
 *              around the call was stopped
 *   ETIMEDOUT  a green_timeout around the call has fired
 *   EDEADLK    it would block in a hub's callback, where nobody could wake it; or
 *              nobody can wake it any more, see below
 * It fails with ECANCELED or ETIMEDOUT, without having done anything, in three
 * cases:
 * - it would have to block;
 * - the kill or the timeout came while the greenthread was not blocked, and none of
 *   its calls has failed with that yet;
 * - its last 63 calls succeeded without blocking. So a killed greenthread can still
 *   send a last message, and a loop of calls that never block still ends.
 *
 * A call that may switch may also do so when it need not block: a greenthread whose
 * calls all succeed at once, or are refused by the system, lets the others run after
 * 64 calls (16 that make a system call) or a quarter of a millisecond, and the hub
 * after a millisecond. The time is that of its last calls: when they begin to take
 * long, that is noticed after 256 calls (64 that make a system call).
 *
 * Deadlocks. When nothing can ever wake any greenthread of an OS thread, all their
 * waits fail with EDEADLK, shielded or not, instead of lasting for ever. That is
 * so only if
 * - all of them wait for each other: in green_join, green_scope_end, or what
 *   greenhub/sync.h, queue.h and channel.h declare. One that waits for a
 *   descriptor, for another OS thread or process, or in green_sleep, without end
 *   too, may always be woken;
 * - no timer is pending: no timeout, no green_spawn_after;
 * - nobody else can call the hub. If the program has asked for it by
 *   green_get_hub, then no listener may be added, green_hub_call_threadsafe must
 *   never have been called for it, the process must have no other OS thread, and
 *   no handler but for faults (SIGSEGV and the like) may be installed for a signal.
 * After I/O it is found a second or two late. green_debug_deadlock tells who waits
 * for what.
 */
#ifndef GREENHUB_THREAD_H
#define GREENHUB_THREAD_H

#include <greenhub/base.h>
#include <greenhub/hub.h>

GREEN_BEGIN_DECLS

struct green_thread;

/*
 * A stretch of a greenthread's code: what timeouts, shields and scopes have in
 * common. The library's.
 */
struct green_cancel_scope {
    struct green_cancel_scope *outer;
    struct green_thread *thread;
    void (*end)(
        struct green_cancel_scope *region); /* when that was forgotten */
    void *begun_at;                         /* code address */
    unsigned kind;
    int error; /* with which blocking calls in it fail; 0: they don't */
    void *reserved;
};

/* ---- Spawning -------------------------------------------------------- */

/* How a greenthread is to be. Zero-initialise it; 0 and NULL mean defaults. */
struct green_attr {
    const char *name;     /* for green_dump; copied, cut at 31 bytes */
    size_t stack_size;    /* bytes; default 256 KiB, at least 16 KiB; rounded up
                        * to a power of two. Only touched pages cost memory */
    size_t guard_size;    /* bytes below the stack that any access to ends the
                        * program (SIGSEGV); default and least 64 KiB; rounded
                        * up to a power of two. A larger frame may step over */
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Spawns a greenthread that runs fn(arg) and can be joined. It starts when the
 * caller next blocks or yields.
 * Returns it, or NULL: EINVAL if fn is NULL, ENOMEM (green_hub_error() says of
 * what), or what green_get_hub fails with. It must be joined or detached, once.
 * Never switches. Mirrors eventlet.spawn.
 */
GREEN_API struct green_thread *green_spawn(void *(*fn)(void *), void *arg);

/*
 * Spawns a greenthread that nobody joins. Returns 0, or -1 with errno as
 * green_spawn. Never switches. Mirrors eventlet.spawn_n.
 */
GREEN_API int green_spawn_n(void (*fn)(void *), void *arg);

/*
 * green_spawn with a name or a stack of another size. attr may be NULL.
 * Besides green_spawn's errors EINVAL for a stack_size or guard_size over 1 GiB, or
 * a reserved word that is not zero.
 * Never switches.
 */
GREEN_API struct green_thread *green_spawn_with(const struct green_attr *attr,
                                                void *(*fn)(void *), void *arg);

/*
 * green_spawn, but it starts after `delay` (0: like green_spawn). Besides
 * green_spawn's errors EINVAL for a negative delay. Never switches.
 * Mirrors eventlet.spawn_after.
 */
GREEN_API struct green_thread *
green_spawn_after(green_time delay, void *(*fn)(void *), void *arg);

/*
 * The same, but it is cancelled if the caller has finished by then.
 * Never switches. Mirrors eventlet.spawn_after_local.
 */
GREEN_API struct green_thread *
green_spawn_after_local(green_time delay, void *(*fn)(void *), void *arg);

/*
 * Cancels a greenthread that has not started: fn never runs, and joining it
 * gives GREEN_CANCELED. Returns 0, or -1: EINVAL for NULL, EBUSY if it has
 * started, ESRCH if it has finished. Never switches.
 * Mirrors GreenThread.cancel.
 */
GREEN_API int green_cancel(struct green_thread *thread);

/* ---- Waiting for the end --------------------------------------------- */

/* The result of one whose fn never ran: it was cancelled or killed before it
 * started, or dropped with its hub. As PTHREAD_CANCELED. */
#define GREEN_CANCELED ((void *)-1)

/*
 * Waits until a greenthread has finished, gives what fn returned in *result
 * (result may be NULL), or GREEN_CANCELED, and frees it; it must not be used
 * afterwards.
 * Returns 0, and it is freed; or -1, and it is not, and may be joined again:
 *   EINVAL     NULL, or it is detached, or somebody joins it already
 *   EDEADLK    it is the caller itself, or main; or as below
 *   ECANCELED, ETIMEDOUT   the caller was killed, or a timeout or scope around the
 *              call has ended it
 * May switch. Mirrors GreenThread.wait, pthread_join.
 */
GREEN_API int green_join(struct green_thread *thread, void **result);

/*
 * Gives up joining: it frees itself when it has finished.
 * Returns 0, or -1 and EINVAL: NULL, detached already or being joined.
 * Never switches.
 */
GREEN_API int green_detach(struct green_thread *thread);

/*
 * Has fn(thread, arg) called when a greenthread finishes, in the order of
 * linking, in that greenthread, a cancelled one too; at once, in the caller, if
 * it has finished already.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. Never switches itself.
 * Mirrors GreenThread.link.
 */
GREEN_API int green_link(struct green_thread *thread,
                         void (*fn)(struct green_thread *thread, void *arg),
                         void *arg);

/*
 * Takes back a green_link with the same fn and arg, the oldest such.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if there is none. Never switches.
 */
GREEN_API int green_unlink(struct green_thread *thread,
                           void (*fn)(struct green_thread *thread, void *arg),
                           void *arg);

/* ---- Ending early ---------------------------------------------------- */

/*
 * Kills a greenthread: the call in which it blocks now, or the next one if it does
 * not, and every later one that would block, fails with ECANCELED, so that it
 * unwinds by its own error paths.
 * One that has not started is cancelled. Killing twice is killing once. It may
 * be the caller. What had been received or acquired before the kill is not lost:
 * such a call still succeeds.
 * Returns 0, or -1: EINVAL for NULL, ESRCH if it has finished.
 * Never switches. Mirrors GreenThread.kill, GreenletExit.
 */
GREEN_API int green_kill(struct green_thread *thread);

/* Whether the calling greenthread has been killed. Never switches. */
GREEN_API bool green_killed(void);

/*
 * While a shield is up, a kill and the timeouts that were started outside it do
 * not disturb the calling greenthread, so that clean-up may block. They take
 * effect at the first call that may switch afterwards. Shields nest; each ends
 * in the function that began it, before what it encloses does.
 */
struct green_shield {
    struct green_cancel_scope internal;
};

/*
 * Raises a shield. *shield need not be initialised, and stays in place until
 * green_shield_end, as a timeout does. Returns 0, or -1 and EINVAL for NULL, EBUSY if
 * it is up already, EDEADLK in a callback. Never switches.
 */
GREEN_API int green_shield_begin(struct green_shield *shield);

/*
 * Takes the innermost shield down. Returns 0, or -1 and EINVAL: NULL, or not the
 * innermost of the caller's shields, timeouts and scopes. Never switches.
 */
GREEN_API int green_shield_end(struct green_shield *shield);

/*
 * Has fn(arg) called when the calling greenthread ends, however it ends but for
 * being dropped with its hub; last come, first called. Main's are called when
 * its OS thread ends, not at the end of the process.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM, EDEADLK in a hub's callback. Never
 * switches. fn may block.
 */
GREEN_API int green_at_exit(void (*fn)(void *), void *arg);

/* ---- Time ------------------------------------------------------------ */

/*
 * Sleeps for `duration`, never less; 0 lets every other runnable greenthread run
 * first. Returns 0, or -1: EINVAL if it is negative, ECANCELED, ETIMEDOUT.
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
 * A limit on the time spent in a stretch of code. Once it has fired, the call in which its
 * greenthread blocks, or the next one if it does not, and every later one that
 * would block, fails with ETIMEDOUT until it is cancelled. Timeouts nest: each is cancelled in the function that
 * started it, before those that were started earlier.
 */
struct green_timeout {
    struct {
        struct green_cancel_scope region; /* the library's */
        struct green_timer timer;
        void *reserved;
    } internal;
};

/*
 * Starts a timeout of `duration` for the calling greenthread (GREEN_FOREVER:
 * never fires). *timeout need not be initialised, and stays in place until
 * green_timeout_cancel. One that is left when its greenthread ends is cancelled
 * then; a debug build of the library says where it was started, and aborts.
 * greenhub/scoped.h has a form that is cancelled however its block is left.
 * Returns 0, or -1: EINVAL for NULL or a negative duration, EBUSY if it has been
 * started and not cancelled (a debug build aborts), EDEADLK in a hub's callback.
 * Never switches. Mirrors eventlet.Timeout.
 */
GREEN_API int green_timeout_start(struct green_timeout *timeout,
                                  green_time duration);

/*
 * Ends a timeout. Returns 0, or -1 and EINVAL: NULL, or not the innermost of the
 * caller's shields, timeouts and scopes. Leaves errno alone when it succeeds.
 * Never switches.
 */
GREEN_API int green_timeout_cancel(struct green_timeout *timeout);

/*
 * Whether it has fired, also after it was cancelled: tells whose ETIMEDOUT it
 * was. False for NULL. Never switches.
 */
GREEN_API bool green_timeout_fired(const struct green_timeout *timeout);

/*
 * Calls fn(arg) with a timeout of `duration` around it (GREEN_FOREVER: none). fn
 * returns; it is not left by longjmp or an exception.
 * Returns what fn returns, and errno is as fn left it; but -1 and ETIMEDOUT if fn
 * returned less than 0 after the timeout had fired; or -1 and fn was not called:
 * EINVAL for NULL or a negative duration, EDEADLK in a hub's callback.
 * May switch if fn does. Mirrors eventlet.with_timeout.
 */
GREEN_API int green_with_timeout(green_time duration, int (*fn)(void *arg),
                                 void *arg);

/* ---- Who and what ---------------------------------------------------- */

/*
 * The calling greenthread; NULL in a hub's callback. Main has one too.
 * NULL also, with errno as green_get_hub gives, if there can be no hub.
 * Never switches.
 */
GREEN_API struct green_thread *green_self(void);

/*
 * A greenthread's name: what green_set_name or its attributes gave, else "".
 * NULL and EINVAL for NULL. Valid as long as the greenthread. Never switches.
 */
GREEN_API const char *green_name(const struct green_thread *thread);

/*
 * Names a greenthread, for green_dump. The name is copied, cut at 31 bytes.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. Never switches.
 */
GREEN_API int green_set_name(struct green_thread *thread, const char *name);

/* ---- Greenthread-local values ---------------------------------------- */

/*
 * Makes a key, under which each greenthread of the process keeps a value of its
 * own, NULL at first. The destructor, unless NULL, is called with each value
 * that is not NULL when its greenthread ends, after the green_at_exit functions; main's
 * when its OS thread ends.
 * Returns 0 and the key in *key, or -1: EINVAL for NULL, EAGAIN when all 128 are
 * in use. Never switches. From any thread. Mirrors pthread_key_create.
 */
GREEN_API int green_key_create(unsigned *key, void (*destructor)(void *));

/*
 * Gives a key back. Values under it are forgotten without their destructor.
 * Returns 0, or -1 and EINVAL if it is no key. Never switches. From any thread.
 */
GREEN_API int green_key_delete(unsigned key);

/*
 * Sets the calling greenthread's value. Returns 0, or -1: EINVAL if it is no
 * key, ENOMEM, EDEADLK in a hub's callback. Never switches.
 */
GREEN_API int green_key_set(unsigned key, const void *value);

/*
 * The calling greenthread's value; NULL if none was set or it is no key.
 * Never switches. Leaves errno alone.
 */
GREEN_API void *green_key_get(unsigned key);

GREEN_END_DECLS

#endif
