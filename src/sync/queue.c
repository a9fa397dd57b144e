/*
 * A queue. Getters wait only while it is empty, putters only while it is full,
 * so never both. A putter gives its item straight to a waiting getter.
 */
#include <greenhub/queue.h>

#include "sync/store.h"
#include "sync/waiters.h"

struct queue_place {
    struct green_place place;
    void *item; /* to put, or got */
    int error;  /* the queue's error while waiting, or 0 */
};

static const struct green__wait_kind putting = {.name = "queue to put",
                                                .inside = true};
static const struct green__wait_kind getting = {.name = "queue to get",
                                                .inside = true};
static const struct green__wait_kind joining = {.name = "queue to be done",
                                                .inside = true};

static inline struct queue_place *take_queue_place(struct green_waiters *line)
{
    return container_of(green__line_take(line), struct queue_place, place);
}

/* ---- Making and end -------------------------------------------------- */

static int init(struct green_queue *queue, size_t limit,
                enum green__order order,
                int (*compare)(const void *a, const void *b))
{
    if (!queue || (order == GREEN__PRIORITY && !compare))
        return green__refuse(EINVAL);
    *queue = (struct green_queue){
        .internal = {.limit = limit,
                     .order = (uint8_t)order,
                     .compare = compare},
    };
    return 0;
}

int green_queue_init(struct green_queue *queue, size_t limit)
{
    return init(queue, limit, GREEN__FIFO, NULL);
}

int green_queue_init_lifo(struct green_queue *queue, size_t limit)
{
    return init(queue, limit, GREEN__LIFO, NULL);
}

int green_queue_init_priority(struct green_queue *queue, size_t limit,
                              int (*compare)(const void *item,
                                             const void *other))
{
    return init(queue, limit, GREEN__PRIORITY, compare);
}

static void refuse_all(struct green_waiters *line, int error)
{
    while (!green__line_empty(line)) {
        struct queue_place *waiter = take_queue_place(line);

        waiter->error = error;
        green__line_wake(&waiter->place);
    }
}

int green_queue_fail(struct green_queue *queue, int error)
{
    if (!queue || error <= 0)
        return green__refuse(EINVAL);
    if (queue->internal.error)
        return 0;
    queue->internal.error = error;
    refuse_all(&queue->internal.putters, error);
    refuse_all(&queue->internal.getters, error);
    return 0;
}

int green_queue_close(struct green_queue *queue)
{
    return green_queue_fail(queue, EPIPE);
}

int green_queue_error(const struct green_queue *queue)
{
    return queue ? queue->internal.error : 0;
}

void green_queue_destroy(struct green_queue *queue)
{
    if (!queue)
        return;
    green_queue_close(queue);
    refuse_all(&queue->internal.joiners, EPIPE);
    green__store_free(queue);
}

/* ---- Put ------------------------------------------------------------- */

static inline bool is_full(const struct green_queue *queue)
{
    return queue->internal.length >= queue->internal.limit &&
           green__line_empty(&queue->internal.getters);
}

/* Static, since the compiler may not inline one exported function into
 * another. */
static inline int put_now(struct green_queue *queue, void *item)
{
    if (green__unlikely(queue->internal.error))
        return green__refuse(queue->internal.error);
    if (!green__line_empty(&queue->internal.getters)) {
        struct queue_place *getter = take_queue_place(&queue->internal.getters);

        getter->item = item;
        green__line_wake(&getter->place);
    } else if (green__unlikely(green__store_put(queue, item) < 0)) {
        return -1;
    }
    queue->internal.unfinished++;
    return 0;
}

int green_queue_try_put(struct green_queue *queue, void *item)
{
    if (!queue)
        return green__refuse(EINVAL);
    if (is_full(queue) && !queue->internal.error)
        return green__refuse(EAGAIN);
    return put_now(queue, item);
}

int green_queue_put(struct green_queue *queue, void *item)
{
    struct queue_place here;

    if (green__unlikely(!queue))
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (!is_full(queue) || queue->internal.error)
        return green__call_done(put_now(queue, item));
    here.item = item;
    here.error = 0;
    if (green__unlikely(green__line_wait(&queue->internal.putters, &here.place,
                                         &putting) < 0))
        return -1;
    return green__unlikely(here.error) ? green__refuse(here.error) : 0;
}

/* Stores the first waiting putter's item. Returns 0, or -1 with ENOMEM. */
static int admit(struct green_queue *queue)
{
    struct queue_place *putter;

    putter =
        container_of(queue->internal.putters.first, struct queue_place, place);
    if (green__store_put(queue, putter->item) < 0)
        return -1;
    queue->internal.unfinished++;
    green__line_take(&queue->internal.putters);
    green__line_wake(&putter->place);
    return 0;
}

int green_queue_resize(struct green_queue *queue, size_t limit)
{
    if (!queue)
        return green__refuse(EINVAL);
    queue->internal.limit = limit;
    while (!green__line_empty(&queue->internal.putters) &&
           queue->internal.length < limit)
        if (admit(queue) < 0)
            return -1;
    return 0;
}

/* ---- Get ------------------------------------------------------------- */

/* With a limit of 0: takes the item straight from the first waiting putter. */
static void *get_from_putter(struct green_queue *queue)
{
    struct queue_place *putter = take_queue_place(&queue->internal.putters);

    queue->internal.unfinished++;
    green__line_wake(&putter->place);
    return putter->item;
}

int green_queue_try_get(struct green_queue *queue, void **item)
{
    if (green__unlikely(!queue || !item))
        return green__refuse(EINVAL);
    if (queue->internal.length > 0) {
        *item = green__store_get(queue);
        /* Cannot fail: the item just taken left room. */
        if (!green__line_empty(&queue->internal.putters) &&
            queue->internal.length < queue->internal.limit)
            admit(queue);
        return 0;
    }
    if (!green__line_empty(&queue->internal.putters)) {
        *item = get_from_putter(queue);
        return 0;
    }
    return green__refuse(queue->internal.error ? queue->internal.error
                                               : EAGAIN);
}

static inline bool nothing_to_get(const struct green_queue *queue)
{
    return queue->internal.length == 0 && !queue->internal.error &&
           green__line_empty(&queue->internal.putters);
}

int green_queue_get(struct green_queue *queue, void **item)
{
    struct queue_place here;

    if (green__unlikely(!queue || !item))
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (!nothing_to_get(queue))
        return green__call_done(green_queue_try_get(queue, item));
    here.error = 0;
    if (green__unlikely(green__line_wait(&queue->internal.getters, &here.place,
                                         &getting) < 0))
        return -1;
    if (green__unlikely(here.error))
        return green__refuse(here.error);
    /* NOLINTNEXTLINE(clang-analyzer-core.uninitialized.*): set by the waker */
    *item = here.item;
    return 0;
}

/* ---- Counting -------------------------------------------------------- */

int green_queue_task_done(struct green_queue *queue)
{
    if (!queue)
        return green__refuse(EINVAL);
    if (queue->internal.unfinished == 0)
        return green__refuse(ERANGE);
    if (--queue->internal.unfinished == 0)
        green__line_wake_all(&queue->internal.joiners);
    return 0;
}

int green_queue_join(struct green_queue *queue)
{
    struct queue_place here;

    if (!queue)
        return green__refuse(EINVAL);
    if (green__unlikely(green__call_begins() < 0))
        return -1;
    if (queue->internal.unfinished == 0)
        return green__call_done(0);
    here.error = 0;
    if (green__line_wait(&queue->internal.joiners, &here.place, &joining) < 0)
        return -1;
    return here.error ? green__refuse(here.error) : 0;
}

size_t green_queue_length(const struct green_queue *queue)
{
    return queue ? queue->internal.length : 0;
}

static size_t count(const struct green_waiters *line)
{
    size_t number = 0;

    for (const struct green_place *at = line->first; at; at = at->next)
        number++;
    return number;
}

size_t green_queue_getting(const struct green_queue *queue)
{
    return queue ? count(&queue->internal.getters) : 0;
}

size_t green_queue_putting(const struct green_queue *queue)
{
    return queue ? count(&queue->internal.putters) : 0;
}
