/*
 * Running many jobs, a limited number at once:
 * - A pool limits how many of its greenthreads run at once.
 * - A pile returns the results of jobs in the order of spawning.
 * - A map is a pile whose jobs come from a sequence of items of any length.
 * - A DAG starts each job when its inputs are available.
 *
 * Rules for all of them:
 * - Places in a pool are given first come, first served: a newcomer never
 *   overtakes a waiter.
 * - If a job spawns into its own pool and the pool is full, the new job runs
 *   immediately, inside the call of its spawner. If the spawner waited, it
 *   might wait for its own place.
 * - A call that may switch also fails with ECANCELED, ETIMEDOUT and EDEADLK, as
 *   greenhub/thread.h says. If a waiter is given its place or result before it
 *   is killed or timed out, its call succeeds.
 * - An object belongs to one OS thread, and only that thread's greenthreads may
 *   use it. After green_use_hub, or in a forked child, do not use an object
 *   that had something to do before.
 */
#ifndef GREENHUB_POOL_H
#define GREENHUB_POOL_H

#include <greenhub/base.h>
#include <greenhub/sync.h>
#include <greenhub/thread.h>

GREEN_BEGIN_DECLS

/* ---- Pool ------------------------------------------------------------ */

/* The default size of a pool. */
#define GREEN_POOL_SIZE 1000

/*
 * All zero: a pool for GREEN_POOL_SIZE greenthreads. It allocates nothing and
 * needs no clean-up. It must stay in place while it has something to do.
 */
struct green_pool {
    struct {
        size_t size;
        bool sized; /* else GREEN_POOL_SIZE */
        size_t running, waiting;
        struct green_waiters spawners, idlers;
        void *reserved[2];
    } internal;
};

/*
 * Initialises a pool of this size. Size 0 is allowed: all spawns wait until it
 * is resized. No greenthread may be running in the pool.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors eventlet.GreenPool.
 */
GREEN_API int green_pool_init(struct green_pool *pool, size_t size);

/*
 * Spawns fn(arg) in the pool. Waits for a place. If the pool is full and the
 * caller is one of its greenthreads, the call runs fn itself and returns a
 * finished greenthread with fn's result.
 * Returns a greenthread like green_spawn's, to be joined or detached, once; or
 * NULL: EINVAL if an argument is NULL, and the errors of green_spawn.
 * May switch. Mirrors GreenPool.spawn.
 */
GREEN_API struct green_thread *green_pool_spawn(struct green_pool *pool,
                                                void *(*fn)(void *), void *arg);

/*
 * Like green_pool_spawn, for a greenthread that is never joined.
 * Returns 0, or -1 with the errors of green_pool_spawn. May switch. Mirrors
 * GreenPool.spawn_n.
 */
GREEN_API int green_pool_spawn_n(struct green_pool *pool, void (*fn)(void *),
                                 void *arg);

/*
 * Changes the size. If more greenthreads run than the new size allows, they
 * continue, and new ones start only when enough have finished.
 * Returns 0, or -1: EINVAL for NULL.
 * Never switches. Mirrors GreenPool.resize.
 */
GREEN_API int green_pool_resize(struct green_pool *pool, size_t size);

/*
 * Waits until no greenthread runs in the pool. It returns 0 even if another one
 * was spawned after this call was woken.
 * Returns 0, or -1: EINVAL for NULL, EDEADLK from within the pool.
 * May switch. Mirrors GreenPool.waitall.
 */
GREEN_API int green_pool_wait(struct green_pool *pool);

/*
 * Returns how many places are taken; 0 for NULL. Never switches.
 * Mirrors GreenPool.running.
 */
GREEN_API size_t green_pool_running(const struct green_pool *pool);

/*
 * Returns how many places are free; 0 for NULL. It is negative if the size was
 * reduced below the number of running greenthreads. Never switches. Mirrors
 * GreenPool.free.
 */
GREEN_API ptrdiff_t green_pool_free(const struct green_pool *pool);

/*
 * Returns how many greenthreads wait for a place; 0 for NULL. Never switches.
 * Mirrors GreenPool.waiting.
 */
GREEN_API size_t green_pool_waiting(const struct green_pool *pool);

/* ---- Pile ------------------------------------------------------------ */

/*
 * Jobs whose results come in the order of spawning. Several piles may share a
 * pool. All zero: a pile with its own pool of GREEN_POOL_SIZE places. It must
 * stay in place until green_pile_end ends it.
 */
struct green_pile {
    struct {
        struct green_pool *pool; /* NULL: own */
        struct green_pool own;
        struct green_list entries; /* not taken yet, in order */
        size_t count, busy;        /* of all entries; of unfinished ones */
        bool ending;
        struct green_waiters takers, enders;
        void *map; /* the producer of the jobs, if this is a map */
        void *reserved[2];
    } internal;
};

/*
 * Initialises a pile on this pool; with NULL, on a pool of its own.
 * Returns 0, or -1: EINVAL if pile is NULL. Never switches. Mirrors
 * eventlet.GreenPile.
 */
GREEN_API int green_pile_init(struct green_pile *pile, struct green_pool *pool);

/*
 * Spawns fn(arg) in the pile's pool. Waits for a place.
 * Returns 0, or -1: EINVAL if an argument is NULL, EBUSY while a map runs,
 * ECANCELED if the pile is being ended, and the errors of green_spawn.
 * May switch. Mirrors GreenPile.spawn.
 */
GREEN_API int green_pile_spawn(struct green_pile *pile, void *(*fn)(void *),
                               void *arg);

/*
 * Spawns fn(item) in the pile's pool for each item that next returns. A
 * separate greenthread calls next, which may block. The map runs ahead of
 * green_pile_next by at most as many results as the pool has places, so the
 * sequence of items may be endless.
 *
 * next(source, &item) returns 1 with an item, 0 at the end, or -1 with errno;
 * -1 ends the sequence, too.
 *
 * Returns 0, or -1: EINVAL if pile, fn or next is NULL, EBUSY if a map is
 * already running, ECANCELED if the pile is being ended, and the errors of
 * green_spawn.
 * Never switches. Mirrors GreenPool.imap and starmap.
 */
GREEN_API int green_pile_map(struct green_pile *pile, void *(*fn)(void *item),
                             int (*next)(void *source, void **item),
                             void *source);

/*
 * Waits for the next result, in the order of spawning. result may be NULL.
 * Returns
 *    1  with the result in *result and errno as fn left it; *result is
 *       GREEN_CANCELED if fn never ran
 *    0  with errno 0: nothing more has been spawned
 *    0  with another errno: the map's next failed with it (EIO, if next left
 *       0). Returned once, after the results of the items before it
 *   -1  and the result can still be taken: EINVAL for NULL, or the errors of a
 *       killed or timed-out call
 * May switch. Mirrors GreenPile.next.
 */
GREEN_API int green_pile_next(struct green_pile *pile, void **result);

/*
 * Ends a pile: kills the running jobs, drops those that have not begun, waits
 * for all to finish, shielded, and calls drop, unless it is NULL, with each
 * result that was not taken. The pile is then as if all zero, but keeps its
 * pool.
 * Returns 0, or -1: EINVAL if pile is NULL, EDEADLK in a hub's callback. A job
 * of the pile must not call it. May switch.
 */
GREEN_API int green_pile_end(struct green_pile *pile,
                             void (*drop)(void *result));

/* ---- DAG ------------------------------------------------------------- */

/*
 * Named jobs that need each other's values (a directed acyclic graph). Each job
 * starts when its inputs are available. Names are copied. A name may be used as
 * an input before it is spawned or posted. A job whose input fails does not
 * run; it fails with the same error.
 */
struct green_dag;

/*
 * Makes a DAG that runs at most `limit` jobs at once; 0: no limit.
 * Returns it, or NULL: ENOMEM. Never switches. Mirrors
 * eventlet.dagpool.DAGPool.
 */
GREEN_API struct green_dag *green_dag_create(size_t limit);

/*
 * Spawns a job under a name. inputs lists the names of the values that it
 * needs, ended by NULL; inputs is NULL if there are none. When all have values,
 * fn(dag, arg, &value) runs in a greenthread. It reads the inputs with
 * green_dag_get and returns 0 with its value, or -1 with errno (0 counts as
 * EIO).
 * Returns 0, or -1: EINVAL if dag, name or fn is NULL, EEXIST if the name
 * already has a job or a value, ELOOP if the job would wait for itself,
 * ECANCELED if the DAG is being destroyed, ENOMEM. Never switches. Mirrors
 * DAGPool.spawn.
 */
GREEN_API int green_dag_spawn(
    struct green_dag *dag, const char *name, const char *const *inputs,
    int (*fn)(struct green_dag *dag, void *arg, void **value), void *arg);

/*
 * Gives a name its value, as a job of that name would.
 * Returns 0, or -1: EINVAL if dag or name is NULL, EEXIST if the name already
 * has a job or a value, ENOMEM.
 * Never switches. Mirrors DAGPool.post.
 */
GREEN_API int green_dag_post(struct green_dag *dag, const char *name,
                             void *value);

/*
 * Like green_dag_post, with an error in place of a value, as if the job had
 * failed with it. EINVAL also if error is not positive. Never switches. Mirrors
 * DAGPool.post of a PropagateError.
 */
GREEN_API int green_dag_fail(struct green_dag *dag, const char *name,
                             int error);

/*
 * Gets a name's value in *value, without waiting. value may be NULL.
 * Returns 0; 1 with the name's error in errno, if it has failed; or -1: EINVAL
 * for NULL, EAGAIN if it has no value yet. Never switches. Mirrors DAGPool.get.
 */
GREEN_API int green_dag_get(struct green_dag *dag, const char *name,
                            void **value);

/*
 * Like green_dag_get, but waits for the value, even if the name has not been
 * spawned or posted yet. ENOMEM replaces EAGAIN. May switch. Mirrors
 * DAGPool[name].
 */
GREEN_API int green_dag_wait(struct green_dag *dag, const char *name,
                             void **value);

/*
 * Waits for the next name that gets a value or an error, and returns each name
 * once, in the order in which they got it. *name is valid as long as the DAG.
 * name and value may be NULL. Returns
 *    1  with *name, *value and errno 0; or, if the name has failed, with *name
 *       and its error in errno
 *    0  all have been returned, and no job waits or runs
 *   -1  with *name NULL: EINVAL, or the errors of a killed or timed-out call
 * May switch. Mirrors DAGPool.wait_each.
 */
GREEN_API int green_dag_next(struct green_dag *dag, const char **name,
                             void **value);

/*
 * Waits until no job waits or runs. A job whose input was never spawned waits
 * until green_dag_post posts that input.
 * Returns 0; 1 with the first failed job's error in errno; or -1 for an error
 * of the call itself: EINVAL for NULL.
 * May switch. Mirrors DAGPool.waitall.
 */
GREEN_API int green_dag_wait_all(struct green_dag *dag);

/*
 * Returns the name of the job or post whose error made this name fail: the name
 * itself or one of its inputs. Returns NULL if the name has not failed. The
 * returned name is valid as long as the DAG. Never switches. Mirrors
 * PropagateError.key.
 */
GREEN_API const char *green_dag_origin(struct green_dag *dag, const char *name);

/*
 * Kills a job. A job that waits, for inputs or for its turn, fails with
 * ECANCELED. The outcome of a running job is still what fn returns.
 * Returns 0, or -1: EINVAL for NULL, ESRCH if there is no such job or it has
 * finished. Never switches. Mirrors DAGPool.kill.
 */
GREEN_API int green_dag_kill(struct green_dag *dag, const char *name);

/*
 * Returns how many jobs run; 0 for NULL. Never switches. Mirrors
 * DAGPool.running.
 */
GREEN_API size_t green_dag_running(const struct green_dag *dag);

/*
 * Returns how many jobs wait for inputs or for their turn; 0 for NULL. Never
 * switches.
 * Mirrors DAGPool.waiting.
 */
GREEN_API size_t green_dag_waiting(const struct green_dag *dag);

/*
 * Kills all jobs, waits for the running ones, shielded, and frees the DAG and
 * its names. It does not free values. No greenthread may be waiting for the
 * DAG. NULL is allowed and does nothing.
 * Returns 0, or -1: EDEADLK in a hub's callback. May switch.
 */
GREEN_API int green_dag_destroy(struct green_dag *dag);

GREEN_END_DECLS

#endif
