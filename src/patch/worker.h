/* Native calls on OS threads of a worker pool: only the greenthread waits. */
#ifndef GREEN_PATCH_WORKER_H
#define GREEN_PATCH_WORKER_H

#include <stdbool.h>

#include "sync/worker_pool.h"

/*
 * Runs fn(arg) on an OS thread, which may use the caller's memory: so the
 * greenthread waits until it has returned, also when it is killed or timed out.
 * Sets errno to fn's. False if there is no OS thread for it: then the caller
 * makes the call itself.
 */
bool green__on_worker(enum green__worker_pool pool, long (*fn)(void *arg),
                      void *arg);

#endif
