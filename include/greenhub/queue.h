/*
 * Queues, through which greenthreads of one OS thread pass pointers to each
 * other: first in, first out; last in, first out; or by priority. The rules of
 * greenhub/sync.h apply.
 */
#ifndef GREENHUB_QUEUE_H
#define GREENHUB_QUEUE_H

#include <greenhub/base.h>
#include <greenhub/sync.h>

GREEN_BEGIN_DECLS

/* As the limit of a queue: unbounded. */
#define GREEN_UNBOUNDED SIZE_MAX

/*
 * A queue of pointers. Putting waits while the queue holds `limit` items. With
 * limit 0 it never holds any: each put waits for a get.
 * All zero: first in, first out, with limit 0.
 */
struct green_queue {
    struct {
        void *entries;
        size_t allocated, head, length, limit;
        uint64_t sequence;
        int (*compare)(const void *a, const void *b);
        size_t unfinished;
        int error; /* with which it was closed; 0: it is open */
        uint8_t order;
        struct green_waiters getters, putters, joiners;
        void *reserved[2];
    } internal;
};

/*
 * Initialises an empty queue, first in, first out. limit is a number or
 * GREEN_UNBOUNDED. The queue allocates memory as it grows.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors eventlet.queue.Queue.
 */
GREEN_API int green_queue_init(struct green_queue *queue, size_t limit);

/*
 * Like green_queue_init, but last in, first out. Never switches.
 * Mirrors eventlet.queue.LifoQueue.
 */
GREEN_API int green_queue_init_lifo(struct green_queue *queue, size_t limit);

/*
 * Like green_queue_init, but by priority: an item precedes all others for which
 * compare(item, other) < 0. Of equal items, the one put first comes first.
 * compare must not switch. EINVAL also if compare is NULL. Never switches.
 * Mirrors eventlet.queue.PriorityQueue.
 */
GREEN_API int green_queue_init_priority(struct green_queue *queue, size_t limit,
                                        int (*compare)(const void *item,
                                                       const void *other));

/*
 * Closes a queue and frees its memory. Drain it first: items are not freed. All
 * waiters fail with EPIPE. NULL is allowed.
 * Cannot fail. Never switches.
 */
GREEN_API void green_queue_destroy(struct green_queue *queue);

/*
 * Puts an item, which may be NULL. Waits while the limit is reached.
 * Returns 0; or -1, and the item was not put: EINVAL for a NULL queue, EPIPE if
 * the queue is closed before or during the wait (after green_queue_fail: its
 * error), ENOMEM.
 * May switch. Mirrors Queue.put.
 */
GREEN_API int green_queue_put(struct green_queue *queue, void *item);

/*
 * Like green_queue_put, but does not wait: EAGAIN if the limit is reached; with
 * limit 0, if no greenthread waits to get. Never switches. Mirrors
 * Queue.put_nowait.
 */
GREEN_API int green_queue_try_put(struct green_queue *queue, void *item);

/*
 * Gets the next item in *item. Waits for one. A closed queue still gives out
 * the items that it holds.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if the queue is closed and empty
 * (after green_queue_fail: its error).
 * May switch. Mirrors Queue.get.
 */
GREEN_API int green_queue_get(struct green_queue *queue, void **item);

/*
 * Like green_queue_get, but does not wait: EAGAIN if there is no item. Never
 * switches.
 * Mirrors Queue.get_nowait.
 */
GREEN_API int green_queue_try_get(struct green_queue *queue, void **item);

/*
 * Closes a queue. Waiting puts and gets fail with EPIPE; so does every later
 * put, and every get once the queue is empty. Closing twice is allowed.
 * Returns 0, or -1: EINVAL for NULL. Never switches.
 * Mirrors queue.Queue.shutdown of Python.
 */
GREEN_API int green_queue_close(struct green_queue *queue);

/*
 * Like green_queue_close, with `error` in place of EPIPE, to say that the input
 * is incomplete. Puts fail at once; gets return the items that were put before,
 * and then fail. If a queue is closed several times, the first call counts.
 * `error` may be one that a put or get also has on its own account, such as
 * ETIMEDOUT or ECANCELED: green_queue_error tells the two apart.
 * Returns 0, or -1: EINVAL for NULL or an error that is not positive. Never
 * switches. From greenthreads of the queue's OS thread.
 */
GREEN_API int green_queue_fail(struct green_queue *queue, int error);

/*
 * Returns the error with which the queue was closed: EPIPE after
 * green_queue_close, the given error after green_queue_fail; 0 while the queue
 * is open, or for NULL. A put or get that fails with any other errno has failed
 * by itself: killed, timed out, out of memory.
 * Never switches. From greenthreads of the queue's OS thread.
 */
GREEN_API int green_queue_error(const struct green_queue *queue);

/*
 * Changes the limit. Waiting puts proceed as far as it allows. If the queue
 * holds more than the new limit, no item is lost.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM. After ENOMEM the new limit
 * applies, but some waiting puts proceed only later, as items are got. Never
 * switches.
 * Mirrors Queue.resize.
 */
GREEN_API int green_queue_resize(struct green_queue *queue, size_t limit);

/*
 * Says that the work on one item is done. Call it once for each item that was
 * got.
 * Returns 0, or -1: EINVAL for NULL, ERANGE if it was called more often than
 * items were put. Never switches. Mirrors Queue.task_done.
 */
GREEN_API int green_queue_task_done(struct green_queue *queue);

/*
 * Waits until every item that was put has been got and green_queue_task_done
 * has been called for it.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if the queue was destroyed.
 * May switch. Mirrors Queue.join.
 */
GREEN_API int green_queue_join(struct green_queue *queue);

/*
 * Returns how many items the queue holds; 0 for NULL. Never switches. Mirrors
 * Queue.qsize.
 */
GREEN_API size_t green_queue_length(const struct green_queue *queue);

/*
 * Returns how many greenthreads wait to get; 0 for NULL. Takes time in
 * proportion to that number.
 * Never switches. Mirrors Queue.getting.
 */
GREEN_API size_t green_queue_getting(const struct green_queue *queue);

/*
 * Returns how many greenthreads wait to put; 0 for NULL. Takes time in
 * proportion to that number.
 * Never switches. Mirrors Queue.putting.
 */
GREEN_API size_t green_queue_putting(const struct green_queue *queue);

GREEN_END_DECLS

#endif
