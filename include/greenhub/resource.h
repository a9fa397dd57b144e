/*
 * A pool of things that are dear to make and can be used again: connections, say.
 * They are made on demand, up to a limit, wait idle for the next user, and are
 * destroyed when they have been idle too long, are too old, or are broken.
 */
#ifndef GREENHUB_RESOURCE_H
#define GREENHUB_RESOURCE_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

struct green_resource_pool;

/* The size of a pool that was not told otherwise. */
#define GREEN_RESOURCE_POOL_SIZE 4

/* Zero-initialise it; 0 and NULL mean the defaults. */
struct green_resource_options {
    /* Makes one: not NULL, or NULL with errno. It may block. Required. */
    void *(*create)(void *arg);
    /* Destroys one, in a greenthread of the pool's; it may block. NULL: there is
     * nothing to be done. */
    void (*destroy)(void *resource, void *arg);
    void *arg;
    size_t size;           /* in use at once; GREEN_RESOURCE_POOL_SIZE */
    green_time idle_limit; /* destroyed when idle for so long; never */
    green_time age_limit;  /* destroyed when idle and so old; never */
    bool round_robin;      /* the one that was idle longest is used next, not
                            * the one that was put back last */
    uint64_t reserved[4];  /* must be zero */
};

/*
 * Makes a pool; the options are copied. Nothing is created yet.
 * Returns it, or NULL: EINVAL without create, for a negative limit or a reserved word
 * that is not zero, ENOMEM, and what green_get_hub fails with. Never switches.
 * Mirrors eventlet.pools.Pool.
 */
GREEN_API struct green_resource_pool *
green_resource_pool_create(const struct green_resource_options *options);

/*
 * Gets one, for the caller alone until it is put back or discarded: an idle one, or
 * a new one; waits while as many as the pool has are in use, first come, first
 * served.
 * Returns it, or NULL: EINVAL for NULL, ENOMEM, what create fails with (the next
 * who waits tries in its turn), ECANCELED, ETIMEDOUT.
 * May switch. Mirrors Pool.get.
 */
GREEN_API void *green_resource_get(struct green_resource_pool *pool);

/*
 * Puts one back, for the next; destroys it when it is too old, or the pool was made
 * smaller. Returns 0, or -1: EINVAL for NULL, ENOENT if it is not in use.
 * Never switches. Mirrors Pool.put.
 */
GREEN_API int green_resource_put(struct green_resource_pool *pool,
                                 void *resource);

/*
 * The same for a broken one: it is destroyed. Never switches.
 */
GREEN_API int green_resource_discard(struct green_resource_pool *pool,
                                     void *resource);

/*
 * Changes the size. Those that are too many are destroyed when they are idle.
 * Returns 0, or -1: EINVAL for NULL or no size. Never switches.
 * Mirrors Pool.resize.
 */
GREEN_API int green_resource_pool_resize(struct green_resource_pool *pool,
                                         size_t size);

struct green_resource_stats {
    size_t size;
    size_t used; /* or being made */
    size_t idle;
    size_t waiting;              /* greenthreads in green_resource_get */
    uint64_t created, destroyed; /* ever */
    uint64_t reserved[4];        /* zero */
};

/*
 * What the pool is doing now. Returns 0, or -1 and EINVAL for NULL.
 * Never switches. Mirrors Pool.free, Pool.waiting.
 */
GREEN_API int green_resource_pool_stats(const struct green_resource_pool *pool,
                                        struct green_resource_stats *stats);

/*
 * Destroys a pool with all that is idle, and waits until that is done, shielded.
 * NULL is nothing to be done.
 * Returns 0, or -1 and nothing is changed: EBUSY while one is in use or waited for,
 * EDEADLK in a hub's callback. May switch.
 */
GREEN_API int green_resource_pool_destroy(struct green_resource_pool *pool);

GREEN_END_DECLS

#endif
