#include "context/stack.h"

#include <errno.h>
#include <unistd.h>

#include "base/self.h"
#include "base/system.h"
#include "context/guard.h"
#include "context/memory.h"
#include "context/sanitizer.h"
#include "context/valgrind.h"

/* Address space is what a 32-bit process is short of: there an arena has a dozen
 * default stacks, else two hundred. */
#define ARENA_SIZE ((size_t)(sizeof(void *) > 4 ? 64 : 4) << 20)
#define CACHE_LINE 64
#define COLOURS 16
#define COLOUR_STEP 128 /* two lines, since processors fetch them in pairs */

/* The most stacks whose memory one call returns to the system: some
 * milliseconds' work. */
#define COOL_BATCH 4096

void green__stack_pool_init(struct green__stack_pool *pool, size_t room)
{
    pool->page_size = (size_t)sysconf(_SC_PAGESIZE);
    pool->room = GREEN__STACK_ROOM(room);
    pool->all = NULL;
    for (size_t i = GREEN__STACK_CLASSES; i-- > 0;) {
        size_t size = GREEN__STACK_MIN << i;

        /* POWER's pages have 64 KiB, those of some aarch64 systems too. */
        pool->classes[i] = (struct green__stack_class){
            .size = size > pool->page_size ? size : pool->page_size,
            .guard = GREEN__GUARD_MIN,
            .batch = 1,
            .next = pool->all};
        pool->all = &pool->classes[i];
    }
}

static size_t slot_size(const struct green__stack_class *class)
{
    return class->guard + class->size;
}

/* The distance from one slot's record to the next. */
static size_t stride_of(const struct green__stack_pool *pool)
{
    return pool->room + sizeof(struct green__stack);
}

static void *room_at(const struct green__stack_pool *pool,
                     const struct green__stack_arena *arena, size_t index)
{
    return arena->slots + index * stride_of(pool);
}

static struct green__stack *stack_at(const struct green__stack_pool *pool,
                                     const struct green__stack_arena *arena,
                                     size_t index)
{
    char *room = room_at(pool, arena, index);

    return (struct green__stack *)(void *)(room + pool->room);
}

static void free_arena(const struct green__stack_pool *pool,
                       const struct green__stack_class *class,
                       struct green__stack_arena *arena)
{
    green__sanitizer_stack_fresh(arena->memory, arena->size);
    for (size_t i = 0; i < arena->carved; i++)
        green__sanitizer_stack_gone(stack_at(pool, arena, i)->bottom,
                                    class->size);
    green__system.unmap(arena->memory, arena->size);
    green__system.release(arena);
}

void green__stack_pool_destroy(struct green__stack_pool *pool)
{
    struct green__stack_class *class = pool->all, *next;

    for (; class; class = next) {
        next = class->next;
        while (class->arenas) {
            struct green__stack_arena *arena = class->arenas;

            class->arenas = arena->next;
            free_arena(pool, class, arena);
        }
        if (class < pool->classes ||
            class >= pool->classes + GREEN__STACK_CLASSES)
            green__system.release(class);
    }
    green__stack_pool_init(pool, pool->room);
}

static struct green__stack_arena *
arena_create(const struct green__stack_pool *pool,
             const struct green__stack_class *class)
{
    size_t slot = slot_size(class);
    size_t count = slot < ARENA_SIZE ? ARENA_SIZE / slot : 1;
    size_t size = count * slot;
    struct green__stack_arena *arena;

    arena = green__system.allocate(1, sizeof *arena + CACHE_LINE +
                                          count * stride_of(pool));
    if (!arena)
        goto no_memory;
    arena->memory = green__memory_map(size);
    if (!arena->memory)
        goto free_arena;
    arena->slots = (char *)arena + sizeof *arena;
    arena->slots += -(uintptr_t)arena->slots % CACHE_LINE;
    arena->size = size;
    arena->count = count;
    return arena;

free_arena:
    green__system.release(arena);
no_memory:
    green__fail(ENOMEM,
                "no memory or address space for %zu more stacks of %zu "
                "KiB",
                count, class->size >> 10);
    return NULL;
}

/* Makes the guards of the arena's next slot and some after it. */
static int make_guards(struct green__stack_class *class,
                       struct green__stack_arena *arena)
{
    size_t count = arena->count - arena->guarded;

    if (count > class->batch)
        count = class->batch;
    if (class->batch < GREEN__GUARD_BATCH)
        class->batch *= 2;
    count =
        green__guard_install(arena->memory + arena->guarded * slot_size(class),
                             class->guard, slot_size(class), count);
    arena->guarded += count;
    return count > 0 ? 0 : -1;
}

/* Takes a slot that was never used. */
static struct green__stack *carve(struct green__stack_pool *pool,
                                  struct green__stack_class *class)
{
    struct green__stack_arena *arena = class->arenas;
    struct green__stack *stack;
    size_t colour;
    char *base;

    if (!arena || arena->carved == arena->count) {
        arena = arena_create(pool, class);
        if (!arena)
            return NULL;
        arena->next = class->arenas;
        class->arenas = arena;
    }
    if (arena->carved == arena->guarded && make_guards(class, arena) < 0)
        return NULL;
    base = arena->memory + arena->carved * slot_size(class);
    colour = arena->carved % COLOURS * COLOUR_STEP;
    stack = stack_at(pool, arena, arena->carved++);
    stack->class = class;
    stack->bottom = base + class->guard;
    stack->top = stack->bottom + class->size - colour;
    green__valgrind_stack(stack->bottom, stack->bottom + class->size);
    green__sanitizer_stack_made(stack->bottom, class->size);
    return stack;
}

/* Takes a warm stack, as the inlined green__stack_acquire does; NULL if there
 * is none. */
static struct green__stack *take_warm(struct green__stack_class *class)
{
    struct green__stack *stack = class->warm;

    if (!stack)
        return NULL;
    class->warm = stack->next;
    if (--class->warm_count < class->warm_low)
        class->warm_low = class->warm_count;
    return stack;
}

static struct green__stack *take_cold(struct green__stack_pool *pool,
                                      struct green__stack_class *class)
{
    struct green__stack *stack = class->cooling;

    if (stack) {
        class->cooling = stack->next;
        return stack;
    }
    stack = class->cold;
    if (!stack)
        return carve(pool, class);
    class->cold = stack->next;
    return stack;
}

GREEN__COLD struct green__stack *
green__stack_acquire_cold(struct green__stack_pool *pool, size_t size)
{
    if (size > GREEN__STACK_MAX) {
        green__fail(EINVAL, "a stack of %zu bytes is over 1 GiB", size);
        return NULL;
    }
    return take_cold(pool, &pool->classes[green__stack_class_index(size)]);
}

/* Finds or makes the class. Rounds the guard up to a power of two, as sizes
 * are, so that there are few classes. */
static struct green__stack_class *guarded_class(struct green__stack_pool *pool,
                                                size_t size, size_t guard)
{
    size_t whole_size = pool->classes[green__stack_class_index(size)].size;
    size_t whole_guard = GREEN__STACK_MIN << green__stack_class_index(guard);
    struct green__stack_class *class = pool->all;

    while (class && (class->size != whole_size || class->guard != whole_guard))
        class = class->next;
    if (class)
        return class;
    class = green__system.allocate(1, sizeof *class);
    if (!class) {
        green__fail(ENOMEM, "no memory for stacks with a guard of %zu KiB",
                    whole_guard >> 10);
        return NULL;
    }
    *class = (struct green__stack_class){.size = whole_size,
                                         .guard = whole_guard,
                                         .batch = 1,
                                         .next = pool->all};
    pool->all = class;
    return class;
}

GREEN__COLD struct green__stack *
green__stack_acquire_guarded(struct green__stack_pool *pool, size_t size,
                             size_t guard)
{
    struct green__stack_class *class;
    struct green__stack *stack;

    if (guard <= GREEN__GUARD_MIN)
        return green__stack_acquire(pool, size);
    if (size > GREEN__STACK_MAX || guard > GREEN__STACK_MAX) {
        green__fail(EINVAL,
                    "a stack of %zu bytes, or its guard of %zu, is "
                    "over 1 GiB",
                    size, guard);
        return NULL;
    }
    class = guarded_class(pool, size, guard);
    if (!class)
        return NULL;
    stack = take_warm(class);
    return stack ? stack : take_cold(pool, class);
}

bool green__stack_pool_is_warm(const struct green__stack_pool *pool)
{
    for (const struct green__stack_class *class = pool->all; class;
         class = class->next)
        if (class->warm_count > GREEN__WARM_RESERVE || class->cooling)
            return true;
    return false;
}

/* Moves the stacks that were not needed since the last call, the longest idle
 * ones, from `warm` to `cooling`, but keeps the reserve. */
static void find_idle(struct green__stack_class *class)
{
    size_t idle = class->warm_low, kept;
    struct green__stack **end = &class->warm;

    kept = class->warm_count - idle;
    if (kept < GREEN__WARM_RESERVE)
        kept = GREEN__WARM_RESERVE;
    if (kept < class->warm_count) {
        for (size_t i = 0; i < kept; i++)
            end = &(*end)->next;
        class->cooling = *end;
        *end = NULL;
        class->warm_count = kept;
    }
    class->warm_low = class->warm_count;
}

static void cool_one(struct green__stack_class *class)
{
    struct green__stack *stack = class->cooling;

    class->cooling = stack->next;
    green__sanitizer_stack_fresh(stack->bottom, class->size);
    green__memory_return(stack->bottom, class->size);
    stack->next = class->cold;
    class->cold = stack;
}

bool green__stack_pool_cool(struct green__stack_pool *pool)
{
    size_t batch = COOL_BATCH;

    for (struct green__stack_class *class = pool->all; class;
         class = class->next) {
        if (!class->cooling)
            find_idle(class);
        while (class->cooling) {
            if (batch-- == 0)
                return true;
            cool_one(class);
        }
    }
    return false;
}

void *green__stack_pool_find(const struct green__stack_pool *pool,
                             bool (*is_it)(const void *room))
{
    for (const struct green__stack_class *class = pool->all; class;
         class = class->next) {
        const struct green__stack_arena *arena = class->arenas;

        for (; arena; arena = arena->next)
            for (size_t j = 0; j < arena->carved; j++)
                if (is_it(room_at(pool, arena, j)))
                    return room_at(pool, arena, j);
    }
    return NULL;
}

bool green__stack_pool_has(const struct green__stack_pool *pool,
                           const void *address)
{
    for (const struct green__stack_class *class = pool->all; class;
         class = class->next) {
        const struct green__stack_arena *arena = class->arenas;

        for (; arena; arena = arena->next)
            if ((uintptr_t)address - (uintptr_t)arena->memory < arena->size)
                return true;
    }
    return false;
}

void green__stack_pool_each(const struct green__stack_pool *pool,
                            void (*fn)(void *room, void *arg), void *arg)
{
    for (const struct green__stack_class *class = pool->all; class;
         class = class->next) {
        const struct green__stack_arena *arena = class->arenas;

        for (; arena; arena = arena->next)
            for (size_t j = 0; j < arena->carved; j++)
                fn(room_at(pool, arena, j), arg);
    }
}
