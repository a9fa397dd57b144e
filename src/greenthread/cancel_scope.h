/*
 * Cancel scopes: timeouts, shields, green_scope and idle regions, on a greenthread's stack,
 * linked from the innermost outwards. Once a cancel scope has fired, blocking
 * calls in it fail with its error until it is left; inside a shield they do
 * not.
 */
#ifndef GREEN_CANCEL_SCOPE_H
#define GREEN_CANCEL_SCOPE_H

#include "greenthread/thread.h"

/*
 * The calling greenthread enters a cancel scope. The library calls `end` to
 * leave a scope that the program forgot. Returns 0, or -1 with EDEADLK in a
 * callback, EBUSY if the greenthread is in this scope already.
 */
int green__cancel_scope_enter(struct green_cancel_scope *scope,
                              enum green__cancel_scope_kind kind,
                              void (*end)(struct green_cancel_scope *scope),
                              void *begun_at);

/* The calling greenthread leaves its innermost scope. Returns 0, or -1 with
 * EINVAL if `scope` is not the innermost or not of that kind. Keeps `error`. */
int green__cancel_scope_leave(struct green_cancel_scope *scope,
                              enum green__cancel_scope_kind kind);

/* Fires a scope with `error`. Idempotent. */
void green__cancel_scope_fire(struct green_cancel_scope *scope, int error);

/* Ends the scopes that a greenthread has not left when its function returns. */
void green__cancel_scopes_end(struct green_thread *thread);

/* Handles a kill or timeout: ends the greenthread's park, or fails its next
 * call. */
void green__alarm(struct green_thread *thread);

#endif
