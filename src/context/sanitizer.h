/*
 * Tells AddressSanitizer, ThreadSanitizer and valgrind about stacks and
 * switches; empty in a build without them.
 */
#ifndef GREEN_SANITIZER_H
#define GREEN_SANITIZER_H

#include <stdbool.h>
#include <stddef.h>

#include "base/attributes.h"

#if defined(__has_feature)
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__ 1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__ 1
#endif
#endif

/* One side of a switch. */
struct green__context {
    void *sp; /* where green__context_switch() suspended it */
#if defined(__SANITIZE_ADDRESS__)
    const void *bottom; /* of the stack */
    size_t size;
    void *fake_stack;
#elif defined(__SANITIZE_THREAD__)
    void *fiber;
    void **kept; /* where the stack keeps the fiber for its next user */
#endif
};

#if defined(__SANITIZE_ADDRESS__)

#include <pthread.h>
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>

#include "base/system.h"

static inline void green__sanitizer_init(struct green__context *context,
                                         void *bottom, size_t size)
{
    context->bottom = bottom;
    context->size = size;
    context->fake_stack = NULL;
}

/* Initialises the context of the OS thread's own stack. */
static inline void green__sanitizer_init_main(struct green__context *context)
{
    pthread_attr_t attributes;
    void *bottom = NULL;
    size_t size = 0;

    if (green__system.pthread_getattr_np(green__system.pthread_self(),
                                         &attributes) == 0) {
        pthread_attr_getstack(&attributes, &bottom, &size);
        pthread_attr_destroy(&attributes);
    }
    green__sanitizer_init(context, bottom, size);
}

static inline void green__sanitizer_done(struct green__context *context,
                                         bool left_in_the_middle)
{
    (void)context;
    (void)left_in_the_middle;
}

/* The OS thread ends, on its own stack in the end, without a return to the frames
 * that it has left there: what was poisoned for them is free again. */
static inline void green__sanitizer_before_end(struct green__context *own)
{
    const char *sp = own->sp, *bottom = own->bottom;

    if (sp > bottom && sp < bottom + own->size)
        __asan_unpoison_memory_region(sp, (size_t)(bottom + own->size - sp));
}

static inline void green__sanitizer_before_switch(struct green__context *from,
                                                  struct green__context *to,
                                                  int from_ends)
{
    __sanitizer_start_switch_fiber(from_ends ? NULL : &from->fake_stack,
                                   to->bottom, to->size);
}

static inline void green__sanitizer_after_switch(struct green__context *here)
{
    __sanitizer_finish_switch_fiber(here->fake_stack, NULL, NULL);
}

/* Pointers to greenthreads' allocations may lie only on their stacks, so the
 * leak detector must search these too. */
static inline void green__sanitizer_stack_made(void *bottom, size_t size)
{
    __lsan_register_root_region(bottom, size);
}

static inline void green__sanitizer_stack_gone(void *bottom, size_t size)
{
    __lsan_unregister_root_region(bottom, size);
}

/* Prepares a stack for reuse: clears the poison that the last user's frames
 * left. */
static inline void green__sanitizer_stack_fresh(void *bottom, size_t size)
{
    __asan_unpoison_memory_region(bottom, size);
}

#elif defined(__SANITIZE_THREAD__)

#include <sanitizer/tsan_interface.h>

/* A fiber takes some 100 us to make, so it stays with its stack, in the lowest
 * word, which is zero when the stack is new. */
static inline void green__sanitizer_init(struct green__context *context,
                                         void *bottom, size_t size)
{
    (void)size;
    context->kept = (void **)bottom;
    if (!*context->kept)
        *context->kept = __tsan_create_fiber(0);
    context->fiber = *context->kept;
}

static inline void green__sanitizer_init_main(struct green__context *context)
{
    context->kept = NULL;
    context->fiber = __tsan_get_current_fiber();
}

/* The next user cannot use a fiber that was abandoned in mid-run. */
static inline void green__sanitizer_done(struct green__context *context,
                                         bool left_in_the_middle)
{
    if (left_in_the_middle) {
        *context->kept = NULL;
        __tsan_destroy_fiber(context->fiber);
    }
}

/* The OS thread may exit on any stack, but must exit as its own fiber. */
static inline void green__sanitizer_before_end(struct green__context *own)
{
    __tsan_switch_to_fiber(own->fiber, 0);
}

/* Not instrumented: the entry to this function and the exit from it would be
 * recorded in different fibers. */
GREEN__NO_SANITIZE
static inline void green__sanitizer_before_switch(struct green__context *from,
                                                  struct green__context *to,
                                                  int from_ends)
{
    (void)from;
    (void)from_ends;
    __tsan_switch_to_fiber(to->fiber, 0);
}

static inline void green__sanitizer_after_switch(struct green__context *here)
{
    (void)here;
}

static inline void green__sanitizer_stack_made(void *bottom, size_t size)
{
    (void)bottom;
    (void)size;
}

static inline void green__sanitizer_stack_gone(void *bottom, size_t size)
{
    void *kept = *(void **)bottom;

    (void)size;
    if (kept)
        __tsan_destroy_fiber(kept);
}

static inline void green__sanitizer_stack_fresh(void *bottom, size_t size)
{
    (void)bottom;
    (void)size;
}

#else

static inline void green__sanitizer_init(struct green__context *context,
                                         void *bottom, size_t size)
{
    (void)context;
    (void)bottom;
    (void)size;
}

static inline void green__sanitizer_init_main(struct green__context *context)
{
    (void)context;
}

static inline void green__sanitizer_done(struct green__context *context,
                                         bool left_in_the_middle)
{
    (void)context;
    (void)left_in_the_middle;
}

static inline void green__sanitizer_before_end(struct green__context *own)
{
    (void)own;
}

static inline void green__sanitizer_before_switch(struct green__context *from,
                                                  struct green__context *to,
                                                  int from_ends)
{
    (void)from;
    (void)to;
    (void)from_ends;
}

static inline void green__sanitizer_after_switch(struct green__context *here)
{
    (void)here;
}

static inline void green__sanitizer_stack_made(void *bottom, size_t size)
{
    (void)bottom;
    (void)size;
}

static inline void green__sanitizer_stack_gone(void *bottom, size_t size)
{
    (void)bottom;
    (void)size;
}

static inline void green__sanitizer_stack_fresh(void *bottom, size_t size)
{
    (void)bottom;
    (void)size;
}

#endif

#endif
