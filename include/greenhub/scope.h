/*
 * Scopes: greenthreads that are spawned in a block of code and end before it
 * does.
 *
 *     struct green_scope scope;
 *
 *     green_scope_begin(&scope, 5 * GREEN_SEC);
 *     green_scope_spawn(&scope, fetch, &left);
 *     green_scope_spawn(&scope, fetch, &right);
 *     if (green_scope_end(&scope) < 0)
 *         perror("one of them");
 *
 * green_scope_end waits for all greenthreads spawned in the scope, including
 * those that its children spawned in it. The first child that fails stops the
 * others, and green_scope_end returns its error. No child outlives its scope.
 *
 * Stopping a scope kills its children, and makes the owner's blocking calls
 * fail until green_scope_end. A scope is stopped when
 *   - a child returns -1,
 *   - a child is killed (other than by stopping the scope),
 *   - its time is over,
 *   - green_scope_stop is called,
 *   - its owner is killed or timed out while it waits in green_scope_end. An
 *     owner that is killed elsewhere reaches green_scope_end by its own error
 *     paths.
 *
 * Mirrors trio's nursery, Go's errgroup, and structured concurrency in C++ and
 * Java.
 */
#ifndef GREENHUB_SCOPE_H
#define GREENHUB_SCOPE_H

#include <greenhub/base.h>
#include <greenhub/hub.h>
#include <greenhub/thread.h>

GREEN_BEGIN_DECLS

/* Lies on its owner's stack, from green_scope_begin to green_scope_end. */
struct green_scope {
    struct {
        struct green_cancel_scope cancel_scope; /* the library's */
        struct green_timer timer;
        struct green_list children;
        void *waiter; /* the owner's, while it waits for the children */
        unsigned drops;
        int error; /* the first one */
        bool stopped;
        void *reserved[2];
    } internal;
};

/*
 * Begins a scope; the calling greenthread is its owner. The scope is stopped
 * after `duration` (GREEN_FOREVER: never). *scope need not be initialised.
 * Scopes, timeouts and shields nest: end each in the function that began it,
 * before those that were begun earlier. If the owner finishes without ending
 * the scope, the library stops it and waits for its children; a debug build of
 * the library reports where the scope was begun, and aborts. greenhub/scoped.h
 * has scopes that end automatically with their block.
 * Returns 0, or -1: EINVAL for NULL or a negative duration, EBUSY if the scope
 * was begun and not ended (a debug build aborts), EDEADLK in a hub's callback.
 * Never switches.
 */
GREEN_API int green_scope_begin(struct green_scope *scope, green_time duration);

/*
 * Spawns a child of the scope: a greenthread that runs fn(arg). fn returns 0
 * for success, or -1 with errno for failure, which stops the scope (errno 0
 * counts as EIO).
 * Until the scope has ended, its owner and every other greenthread of the same
 * OS thread may call it, including the scope's own children.
 * Returns 0, or -1: EINVAL for NULL or a scope that has ended, ECANCELED if it
 * was stopped, and the errors of green_spawn. Never switches.
 */
GREEN_API int green_scope_spawn(struct green_scope *scope, int (*fn)(void *arg),
                                void *arg);

/*
 * Stops a scope: kills its children, and makes its owner's blocking calls fail
 * with ECANCELED until green_scope_end. Idempotent.
 * Returns 0, or -1: EINVAL for NULL or a scope that has ended. Never switches.
 * A hub's callback may call it.
 */
GREEN_API int green_scope_stop(struct green_scope *scope);

/*
 * Returns whether the scope was stopped, for whatever reason, also after it has
 * ended. This tells whether the scope caused an ECANCELED or ETIMEDOUT. False
 * for NULL. Never switches.
 */
GREEN_API bool green_scope_stopped(const struct green_scope *scope);

/*
 * Ends a scope: waits until all its children have finished, including their
 * green_at_exit functions. If the owner is killed or timed out during the wait,
 * the scope is stopped and the call continues to wait; the owner stays killed
 * or timed out.
 * Returns 0 if the scope was not stopped; or -1 with the first error:
 *   a child's errno     the child returned -1
 *   ECANCELED           a child was killed, green_scope_stop was called, the
 *                       owner was killed, or the children no longer exist:
 *                       dropped with their hub or by a fork
 *   ETIMEDOUT           the scope's time was over, or a timeout around it has
 *                       fired
 *   EDEADLK             the children could never end: see greenhub/thread.h
 *   EINVAL              NULL, or not the innermost of the caller's scopes,
 *                       timeouts and shields: nothing has ended
 * May switch. If a child blocks under a shield, the call waits for it.
 */
GREEN_API int green_scope_end(struct green_scope *scope);

GREEN_END_DECLS

#endif
