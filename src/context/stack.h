/*
 * Stacks, pooled. A pool belongs to one OS thread.
 *
 * Stacks are slots of large mappings, of one size class (a power of two) each:
 *
 *     | guard | ...                 usable               | colour |
 *             bottom                                     top
 *
 * The guard comes on top of the size. A frame that is larger than it may step
 * over it, hence 64 KiB: in page tables it costs 128 bytes more than a page would.
 * Who asks for a larger guard gets a class of its own, made when it is needed.
 *
 * The colour, a small offset that differs from slot to slot, keeps the hot ends
 * of thousands of stacks from falling into the same cache sets. It stays within
 * half a page, so that an idle greenthread still needs one page.
 *
 * What is known of a slot lies elsewhere, in one array for each mapping, next to
 * room for whoever uses the stack:
 *
 *     | room | struct green__stack |   next slot   | ...      whole cache lines
 *
 * A slot that was used is "warm": its pages are still there. The one released
 * last is acquired first. Those that nobody has needed for a while are "cooling",
 * and one whose pages were handed back to the system is "cold".
 */
#ifndef GREEN_STACK_H
#define GREEN_STACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attributes.h"

#define GREEN__STACK_MIN ((size_t)16 << 10)
#define GREEN__STACK_MAX ((size_t)1 << 30)
#define GREEN__STACK_CLASSES 17 /* 16 KiB << 0 ... << 16 */
#define GREEN__GUARD_MIN ((size_t)64 << 10)

struct green__stack {
    struct green__stack *next; /* in a list of its class */
    char *bottom, *top;        /* what is usable */
    struct green__stack_class *class;
};

/* So large is the room before it when `size` bytes of it are asked for: all but
 * the struct of a number of cache lines. */
#define GREEN__STACK_ROOM(size)                                                \
    (((size) + sizeof(struct green__stack) + 63) / 64 * 64 -                   \
     sizeof(struct green__stack))

struct green__stack_arena {
    struct green__stack_arena *next;
    char *memory;
    size_t size;
    size_t count, carved; /* slots in it, slots that have been in use */
    size_t guarded;       /* the first so many have their guards */
    char *slots;
};

struct green__stack_class {
    struct green__stack *warm, *cooling, *cold; /* each the latest first */
    size_t warm_count;
    size_t warm_low; /* the fewest since the last look: nobody needed these */
    size_t size, guard; /* together a slot */
    size_t batch; /* as many guards are made next: twice as many each time */
    struct green__stack_arena *arenas; /* slots are carved from the first */
    struct green__stack_class *next;   /* of all */
};

struct green__stack_pool {
    size_t page_size;
    size_t room; /* GREEN__STACK_ROOM of what was asked for */
    struct green__stack_class classes[GREEN__STACK_CLASSES];
    struct green__stack_class
        *all; /* the latest first; the last ones are those */
};

/* The index of the class for `size` bytes, at most GREEN__STACK_MAX. */
static inline unsigned green__stack_class_index(size_t size)
{
    if (size <= GREEN__STACK_MIN)
        return 0;
    return (unsigned)(64 - __builtin_clzll((unsigned long long)size - 1)) -
           (unsigned)__builtin_ctzll(GREEN__STACK_MIN);
}

/* Each stack is to have that many bytes of room. */
void green__stack_pool_init(struct green__stack_pool *pool, size_t room);

/* Unmaps all stacks, those in use too. */
void green__stack_pool_destroy(struct green__stack_pool *pool);

/* One that is not warm. NULL as green__stack_acquire. */
struct green__stack *green__stack_acquire_cold(struct green__stack_pool *pool,
                                               size_t size);

/*
 * A stack of at least `size` bytes of address space, and a guard below it.
 * NULL with ENOMEM and words for green_hub_error(), or EINVAL if size is over
 * GREEN__STACK_MAX. Inlined: nearly always it is the one released last.
 */
static inline struct green__stack *
green__stack_acquire(struct green__stack_pool *pool, size_t size)
{
    struct green__stack_class *class;
    struct green__stack *stack;

    if (green__unlikely(size > GREEN__STACK_MAX))
        return green__stack_acquire_cold(pool, size);
    class = &pool->classes[green__stack_class_index(size)];
    stack = class->warm;
    if (green__unlikely(!stack))
        return green__stack_acquire_cold(pool, size);
    class->warm = stack->next;
    if (--class->warm_count < class->warm_low)
        class->warm_low = class->warm_count;
    return stack;
}

/* The same with a guard of at least `guard` bytes; for EINVAL that counts too. */
struct green__stack *
green__stack_acquire_guarded(struct green__stack_pool *pool, size_t size,
                             size_t guard);

#define GREEN__WARM_RESERVE 1024 /* kept in each class whatever happens */

/* Gives one back; the caller may still be running on it. True if so much is warm
 * now that green__stack_pool_cool() should be called in a while. */
static inline bool green__stack_release(struct green__stack *stack)
{
    struct green__stack_class *class = stack->class;

    stack->next = class->warm;
    class->warm = stack;
    return ++class->warm_count > GREEN__WARM_RESERVE;
}

/* Whether so much is warm that green__stack_pool_cool() should be called. */
bool green__stack_pool_is_warm(const struct green__stack_pool *pool);

/*
 * Hands memory back to the system: of the stacks that nobody has needed since
 * the last call, all but a reserve, and a limited number at once. Returns true
 * if more is to be handed back right away.
 */
bool green__stack_pool_cool(struct green__stack_pool *pool);

/*
 * The first room that is_it says yes to; NULL: none. Of all stacks that there are,
 * in use or not: the room of one that never was is zero, and otherwise as its
 * last user has left it.
 */
void *green__stack_pool_find(const struct green__stack_pool *pool,
                             bool (*is_it)(const void *room));

/* Calls fn(room, arg) for the same; fn may release the stack. */
void green__stack_pool_each(const struct green__stack_pool *pool,
                            void (*fn)(void *room, void *arg), void *arg);

#endif
