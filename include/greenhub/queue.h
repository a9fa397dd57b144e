/*
 * Queues: greenthreads of one OS thread hand pointers to each other, in the order
 * of coming, the reverse, or by priority. The rules of greenhub/sync.h hold.
 */
#ifndef GREENHUB_QUEUE_H
#define GREENHUB_QUEUE_H

#include <greenhub/base.h>
#include <greenhub/sync.h>

GREEN_BEGIN_DECLS

/* As a limit: none. */
#define GREEN_UNBOUNDED SIZE_MAX

/*
 * A queue of pointers. With a limit, putting waits while so many are in it. With
 * the limit 0 nothing is ever in it: putting waits until somebody gets.
 * All zero: first in, first out, with the limit 0.
 */
struct green_queue {
    struct {
        void *entries;
        size_t allocated, head, length, limit;
        uint64_t sequence;
        int (*compare)(const void *a, const void *b);
        size_t unfinished;
        int error; /* what it was closed with; 0: it is open */
        uint8_t order;
        struct green_waiters getters, putters, joiners;
        void *reserved[2];
    } internal;
};

/*
 * An empty queue, first in, first out; limit: 0, a number, or GREEN_UNBOUNDED.
 * Memory is taken as the queue grows.
 * Returns 0, or -1 and EINVAL for NULL. Never switches.
 * Mirrors eventlet.queue.Queue.
 */
GREEN_API int green_queue_init(struct green_queue *queue, size_t limit);

/*
 * The same, last in, first out. Never switches.
 * Mirrors eventlet.queue.LifoQueue.
 */
GREEN_API int green_queue_init_lifo(struct green_queue *queue, size_t limit);

/*
 * The same, by priority: the item comes first for which compare(item, other) < 0
 * with all others, and of equal ones that which was put first. compare must not
 * switch. EINVAL also without compare. Never switches.
 * Mirrors eventlet.queue.PriorityQueue.
 */
GREEN_API int green_queue_init_priority(struct green_queue *queue, size_t limit,
                                        int (*compare)(const void *item,
                                                       const void *other));

/*
 * Closes a queue and gives its memory back; what is in it is the caller's to care
 * for before. All who wait fail with EPIPE. NULL is legal.
 * Cannot fail. Never switches.
 */
GREEN_API void green_queue_destroy(struct green_queue *queue);

/*
 * Puts an item; waits while the limit is reached. item may be NULL.
 * Returns 0, or -1 and it was not put: EINVAL for a NULL queue, EPIPE if the
 * queue is closed, now or while it waited (green_queue_fail: its error), ENOMEM.
 * May switch. Mirrors Queue.put.
 */
GREEN_API int green_queue_put(struct green_queue *queue, void *item);

/*
 * The same without waiting: EAGAIN if the limit is reached; with the limit 0, if
 * nobody waits to get. Never switches. Mirrors Queue.put_nowait.
 */
GREEN_API int green_queue_try_put(struct green_queue *queue, void *item);

/*
 * Gets the next item in *item; waits for one. The items that a closed queue holds
 * are still given out.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if the queue is closed and empty
 * (green_queue_fail: its error).
 * May switch. Mirrors Queue.get.
 */
GREEN_API int green_queue_get(struct green_queue *queue, void **item);

/*
 * The same without waiting: EAGAIN if there is none. Never switches.
 * Mirrors Queue.get_nowait.
 */
GREEN_API int green_queue_try_get(struct green_queue *queue, void **item);

/*
 * No item can be put any more: all who wait fail with EPIPE, and whoever gets
 * when the queue is empty. Closing twice is no error.
 * Returns 0, or -1 and EINVAL for NULL. Never switches.
 * Mirrors queue.Queue.shutdown of Python.
 */
GREEN_API int green_queue_close(struct green_queue *queue);

/*
 * The same, with `error` in the place of EPIPE: what was put is not all that was
 * to come. Those who put fail at once; those who get are given what was put
 * before, and then fail. Of several calls that close a queue the first counts.
 * An error that getting and putting have by themselves as well, such as ETIMEDOUT
 * or ECANCELED, is told apart by green_queue_error.
 * Returns 0, or -1 and EINVAL for NULL or an error that is not positive. Never
 * switches. From greenthreads of the queue's OS thread.
 */
GREEN_API int green_queue_fail(struct green_queue *queue, int error);

/*
 * What the queue was closed with: EPIPE after green_queue_close, the error of
 * green_queue_fail; 0 while it is open, or for NULL. Getting or putting that has
 * failed with another errno has failed by itself: killed, timed out, out of memory.
 * Never switches. From greenthreads of the queue's OS thread.
 */
GREEN_API int green_queue_error(const struct green_queue *queue);

/*
 * Sets another limit. Those who wait to put come in as far as it allows; if it is
 * lower than what is in the queue, nothing is lost.
 * Returns 0, or -1: EINVAL for NULL, ENOMEM: the limit is set, but not all who
 * could are in yet; they come in as others get. Never switches.
 * Mirrors Queue.resize.
 */
GREEN_API int green_queue_resize(struct green_queue *queue, size_t limit);

/*
 * Says that an item that was got has been dealt with, once for each.
 * Returns 0, or -1: EINVAL for NULL, ERANGE if it was said more often than items
 * were put. Never switches. Mirrors Queue.task_done.
 */
GREEN_API int green_queue_task_done(struct green_queue *queue);

/*
 * Waits until all that was put has been got and dealt with.
 * Returns 0, or -1: EINVAL for NULL, EPIPE if the queue was destroyed.
 * May switch. Mirrors Queue.join.
 */
GREEN_API int green_queue_join(struct green_queue *queue);

/*
 * How many items are in it; 0 for NULL. Never switches. Mirrors Queue.qsize.
 */
GREEN_API size_t green_queue_length(const struct green_queue *queue);

/*
 * How many greenthreads wait to get; 0 for NULL. Counts them one by one.
 * Never switches. Mirrors Queue.getting.
 */
GREEN_API size_t green_queue_getting(const struct green_queue *queue);

/*
 * How many greenthreads wait to put; 0 for NULL. Counts them one by one.
 * Never switches. Mirrors Queue.putting.
 */
GREEN_API size_t green_queue_putting(const struct green_queue *queue);

GREEN_END_DECLS

#endif
