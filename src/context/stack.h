/*
 * Stacks, pooled. A pool belongs to one OS thread.
 *
 * Stacks are slots of large mappings, of one size class (a power of two) each:
 *
 *     | guard page | ...            usable               | colour |
 *     base         bottom                                top      base + size
 *
 * The colour, a small offset that differs from slot to slot, keeps the hot ends
 * of thousands of stacks from falling into the same cache sets. It stays within
 * half a page, so that an idle greenthread still needs one page.
 *
 * A slot that was used is "warm": its pages are still there. The one released
 * last is acquired first. A slot that was never used, or whose pages were
 * handed back to the system, is "cold".
 */
#ifndef GREEN_STACK_H
#define GREEN_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"

#define GREEN__STACK_MIN ((size_t)16 << 10)
#define GREEN__STACK_MAX ((size_t)1 << 30)
#define GREEN__STACK_CLASSES 17 /* 16 KiB << 0 ... << 16 */

struct green__stack {
    struct green_list link; /* in its class's warm or cold list */
    char *base;
    uint32_t class_index;
    uint32_t colour; /* bytes */
};

struct green__stack_arena {
    struct green__stack_arena *next;
    char *memory;
    size_t size;
    size_t count, carved; /* slots in it, slots that have been in use */
    struct green__stack slots[];
};

struct green__stack_class {
    size_t size;
    struct green_list warm, cold;
    size_t warm_count;
    size_t warm_low; /* the fewest since the last look: nobody needed these */
    struct green__stack_arena *arenas; /* slots are carved from the first */
};

struct green__stack_pool {
    size_t page_size;
    struct green__stack_class classes[GREEN__STACK_CLASSES];
};

void green__stack_pool_init(struct green__stack_pool *pool);

/* Unmaps all stacks, those in use too. */
void green__stack_pool_destroy(struct green__stack_pool *pool);

/*
 * A stack of at least `size` bytes of address space, guard page included.
 * NULL with ENOMEM and words for green_hub_error(), or EINVAL if size is over
 * GREEN__STACK_MAX.
 */
struct green__stack *green__stack_acquire(struct green__stack_pool *pool,
                                          size_t size);

/* Gives one back; the caller may still be running on it. True if so much is warm
 * now that green__stack_pool_cool() should be called in a while. */
bool green__stack_release(struct green__stack_pool *pool,
                          struct green__stack *stack);

/* Whether so much is warm that green__stack_pool_cool() should be called. */
bool green__stack_pool_is_warm(const struct green__stack_pool *pool);

/*
 * Hands memory back to the system: of the stacks that nobody has needed since
 * the last call, all but a reserve, and a limited number at once. Returns true
 * if more is to be handed back right away.
 */
bool green__stack_pool_cool(struct green__stack_pool *pool);

static inline void *green__stack_top(const struct green__stack_pool *pool,
                                     const struct green__stack *stack)
{
    return stack->base + pool->classes[stack->class_index].size - stack->colour;
}

static inline void *green__stack_bottom(const struct green__stack_pool *pool,
                                        const struct green__stack *stack)
{
    return stack->base + pool->page_size;
}

#endif
