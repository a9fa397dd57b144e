#include "sync/store.h"

#include "base/attributes.h"
#include "base/self.h"
#include "base/system.h"

#define FIRST_SIZE 16

/* ---- The ring -------------------------------------------------------- */

/* `allocated` is a power of two, or 0. */
static inline void **slot(const struct green_queue *queue, size_t index)
{
    void **items = queue->internal.entries;

    return &items[index & (queue->internal.allocated - 1)];
}

/* Doubles the ring, and unwraps its items. */
static GREEN__COLD int grow_ring(struct green_queue *queue)
{
    size_t old = queue->internal.allocated;
    size_t size = old ? old * 2 : FIRST_SIZE;
    size_t head = queue->internal.head & (old - 1);
    void **items = green__system.allocate(size, sizeof *items);

    if (!items)
        return green__refuse(ENOMEM);
    for (size_t i = 0; i < old; i++)
        items[i] = *slot(queue, head + i);
    green__system.release(queue->internal.entries);
    queue->internal.entries = items;
    queue->internal.allocated = size;
    queue->internal.head = 0;
    return 0;
}

static inline int put_in_ring(struct green_queue *queue, void *item)
{
    if (green__unlikely(queue->internal.length == queue->internal.allocated) &&
        grow_ring(queue) < 0)
        return -1;
    *slot(queue, queue->internal.head + queue->internal.length++) = item;
    return 0;
}

/* ---- The heap -------------------------------------------------------- */

/* The sequence keeps items of equal priority in the order of arrival. */
struct entry {
    void *item;
    uint64_t sequence;
};

static bool comes_first(const struct green_queue *queue, const struct entry *a,
                        const struct entry *b)
{
    int order = queue->internal.compare(a->item, b->item);

    return order < 0 || (order == 0 && a->sequence < b->sequence);
}

static int put_in_heap(struct green_queue *queue, void *item)
{
    struct entry new = {item, queue->internal.sequence++};
    struct entry *heap = queue->internal.entries;
    size_t at = queue->internal.length;

    if (at == queue->internal.allocated) {
        size_t size = at ? at * 2 : FIRST_SIZE;

        heap = green__system.reallocate(heap, size * sizeof *heap);
        if (!heap)
            return green__refuse(ENOMEM);
        queue->internal.entries = heap;
        queue->internal.allocated = size;
    }
    queue->internal.length++;
    for (; at > 0 && comes_first(queue, &new, &heap[(at - 1) / 2]);
         at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = new;
    return 0;
}

static void *get_from_heap(struct green_queue *queue)
{
    struct entry *heap = queue->internal.entries;
    size_t length = --queue->internal.length;
    struct entry last = heap[length];
    void *item = heap[0].item;
    size_t at = 0, child;

    while ((child = 2 * at + 1) < length) {
        if (child + 1 < length &&
            comes_first(queue, &heap[child + 1], &heap[child]))
            child++;
        if (!comes_first(queue, &heap[child], &last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return item;
}

/* ---- Either ---------------------------------------------------------- */

int green__store_put(struct green_queue *queue, void *item)
{
    if (green__unlikely(queue->internal.order == GREEN__PRIORITY))
        return put_in_heap(queue, item);
    return put_in_ring(queue, item);
}

void *green__store_get(struct green_queue *queue)
{
    if (green__unlikely(queue->internal.order == GREEN__PRIORITY))
        return get_from_heap(queue);
    queue->internal.length--;
    if (queue->internal.order == GREEN__LIFO)
        return *slot(queue, queue->internal.head + queue->internal.length);
    return *slot(queue, queue->internal.head++);
}

void green__store_free(struct green_queue *queue)
{
    green__system.release(queue->internal.entries);
    queue->internal.entries = NULL;
    queue->internal.allocated = 0;
    queue->internal.length = 0;
}
