/*
 * The switch by the C library's ucontext, for architectures without one in
 * assembly. Each switch costs a system call, for the signal mask.
 *
 * A suspended context is a ucontext_t in the frame of the suspended call; that
 * of a new context lies at the top of its stack.
 */
#include "context/context.h"

#include <stddef.h>
#include <stdint.h>
#include <ucontext.h>

struct start {
    ucontext_t context;
    struct green__next_context (*entry)(void *);
};

/* The argument of a context that starts. */
static _Thread_local void *entry_arg;

/* makecontext passes only ints, so the pointer is split in two. */
static void begin(unsigned high, unsigned low)
{
    struct start *start =
        (struct start *)(uintptr_t)((uint64_t)high << 32 | low);
    struct green__next_context next = start->entry(entry_arg);

    entry_arg = next.arg;
    setcontext(next.load);
}

/* The next context that is resumed calls fn(arg) first, then resumes `back`. */
static _Thread_local struct {
    void (*fn)(void *);
    void *arg;
    ucontext_t back;
} inspection;

static void inspect(ucontext_t *here)
{
    inspection.fn(inspection.arg);
    inspection.fn = NULL;
    swapcontext(here, &inspection.back);
}

int green__context_switch(void **save, void *load, void *arg)
{
    ucontext_t here;

    *save = &here;
    entry_arg = arg;
    swapcontext(&here, load);
    while (inspection.fn)
        inspect(&here);
    return 0;
}

void green__context_inspect(void *context, void (*fn)(void *), void *arg)
{
    inspection.fn = fn;
    inspection.arg = arg;
    swapcontext(&inspection.back, context);
}

void *green__context_make(void *top,
                          struct green__next_context (*entry)(void *arg))
{
    /* makecontext uses only the end of the stack, so any size will do. */
    const size_t size = 4096;
    char *end = (char *)((uintptr_t)top & ~(uintptr_t)63);
    struct start *start =
        (struct start *)(void *)(end - (sizeof *start + 63) / 64 * 64);
    uint64_t address = (uint64_t)(uintptr_t)start;

    getcontext(&start->context);
    start->entry = entry;
    start->context.uc_link = NULL;
    start->context.uc_stack.ss_sp = (char *)start - size;
    start->context.uc_stack.ss_size = size;
    makecontext(&start->context, (void (*)(void))begin, 2,
                (unsigned)(address >> 32), (unsigned)address);
    return &start->context;
}
