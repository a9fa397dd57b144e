/*
 * A pool of resources that are expensive to make and can be reused, such as
 * connections. The pool makes them on demand, up to a limit, and keeps idle
 * ones for the next user. It destroys those that have been idle too long, are
 * too old, or are broken.
 */
#ifndef GREENHUB_RESOURCE_H
#define GREENHUB_RESOURCE_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

struct green_resource_pool;

/* The default size of a pool. */
#define GREEN_RESOURCE_POOL_SIZE 4

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_resource_options {
    /* Makes a resource. Returns NULL with errno if it fails. It may block.
     * Required. */
    void *(*create)(void *arg);
    /* Destroys a resource. The pool calls it in a greenthread of its own; it
     * may block. Default: does nothing. */
    void (*destroy)(void *resource, void *arg);
    void *arg;
    size_t size;           /* the most in use at once; default
                            * GREEN_RESOURCE_POOL_SIZE */
    green_time idle_limit; /* destroy after this idle time; default: never */
    green_time age_limit;  /* destroy when idle and this old; default: never */
    bool round_robin;      /* reuse the one idle for longest; default: the one
                            * put back last */
    uint64_t reserved[4];  /* must be zero */
};

/*
 * Makes a pool, but no resource yet. The options are copied.
 * Returns it, or NULL: EINVAL without create, or for a negative limit or a
 * reserved word that is not zero, ENOMEM, and the errors of green_get_hub.
 * Never switches.
 * Mirrors eventlet.pools.Pool.
 */
GREEN_API struct green_resource_pool *
green_resource_pool_create(const struct green_resource_options *options);

/*
 * Gets an idle resource, or a new one, for the caller alone until it is put
 * back or discarded. If as many are in use as the pool's size, waits for one,
 * first come, first served.
 * Returns it, or NULL: EINVAL for NULL, ENOMEM, the errors of create (the next
 * waiter then tries to create one), ECANCELED, ETIMEDOUT.
 * May switch. Mirrors Pool.get.
 */
GREEN_API void *green_resource_get(struct green_resource_pool *pool);

/*
 * Puts a resource back for the next user. Destroys it if it is too old, or if
 * the pool was made smaller.
 * Returns 0, or -1: EINVAL for NULL, ENOENT if the resource is not in use.
 * Never switches. Mirrors Pool.put.
 */
GREEN_API int green_resource_put(struct green_resource_pool *pool,
                                 void *resource);

/*
 * Like green_resource_put, for a broken resource: destroys it. Never switches.
 */
GREEN_API int green_resource_discard(struct green_resource_pool *pool,
                                     void *resource);

/*
 * Changes the size. Surplus resources are destroyed when they are idle.
 * Returns 0, or -1: EINVAL for NULL or size 0. Never switches.
 * Mirrors Pool.resize.
 */
GREEN_API int green_resource_pool_resize(struct green_resource_pool *pool,
                                         size_t size);

struct green_resource_stats {
    size_t size;
    size_t used; /* in use, or being made */
    size_t idle;
    size_t waiting;              /* greenthreads in green_resource_get */
    uint64_t created, destroyed; /* since the pool was made */
    uint64_t reserved[4];        /* zero */
};

/*
 * Fills in *stats with the pool's current numbers.
 * Returns 0, or -1: EINVAL for NULL.
 * Never switches. Mirrors Pool.free, Pool.waiting.
 */
GREEN_API int green_resource_pool_stats(const struct green_resource_pool *pool,
                                        struct green_resource_stats *stats);

/*
 * Destroys a pool and its idle resources, and waits until that is done,
 * shielded. NULL is allowed and does nothing.
 * Returns 0; or -1, and nothing is changed: EBUSY while a resource is in use or
 * a greenthread waits for one, EDEADLK in a hub's callback. May switch.
 */
GREEN_API int green_resource_pool_destroy(struct green_resource_pool *pool);

GREEN_END_DECLS

#endif
