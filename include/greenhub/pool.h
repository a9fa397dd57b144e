/*
 * Many jobs, few at a time: a pool runs at most so many greenthreads at once, a
 * pile gives their results in the order of spawning, a map does so for a row of
 * items of any length, and a DAG starts each job when its inputs are there.
 *
 * Rules that hold for all of them:
 * - Places are given first come, first served; a newcomer never overtakes one who
 *   waits.
 * - A job spawned from within a job of the same pool, when the pool is full, runs
 *   then and there, in its spawner: waiting for a place could wait for itself.
 * - A call that may switch fails as greenhub/thread.h says: ECANCELED, ETIMEDOUT,
 *   EDEADLK. What was handed over before that stays handed over.
 * - They belong to one OS thread, are used by its greenthreads alone, and by none
 *   that has called green_use_hub or fork since they had something to do.
 */
#ifndef GREENHUB_POOL_H
#define GREENHUB_POOL_H

#include <greenhub/base.h>
#include <greenhub/sync.h>
#include <greenhub/thread.h>

GREEN_BEGIN_DECLS

/* ---- Pool ------------------------------------------------------------ */

/* The size of a pool that was not told otherwise. */
#define GREEN_POOL_SIZE 1000

/*
 * All zero: a pool for GREEN_POOL_SIZE greenthreads. Nothing is allocated, and
 * there is nothing to destroy; it stays in place while it has something to do.
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
 * A pool of this size. 0 is legal: all wait until it is resized. Nothing may be
 * running in it.
 * Returns 0, or -1 and EINVAL for NULL. Never switches.
 * Mirrors eventlet.GreenPool.
 */
GREEN_API int green_pool_init(struct green_pool *pool, size_t size);

/*
 * Spawns fn(arg) in the pool; waits for a place. What it returns is a greenthread
 * like green_spawn's, to be joined or detached, once. From within the pool, when
 * it is full, fn runs first, and then a greenthread with its result is returned.
 * Returns NULL: EINVAL if an argument is NULL, and errors as green_spawn.
 * May switch. Mirrors GreenPool.spawn.
 */
GREEN_API struct green_thread *green_pool_spawn(struct green_pool *pool,
                                                void *(*fn)(void *), void *arg);

/*
 * The same for what nobody joins. Returns 0, or -1 with errno as
 * green_pool_spawn. May switch. Mirrors GreenPool.spawn_n.
 */
GREEN_API int green_pool_spawn_n(struct green_pool *pool, void (*fn)(void *),
                                 void *arg);

/*
 * Changes the size. Those that are too many finish, and no others start until
 * enough have. Returns 0, or -1 and EINVAL for NULL.
 * Never switches. Mirrors GreenPool.resize.
 */
GREEN_API int green_pool_resize(struct green_pool *pool, size_t size);

/*
 * Waits until nothing runs in the pool. It returns 0 also if something has been
 * spawned again since it was woken.
 * Returns 0, or -1: EINVAL for NULL, EDEADLK from within the pool.
 * May switch. Mirrors GreenPool.waitall.
 */
GREEN_API int green_pool_wait(struct green_pool *pool);

/*
 * How many places are taken; 0 for NULL. Never switches.
 * Mirrors GreenPool.running.
 */
GREEN_API size_t green_pool_running(const struct green_pool *pool);

/*
 * How many places are free: below zero when the size was made smaller than what
 * runs. 0 for NULL. Never switches. Mirrors GreenPool.free.
 */
GREEN_API ptrdiff_t green_pool_free(const struct green_pool *pool);

/*
 * How many greenthreads wait for a place; 0 for NULL. Never switches.
 * Mirrors GreenPool.waiting.
 */
GREEN_API size_t green_pool_waiting(const struct green_pool *pool);

/* ---- Pile ------------------------------------------------------------ */

/*
 * Jobs whose results come in the order of spawning. Several piles may share a
 * pool. All zero: a pile with a pool of its own of GREEN_POOL_SIZE. It is ended
 * by green_pile_end, and stays in place until then.
 */
struct green_pile {
    struct {
        struct green_pool *pool; /* NULL: own */
        struct green_pool own;
        struct green_list entries; /* not taken yet, in order */
        size_t count, busy;        /* of them all, and of those not done */
        bool ending;
        struct green_waiters takers, enders;
        void *map; /* what produces the jobs, if it is a map */
        void *reserved[2];
    } internal;
};

/*
 * A pile on this pool; NULL for one of its own. Returns 0, or -1 and EINVAL for
 * NULL. Never switches. Mirrors eventlet.GreenPile.
 */
GREEN_API int green_pile_init(struct green_pile *pile, struct green_pool *pool);

/*
 * Spawns fn(arg) in the pile's pool; waits for a place.
 * Returns 0, or -1: EINVAL if an argument is NULL, EBUSY while a map runs,
 * ECANCELED if the pile is being ended; and errors as green_spawn.
 * May switch. Mirrors GreenPile.spawn.
 */
GREEN_API int green_pile_spawn(struct green_pile *pile, void *(*fn)(void *),
                               void *arg);

/*
 * Spawns fn(item) for each item that next gives, in a greenthread of its own. No
 * more results than the pool has places are ahead of green_pile_next, so that a
 * row without end may be mapped.
 *
 * next(source, &item) returns 1 with an item, 0 at the end, or -1 with errno,
 * which ends it too. It may block.
 *
 * Returns 0, or -1: EINVAL if pile, fn or next is NULL, EBUSY if a map runs
 * already, ECANCELED if the pile is being ended, and errors as green_spawn.
 * Never switches. Mirrors GreenPool.imap and starmap.
 */
GREEN_API int green_pile_map(struct green_pile *pile, void *(*fn)(void *item),
                             int (*next)(void *source, void **item),
                             void *source);

/*
 * Waits for the next result, in the order of spawning.
 * Returns 1 with it in *result (result may be NULL) and errno as fn left it, or
 * with GREEN_CANCELED for one whose fn never ran; 0 with errno 0 when nothing more
 * has been spawned, or with what a map's next has failed with (EIO, if that is 0),
 * once, in its place in the row; or -1, and the result is still there: EINVAL for
 * NULL, or as a killed or timed-out call.
 * May switch. Mirrors GreenPile.next.
 */
GREEN_API int green_pile_next(struct green_pile *pile, void **result);

/*
 * Ends a pile: kills the jobs that run, drops those that have not begun, waits
 * for all to finish, shielded, and calls drop, unless NULL, with each result that
 * was not taken. The pile is as if all zero then, but for its pool.
 * Returns 0, or -1: EINVAL for NULL; EDEADLK in a hub's callback. It must not be
 * called by one of the jobs. May switch.
 */
GREEN_API int green_pile_end(struct green_pile *pile,
                             void (*drop)(void *result));

/* ---- DAG ------------------------------------------------------------- */

/*
 * Jobs with names, that need each other's values: each starts when its inputs are
 * there. Names are copied; a name may be used as an input before anybody has
 * spawned or posted it. A job whose input fails does not run, and fails with the
 * same error.
 */
struct green_dag;

/*
 * Makes one that runs at most `limit` jobs at once; 0: all that can.
 * Returns it, or NULL and ENOMEM. Never switches. Mirrors eventlet.dagpool.DAGPool.
 */
GREEN_API struct green_dag *green_dag_create(size_t limit);

/*
 * Spawns a job under a name. inputs, ended by NULL, or NULL for none, are the
 * names of what it needs. When they have values, fn(dag, arg, &value) runs in a
 * greenthread: it gets at them by green_dag_get, and returns 0 with its value, or
 * -1 with errno (EIO, if that is 0).
 * Returns 0, or -1: EINVAL if dag, name or fn is NULL, EEXIST if there is such a
 * job or value already, ELOOP if it would wait for itself, ECANCELED if the DAG is
 * being destroyed, ENOMEM. Never switches. Mirrors DAGPool.spawn.
 */
GREEN_API int green_dag_spawn(
    struct green_dag *dag, const char *name, const char *const *inputs,
    int (*fn)(struct green_dag *dag, void *arg, void **value), void *arg);

/*
 * Gives a name its value, as if a job had. Returns 0, or -1: EINVAL if dag or name
 * is NULL, EEXIST if there is such a job or value, ENOMEM.
 * Never switches. Mirrors DAGPool.post.
 */
GREEN_API int green_dag_post(struct green_dag *dag, const char *name,
                             void *value);

/*
 * The same with an error, a positive errno, as if a job had failed with it. EINVAL
 * also if it is none. Never switches. Mirrors DAGPool.post of a PropagateError.
 */
GREEN_API int green_dag_fail(struct green_dag *dag, const char *name,
                             int error);

/*
 * A name's value in *value (value may be NULL), without waiting. Returns 0; 1 with
 * errno, if an error is in its place; or -1: EINVAL for NULL, EAGAIN if it is not
 * there yet. Never switches. Mirrors DAGPool.get.
 */
GREEN_API int green_dag_get(struct green_dag *dag, const char *name,
                            void **value);

/*
 * The same, but waits until it is there, also for a name that nobody has spawned
 * or posted yet. ENOMEM instead of EAGAIN. May switch. Mirrors DAGPool[name].
 */
GREEN_API int green_dag_wait(struct green_dag *dag, const char *name,
                             void **value);

/*
 * Waits for the next of all that have a value or an error, in the order in which
 * they got it; each is given once. *name lives as long as the DAG.
 * Returns 1 with *name, *value (both may be NULL) and errno 0, or for one that has
 * failed with *name and its error in errno; 0 when all have been given and no job
 * waits or runs; or -1, with *name NULL: EINVAL, or as a killed or timed-out call.
 * May switch. Mirrors DAGPool.wait_each.
 */
GREEN_API int green_dag_next(struct green_dag *dag, const char **name,
                             void **value);

/*
 * Waits until no job waits or runs. Jobs whose inputs nobody has spawned wait for
 * a green_dag_post.
 * Returns 0; 1 with the error of the first that failed in errno; or -1 for what is
 * the call's own: EINVAL for NULL.
 * May switch. Mirrors DAGPool.waitall.
 */
GREEN_API int green_dag_wait_all(struct green_dag *dag);

/*
 * The job or post by which a name has failed: its own name, or that of the input
 * from which the error came. NULL if it has not failed. The name lives as long as
 * the DAG. Never switches. Mirrors PropagateError.key.
 */
GREEN_API const char *green_dag_origin(struct green_dag *dag, const char *name);

/*
 * Kills a job. One that waits, for its inputs or its turn, fails with ECANCELED;
 * one that runs has its say, by what it returns.
 * Returns 0, or -1: EINVAL for NULL, ESRCH if there is no such job or it has
 * finished. Never switches. Mirrors DAGPool.kill.
 */
GREEN_API int green_dag_kill(struct green_dag *dag, const char *name);

/*
 * How many jobs run; 0 for NULL. Never switches. Mirrors DAGPool.running.
 */
GREEN_API size_t green_dag_running(const struct green_dag *dag);

/*
 * How many jobs wait for inputs or their turn; 0 for NULL. Never switches.
 * Mirrors DAGPool.waiting.
 */
GREEN_API size_t green_dag_waiting(const struct green_dag *dag);

/*
 * Kills all jobs, waits for those that run, shielded, and frees the DAG with its
 * names. Values are their users'. Nobody may be waiting for any of it. NULL is
 * nothing to be done.
 * Returns 0, or -1: EDEADLK in a hub's callback. May switch.
 */
GREEN_API int green_dag_destroy(struct green_dag *dag);

GREEN_END_DECLS

#endif
