#include "context/stack.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/self.h"
#include "base/system.h"
#include "context/guard.h"
#include "context/notes.h"
#include "context/valgrind.h"

#define ARENA_SIZE ((size_t)64 << 20)
#define COLOURS 16
#define COLOUR_STEP 128 /* two lines: processors fetch them in pairs */

/* Warm stacks of a class that are kept whatever happens, and the most whose
 * memory is handed back in one go: some milliseconds' work. */
#define WARM_RESERVE 1024
#define COOL_BATCH 4096

void green__stack_pool_init(struct green__stack_pool *pool)
{
    pool->page_size = (size_t)sysconf(_SC_PAGESIZE);
    for (size_t i = 0; i < GREEN__STACK_CLASSES; i++) {
        struct green__stack_class *class = &pool->classes[i];

        *class = (struct green__stack_class){.size = GREEN__STACK_MIN << i};
        green__list_init(&class->warm);
        green__list_init(&class->cold);
    }
}

void green__stack_pool_destroy(struct green__stack_pool *pool)
{
    for (size_t i = 0; i < GREEN__STACK_CLASSES; i++) {
        struct green__stack_arena *arena = pool->classes[i].arenas;

        while (arena) {
            struct green__stack_arena *next = arena->next;

            green__notes_stack_fresh(arena->memory, arena->size);
            for (size_t j = 0; j < arena->carved; j++)
                green__notes_stack_gone(arena->slots[j].base + pool->page_size,
                                        pool->classes[i].size -
                                            pool->page_size);
            green__system.unmap(arena->memory, arena->size);
            green__system.release(arena);
            arena = next;
        }
    }
    green__stack_pool_init(pool);
}

static struct green__stack_arena *arena_create(size_t slot_size)
{
    size_t count = slot_size < ARENA_SIZE ? ARENA_SIZE / slot_size : 1;
    size_t size = count * slot_size;
    struct green__stack_arena *arena;

    arena = green__system.allocate(1, sizeof *arena +
                                          count * sizeof arena->slots[0]);
    if (!arena)
        goto no_memory;
    arena->memory = green__system.map(
        NULL, size, PROT_READ | PROT_WRITE,
        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
    if (arena->memory == MAP_FAILED)
        goto free_arena;
    /* A huge page would make each stack as large as its slot and more. */
    green__system.advise(arena->memory, size, MADV_NOHUGEPAGE);
    arena->size = size;
    arena->count = count;
    return arena;

free_arena:
    green__system.release(arena);
no_memory:
    green__fail(ENOMEM, "no memory for %zu more stacks of %zu KiB", count,
                slot_size >> 10);
    return NULL;
}

/* A slot that was never used. */
static struct green__stack *carve(struct green__stack_pool *pool,
                                  struct green__stack_class *class)
{
    struct green__stack_arena *arena = class->arenas;
    struct green__stack *stack;

    if (!arena || arena->carved == arena->count) {
        arena = arena_create(class->size);
        if (!arena)
            return NULL;
        arena->next = class->arenas;
        class->arenas = arena;
    }
    stack = &arena->slots[arena->carved];
    stack->base = arena->memory + arena->carved * class->size;
    if (green__guard_install(stack->base, pool->page_size) < 0)
        return NULL;
    green__list_init(&stack->link);
    stack->class_index = (uint32_t)(class - pool->classes);
    stack->colour = (uint32_t)(arena->carved % COLOURS) * COLOUR_STEP;
    green__valgrind_stack(stack->base + pool->page_size,
                          stack->base + class->size);
    green__notes_stack_made(stack->base + pool->page_size,
                            class->size - pool->page_size);
    arena->carved++;
    return stack;
}

static struct green__stack_class *find_class(struct green__stack_pool *pool,
                                             size_t size)
{
    unsigned shift = 0;

    if (size > GREEN__STACK_MIN)
        shift = (unsigned)(64 - __builtin_clzll((unsigned long long)size - 1)) -
                (unsigned)__builtin_ctzll(GREEN__STACK_MIN);
    return &pool->classes[shift];
}

struct green__stack *green__stack_acquire(struct green__stack_pool *pool,
                                          size_t size)
{
    struct green__stack_class *class;
    struct green_list *link;

    if (size > GREEN__STACK_MAX) {
        green__fail(EINVAL, "a stack of %zu bytes is over 1 GiB", size);
        return NULL;
    }
    class = find_class(pool, size);
    if (green__likely(class->warm_count > 0)) {
        link = class->warm.next;
        class->warm_count--;
        if (class->warm_count < class->warm_low)
            class->warm_low = class->warm_count;
    } else if (!green__list_empty(&class->cold)) {
        link = class->cold.next;
    } else {
        return carve(pool, class);
    }
    green__list_remove(link);
    return container_of(link, struct green__stack, link);
}

bool green__stack_release(struct green__stack_pool *pool,
                          struct green__stack *stack)
{
    struct green__stack_class *class = &pool->classes[stack->class_index];

    green__list_prepend(&class->warm, &stack->link);
    return ++class->warm_count > WARM_RESERVE;
}

bool green__stack_pool_is_warm(const struct green__stack_pool *pool)
{
    for (size_t i = 0; i < GREEN__STACK_CLASSES; i++)
        if (pool->classes[i].warm_count > WARM_RESERVE)
            return true;
    return false;
}

static void cool_one(struct green__stack_pool *pool,
                     struct green__stack_class *class)
{
    struct green__stack *stack =
        container_of(class->warm.prev, struct green__stack, link);

    green__notes_stack_fresh(stack->base + pool->page_size,
                             class->size - pool->page_size);
    green__system.advise(stack->base + pool->page_size,
                         class->size - pool->page_size, MADV_DONTNEED);
    green__list_remove(&stack->link);
    green__list_prepend(&class->cold, &stack->link);
    class->warm_count--;
}

bool green__stack_pool_cool(struct green__stack_pool *pool)
{
    size_t batch = COOL_BATCH;

    for (size_t i = 0; i < GREEN__STACK_CLASSES; i++) {
        struct green__stack_class *class = &pool->classes[i];
        size_t idle = class->warm_low;

        while (idle > 0 && class->warm_count > WARM_RESERVE) {
            if (batch-- == 0) {
                class->warm_low = idle;
                return true;
            }
            cool_one(pool, class);
            idle--;
        }
        class->warm_low = class->warm_count;
    }
    return false;
}
