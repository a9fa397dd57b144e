/*
 * A pool of stacks. Each pool belongs to one OS thread.
 *
 * Stacks are slots of large mappings. All slots of a mapping have the same size
 * class (a power of two):
 *
 *     | guard | ...                 usable               | colour |
 *             bottom                                     top
 *
 * The guard is additional to the size. A frame larger than the guard may step
 * over it, hence 64 KiB: its page table entries take 128 bytes, those of a
 * one-page guard 8. A request for a larger guard gets a class of its own, made
 * when it is first needed.
 *
 * The colour, an offset that differs from slot to slot, keeps the top ends of
 * thousands of stacks from falling into the same cache sets. It is less than
 * half a page, so that an idle greenthread still needs one page.
 *
 * The record of a slot lies elsewhere, in one array for each mapping, behind
 * room for the data of the stack's user:
 *
 *     | room | struct green__stack |   next slot   | ...      whole cache lines
 *
 * A used slot is "warm" while its pages are present. The stack released last is
 * acquired first. Stacks that were idle for a while are "cooling", and "cold"
 * once their pages were returned to the system.
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
    struct green__stack *next; /* in a list of the class */
    char *bottom, *top;        /* the usable range */
    struct green__stack_class *class;
};

/* The size of a stack's room when `size` bytes are requested: rounded up so
 * that room and struct together fill whole cache lines. */
#define GREEN__STACK_ROOM(size)                                                \
    (((size) + sizeof(struct green__stack) + 63) / 64 * 64 -                   \
     sizeof(struct green__stack))

struct green__stack_arena {
    struct green__stack_arena *next;
    char *memory;
    size_t size;
    size_t count, carved; /* slots; slots that have been in use */
    size_t guarded;       /* as many slots, from the first on, have guards */
    char *slots;
};

struct green__stack_class {
    struct green__stack *warm, *cooling, *cold; /* each: latest first */
    size_t warm_count;
    /* minimum of warm_count since the last green__stack_pool_cool(): these
     * were idle */
    size_t warm_low;
    size_t size, guard; /* a slot's size is their sum */
    size_t batch;       /* guards to make next time; doubles each time */
    struct green__stack_arena *arenas; /* new slots come from the first */
    struct green__stack_class *next;   /* in the pool's list of all classes */
};

struct green__stack_pool {
    size_t page_size;
    size_t room; /* GREEN__STACK_ROOM of the requested size */
    struct green__stack_class classes[GREEN__STACK_CLASSES];
    struct green__stack_class *all; /* latest first; `classes` come last */
};

/* Returns the index of the class for `size` bytes, at most GREEN__STACK_MAX. */
static inline unsigned green__stack_class_index(size_t size)
{
    if (size <= GREEN__STACK_MIN)
        return 0;
    return (unsigned)(64 - __builtin_clzll((unsigned long long)size - 1)) -
           (unsigned)__builtin_ctzll(GREEN__STACK_MIN);
}

/* Each stack will have that many bytes of room. */
void green__stack_pool_init(struct green__stack_pool *pool, size_t room);

/* Unmaps all stacks, even those in use. */
void green__stack_pool_destroy(struct green__stack_pool *pool);

/* Acquires a stack that is not warm. NULL as green__stack_acquire. */
struct green__stack *green__stack_acquire_cold(struct green__stack_pool *pool,
                                               size_t size);

/*
 * Acquires a stack of at least `size` bytes of address space, with a guard
 * below it. NULL with ENOMEM and a message for green_hub_error(), or EINVAL if
 * size is over GREEN__STACK_MAX. Inlined: nearly always this returns the stack
 * released last.
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

/* The same with a guard of at least `guard` bytes; EINVAL also if `guard` is
 * over GREEN__STACK_MAX. */
struct green__stack *
green__stack_acquire_guarded(struct green__stack_pool *pool, size_t size,
                             size_t guard);

#define GREEN__WARM_RESERVE 1024 /* never cooled, in each class */

/* Releases a stack; the caller may still be running on it. Returns true if so
 * many are warm that the caller should have green__stack_pool_cool() called
 * after a while. */
static inline bool green__stack_release(struct green__stack *stack)
{
    struct green__stack_class *class = stack->class;

    stack->next = class->warm;
    class->warm = stack;
    return ++class->warm_count > GREEN__WARM_RESERVE;
}

/* Whether so many stacks are warm that green__stack_pool_cool() should be
 * called. */
bool green__stack_pool_is_warm(const struct green__stack_pool *pool);

/*
 * Returns memory to the system: of the stacks that were idle since the last
 * call, all but a reserve, and a limited number in one call. Returns true if
 * the caller should call again soon.
 */
bool green__stack_pool_cool(struct green__stack_pool *pool);

/*
 * Returns the first room that is_it accepts, or NULL. It searches all stacks,
 * in use or not: the room of a stack that was never used is zero, otherwise it
 * is as the last user left it.
 */
void *green__stack_pool_find(const struct green__stack_pool *pool,
                             bool (*is_it)(const void *room));

/* Whether the address is in the pool's memory. */
bool green__stack_pool_has(const struct green__stack_pool *pool,
                           const void *address);

/* Calls fn(room, arg) for each of these rooms; fn may release the stack. */
void green__stack_pool_each(const struct green__stack_pool *pool,
                            void (*fn)(void *room, void *arg), void *arg);

#endif
