/*
 * Regions: timeouts, shields and scopes, on a greenthread's stack, linked from the
 * innermost outwards. What has fired makes blocking calls in it fail with its error
 * until it is left; a shield keeps that off.
 */
#ifndef GREEN_CANCEL_SCOPE_H
#define GREEN_CANCEL_SCOPE_H

#include "greenthread/thread.h"

/*
 * The calling greenthread enters one. `end` leaves one that was forgotten. 0, or -1
 * with EDEADLK in a callback, EBUSY if it is in it already.
 */
int green__cancel_scope_enter(struct green_cancel_scope *region,
                              enum green__cancel_scope_kind kind,
                              void (*end)(struct green_cancel_scope *region),
                              void *begun_at);

/* It leaves its innermost. 0, or -1 with EINVAL if it is another, or not of that
 * kind. `error` stays. */
int green__cancel_scope_leave(struct green_cancel_scope *region,
                              enum green__cancel_scope_kind kind);

/* It has fired. Idempotent. */
void green__cancel_scope_fire(struct green_cancel_scope *region, int error);

/* Ends those in which a greenthread still is when its function has returned. */
void green__cancel_scopes_end(struct green_thread *thread);

/* A kill or a timeout has come: it ends the park, or the next call. */
void green__alarm(struct green_thread *thread);

#endif
