/*
 * Scopes: greenthreads that belong to a stretch of code, and end before it does.
 *
 *     struct green_scope scope;
 *
 *     green_scope_begin(&scope, 5 * GREEN_SEC);
 *     green_scope_spawn(&scope, fetch, &left);
 *     green_scope_spawn(&scope, fetch, &right);
 *     if (green_scope_end(&scope) < 0)
 *         perror("one of them");
 *
 * green_scope_end waits for all that were spawned in the scope, children of
 * children too if they were spawned in it. The first that fails stops the others,
 * and its error is what green_scope_end returns. Nothing outlives its scope.
 *
 * To stop a scope is to kill its children, and to have the blocking calls of its
 * owner fail from there to green_scope_end. What stops it:
 *   - a child returns -1,
 *   - a child is killed by somebody else,
 *   - its time is over,
 *   - green_scope_stop,
 *   - its owner, while it waits in green_scope_end, is killed or timed out. A
 *     killed owner that does something else first comes there by its own error
 *     paths.
 *
 * Mirrors what trio calls a nursery, Go's errgroup, C++'s and Java's structured
 * concurrency.
 */
#ifndef GREENHUB_SCOPE_H
#define GREENHUB_SCOPE_H

#include <greenhub/base.h>
#include <greenhub/hub.h>
#include <greenhub/thread.h>

GREEN_BEGIN_DECLS

/* On the stack of its owner, from green_scope_begin to green_scope_end. */
struct green_scope {
    struct {
        struct green_cancel_scope region; /* the library's */
        struct green_timer timer;
        struct green_list children;
        void *waiter; /* the owner's, while it waits for the children */
        unsigned drops;
        int error; /* the first */
        bool stopped;
        void *reserved[2];
    } internal;
};

/*
 * Begins a scope, whose owner is the calling greenthread; it is stopped after
 * `duration` (GREEN_FOREVER: never). *scope need not be initialised. Scopes,
 * timeouts and shields nest in each other: each is ended in the function that
 * began it, before those that were begun earlier.
 * One that is left when its greenthread ends is stopped then, and its children are
 * waited for; a debug build of the library says where it was begun, and aborts.
 * greenhub/scoped.h has a form that is ended however its block is left.
 * Returns 0, or -1: EINVAL for NULL or a negative duration, EBUSY if it has been
 * begun and not ended (a debug build aborts), EDEADLK in a hub's callback. Never
 * switches.
 */
GREEN_API int green_scope_begin(struct green_scope *scope, green_time duration);

/*
 * Spawns a greenthread in the scope that runs fn(arg). fn returns 0, or -1 with
 * errno when it has failed, which stops the scope (with EIO, if errno is 0).
 * The owner may call it, and every greenthread of the same OS thread while the
 * scope has not ended, the scope's own children among them.
 * Returns 0, or -1: EINVAL for NULL or a scope that has ended, ECANCELED if it was
 * stopped, and errors as green_spawn. Never switches.
 */
GREEN_API int green_scope_spawn(struct green_scope *scope, int (*fn)(void *arg),
                                void *arg);

/*
 * Stops a scope: kills its children, and has its owner's blocking calls fail
 * with ECANCELED until green_scope_end. Stopping twice is stopping once.
 * Returns 0, or -1 and EINVAL: NULL, or a scope that has ended. Never switches.
 * A hub's callback may call it.
 */
GREEN_API int green_scope_stop(struct green_scope *scope);

/*
 * Whether it was stopped, for whatever reason, also after it has ended; tells
 * whose ECANCELED or ETIMEDOUT it was. False for NULL. Never switches.
 */
GREEN_API bool green_scope_stopped(const struct green_scope *scope);

/*
 * Ends a scope: waits until all its children have finished, green_at_exit
 * functions included. Killed or timed out while it waits, the owner stops them, and waits
 * on; afterwards it is killed or timed out as before.
 * Returns 0 when all is well; else -1 with what came first:
 *   a child's errno     it returned -1
 *   ECANCELED           a child was killed, green_scope_stop was called, or the
 *                       owner was killed; or the children are gone, dropped with
 *                       their hub or by a fork
 *   ETIMEDOUT           its time was over, or a timeout around it has fired
 *   EINVAL              NULL, or not the innermost of the caller's scopes,
 *                       timeouts and shields: nothing has ended
 * May switch. fn's that block under a shield are waited for as long as they do.
 */
GREEN_API int green_scope_end(struct green_scope *scope);

GREEN_END_DECLS

#endif
