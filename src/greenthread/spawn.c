/* Spawning, running and finishing greenthreads. */
#include <errno.h>
#include <string.h>

#include "base/chaos.h"
#include "base/reserved.h"
#include "greenthread/cancel_scope.h"
#include "greenthread/scheduler.h"
#include "greenthread/spawn.h"

/* ---- Finishing ------------------------------------------------------- */

/*
 * How far the stack reaches down to the deepest cancel scope that the
 * greenthread has not left, though its function has returned. The scopes lie in
 * frames that are gone, but not overwritten if no function was called since: so
 * the stack pointer must move below them before any call. This function is
 * always inlined, so it is no call itself.
 */
GREEN__NO_SANITIZE GREEN__ALWAYS_INLINE static inline size_t
depth_of_cancel_scopes(const struct green_thread *thread, const char *here)
{
    const char *lowest = here;
    const char *bottom = green__stack_of_thread(thread)->bottom;

    for (const struct green_cancel_scope *r = thread->cancel_scopes; r;
         r = r->outer)
        if ((const char *)r < lowest && (const char *)r > bottom)
            lowest = (const char *)r;
    return (size_t)(here - lowest) + 256;
}

#define END_CANCEL_SCOPES(thread)                                              \
    do {                                                                       \
        if (green__unlikely((thread)->cancel_scopes != NULL)) {                \
            void *beyond = __builtin_alloca(                                   \
                depth_of_cancel_scopes(thread, __builtin_frame_address(0)));   \
                                                                               \
            __asm__ volatile("" : : "r"(beyond) : "memory");                   \
            green__cancel_scopes_end(thread);                                  \
        }                                                                      \
    } while (0)

/*
 * Runs the end of a greenthread. Returns the context to resume, after the last
 * sanitizer call: from there on no instrumented code may run on this stack.
 */
GREEN__NO_SANITIZE static struct green__next_context
finish(struct green__scheduler *s, struct green_thread *thread)
{
    if (green__unlikely(thread->extras != NULL)) {
        green__exits_run(thread);
        green__locals_destroy(thread);
        green__links_call(thread);
        END_CANCEL_SCOPES(thread);
    }
    green__free_dead(s);
    s->alive--;
    thread->state = GREEN__FINISHED;
    GREEN__PROBE1(end, thread);
    if (thread->flags & GREEN__DETACHED)
        s->dead = thread;
    else if (thread->joiner)
        green__wake_thread(s, thread->joiner);
    return green__switch_last(s, thread);
}

GREEN__NO_SANITIZE static struct green__next_context thread_main(void *arg)
{
    struct green_thread *thread = arg;

    green__sanitizer_after_switch(&thread->context);
    if (green__likely(!(thread->flags & GREEN__CANCELLED))) {
        thread->flags |= GREEN__STARTED;
        if (thread->flags & GREEN__NO_RESULT)
            thread->start.procedure(thread->arg);
        else
            thread->arg = thread->start.function(thread->arg);
        END_CANCEL_SCOPES(thread);
    }
    return finish(green__self_here()->scheduler, thread);
}

/* ---- Spawning -------------------------------------------------------- */

/* Returns the scheduler; NULL with errno, EINVAL without a function. */
static inline struct green__scheduler *spawning_scheduler(bool has_function)
{
    struct green__scheduler *s = green__running();

    if (green__likely(s && has_function))
        return s;
    if (has_function)
        return green__scheduler();
    errno = EINVAL;
    return NULL;
}

static inline void fill_in(struct green_thread *thread,
                           struct green__stack *stack, size_t record,
                           void *spawned_at)
{
    char *top = stack->top - record;

    green__sanitizer_stack_fresh(stack->bottom,
                                 (size_t)(stack->top - stack->bottom));
    /* Field by field: gcc turns a struct assignment into `rep stos`, which
     * takes 4 ns. `identity` is NULL: who frees a greenthread sees to it. */
    thread->waiter = NULL;
    thread->cancel_scopes = NULL;
    thread->alarms = 0;
    thread->interrupt = 0;
    thread->saved_errno = 0;
    thread->flags = 0;
    thread->overlooked = 0;
    thread->joiner = NULL;
    thread->extras = NULL;
    thread->spawned_at = spawned_at;
    thread->identity = NULL;
    thread->context.sp = green__context_make(top, thread_main);
    green__sanitizer_init(&thread->context, stack->bottom,
                          (size_t)(top - stack->bottom));
}

/*
 * The common body of all spawns: makes a greenthread that is in no run queue
 * yet, with a record of `record` bytes on its stack. NULL as green_spawn.
 */
GREEN__ALWAYS_INLINE static inline struct green_thread *
make(union green__start start, void *arg, const struct green_attr *attr,
     size_t record, void *spawned_at)
{
    struct green__scheduler *s = spawning_scheduler(start.function != NULL);
    struct green__stack *stack;
    struct green_thread *thread;

    if (green__unlikely(!s))
        return NULL;
    green__free_dead(s);
    stack = attr ? green__stack_acquire_guarded(&s->stacks,
                                                attr->stack_size
                                                    ? attr->stack_size
                                                    : GREEN__DEFAULT_STACK,
                                                attr->guard_size)
                 : green__stack_acquire(&s->stacks, GREEN__DEFAULT_STACK);
    if (green__unlikely(!stack))
        return NULL;
    thread = green__thread_of_stack(stack);
    fill_in(thread, stack, green__record_size(record), spawned_at);
    thread->start = start;
    thread->arg = arg;
    s->spawns++;
    s->alive++;
    GREEN__PROBE3(spawn, thread, start.function, spawned_at);
    if (green__traced(s))
        green__trace_spawn(thread);
    return thread;
}

static inline void start(struct green_thread *thread)
{
    struct green__scheduler *s = green__self_here()->scheduler;

    green__make_runnable(s, thread);
    if (green__chaos(3) && !s->hub->dispatching)
        green_sleep(0);
}

GREEN__COLD struct green_thread *green__spawn_undo(struct green_thread *thread)
{
    struct green__scheduler *s = green__self_here()->scheduler;

    s->spawns--;
    s->alive--;
    green__thread_free(s, thread);
    errno = ENOMEM;
    return NULL;
}

struct green_thread *green_spawn(void *(*fn)(void *), void *arg)
{
    struct green_thread *thread =
        make((union green__start){.function = fn}, arg, NULL, 0,
             __builtin_return_address(0));

    if (green__likely(thread != NULL))
        start(thread);
    return thread;
}

int green_spawn_n(void (*fn)(void *), void *arg)
{
    struct green_thread *thread =
        make((union green__start){.procedure = fn}, arg, NULL, 0,
             __builtin_return_address(0));

    if (green__unlikely(!thread))
        return -1;
    thread->flags = GREEN__DETACHED | GREEN__NO_RESULT;
    start(thread);
    return 0;
}

struct green_thread *green_spawn_with(const struct green_attr *attr,
                                      void *(*fn)(void *), void *arg)
{
    struct green_thread *thread;

    if (attr && !GREEN__RESERVED_IS_ZERO(attr)) {
        errno = EINVAL;
        return NULL;
    }
    thread = make((union green__start){.function = fn}, arg, attr, 0,
                  __builtin_return_address(0));
    if (!thread)
        return NULL;
    if (attr && attr->name && green_set_name(thread, attr->name) < 0)
        return green__spawn_undo(thread);
    start(thread);
    return thread;
}

struct green_thread *green__spawn_make(void *(*fn)(void *), void *arg,
                                       size_t record, void *spawned_at)
{
    return make((union green__start){.function = fn}, arg, NULL, record,
                spawned_at);
}

struct green_thread *green__spawn_make_as(struct green__identity *identity,
                                          const struct green_attr *attr,
                                          void (*fn)(void *), void *arg)
{
    struct green_thread *thread =
        make((union green__start){.procedure = fn}, arg, attr, 0,
             __builtin_return_address(0));

    if (!thread)
        return NULL;
    thread->flags = GREEN__DETACHED | GREEN__NO_RESULT;
    thread->identity = identity;
    return thread;
}

struct green_thread *green__spawn_prepare(void *(*fn)(void *), size_t size,
                                          void (*ended)(struct green_thread *,
                                                        void *),
                                          void *spawned_at)
{
    struct green_thread *thread = green__spawn_make(fn, NULL, size, spawned_at);

    if (!thread)
        return NULL;
    thread->arg = green__record_of(thread, size);
    /* green_link needs a state; the caller starts it next */
    thread->state = GREEN__RUNNABLE;
    if (green_link(thread, ended, thread->arg) < 0)
        return green__spawn_undo(thread);
    return thread;
}

void green__spawn_start(struct green_thread *thread)
{
    start(thread);
}
