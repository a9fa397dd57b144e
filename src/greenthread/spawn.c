/* A greenthread's birth, life and death. */
#include <errno.h>
#include <string.h>

#include "base/chaos.h"
#include "greenthread/scheduler.h"

/* ---- Death ----------------------------------------------------------- */

/*
 * In which timeouts, shields and scopes it still is, though its function has
 * returned. They lie in frames that are gone but not overwritten yet, if nothing was
 * called since: so the stack pointer moves beyond them before anything is. This is
 * inlined in all builds, being no call.
 */
GREEN__NO_SANITIZE GREEN__ALWAYS_INLINE static inline size_t
depth_of_regions(const struct green_thread *thread, const char *here)
{
    const char *lowest = here;

    for (const struct green_region *r = thread->regions; r; r = r->outer)
        if ((const char *)r < lowest && (const char *)r > thread->stack->bottom)
            lowest = (const char *)r;
    return (size_t)(here - lowest) + 256;
}

#define END_REGIONS(thread)                                                    \
    do {                                                                       \
        if (green__unlikely((thread)->regions != NULL)) {                      \
            void *beyond = __builtin_alloca(                                   \
                depth_of_regions(thread, __builtin_frame_address(0)));         \
                                                                               \
            __asm__ volatile("" : : "r"(beyond) : "memory");                   \
            green__regions_end(thread);                                        \
        }                                                                      \
    } while (0)

/*
 * What it leaves behind. Returns the context to go on with, after the notes of
 * its last switch: from there on nothing may be noted of this stack any more.
 */
GREEN__NO_SANITIZE static struct green__next_context
finish(struct green__scheduler *s, struct green_thread *thread)
{
    if (green__unlikely(thread->extras != NULL)) {
        green__defers_run(thread);
        green__locals_destroy(thread);
        green__links_call(thread);
        END_REGIONS(thread);
    }
    green__free_dead(s);
    s->alive--;
    thread->state = GREEN__FINISHED;
    if (thread->flags & GREEN__DETACHED)
        s->dead = thread;
    else if (thread->joiner)
        green__wake_thread(s, thread->joiner);
    return green__switch_last(s, thread);
}

GREEN__NO_SANITIZE static struct green__next_context thread_main(void *arg)
{
    struct green_thread *thread = arg;

    green__notes_after_switch(&thread->context);
    if (green__likely(!(thread->flags & GREEN__CANCELLED))) {
        thread->flags |= GREEN__STARTED;
        if (thread->flags & GREEN__NO_RESULT)
            thread->start.procedure(thread->arg);
        else
            thread->arg = thread->start.function(thread->arg);
        END_REGIONS(thread);
    }
    return finish(green__self_here.scheduler, thread);
}

/* ---- Birth ----------------------------------------------------------- */

static inline struct green_thread *create_on(struct green__scheduler *s,
                                             struct green__stack *stack,
                                             size_t extra, void *spawned_at)
{
    struct green_thread *thread;
    char *top;

    green__notes_stack_fresh(stack->bottom,
                             (size_t)(stack->top - stack->bottom));
    thread = green__thread_of_stack(stack);
    /* Field by field: of one assignment gcc makes a `rep stos`, 4 ns. */
    thread->waiter = NULL;
    thread->regions = NULL;
    thread->alarms = 0;
    thread->interrupt = 0;
    thread->saved_errno = 0;
    thread->flags = 0;
    thread->overlooked = 0;
    thread->joiner = NULL;
    thread->extras = NULL;
    thread->stack = stack;
    thread->spawned_at = spawned_at;
    top = stack->top - extra;
    thread->context.sp = green__context_make(top, thread_main);
    green__notes_init(&thread->context, stack->bottom,
                      (size_t)(top - stack->bottom));
    s->spawns++;
    s->alive++;
    return thread;
}

static inline struct green_thread *
create(struct green__scheduler *s, size_t size, size_t extra, void *spawned_at)
{
    struct green__stack *stack;

    green__free_dead(s);
    stack = green__stack_acquire(&s->stacks, size);
    if (green__unlikely(!stack))
        return NULL;
    return create_on(s, stack, extra, spawned_at);
}

static struct green_thread *create_with(struct green__scheduler *s,
                                        const struct green_attr *attr,
                                        void *spawned_at)
{
    size_t size = attr->stack_size ? attr->stack_size : GREEN__DEFAULT_STACK;
    struct green__stack *stack;

    green__free_dead(s);
    stack = green__stack_acquire_guarded(&s->stacks, size, attr->guard_size);
    if (green__unlikely(!stack))
        return NULL;
    return create_on(s, stack, 0, spawned_at);
}

/* Memory has run out between create and start. */
static GREEN__COLD struct green_thread *undo(struct green__scheduler *s,
                                             struct green_thread *thread)
{
    s->spawns--;
    s->alive--;
    green__thread_free(s, thread);
    errno = ENOMEM;
    return NULL;
}

static void start(struct green__scheduler *s, struct green_thread *thread)
{
    green__make_runnable(s, thread);
    if (green__chaos(3) && !s->hub->dispatching)
        green_sleep(0);
}

/* For the functions below: the scheduler, or NULL with errno. */
static inline struct green__scheduler *prepare(bool has_function)
{
    struct green__scheduler *s = green__running();

    if (green__likely(s && has_function))
        return s;
    if (has_function)
        return green__scheduler();
    errno = EINVAL;
    return NULL;
}

struct green_thread *green_spawn(void *(*fn)(void *), void *arg)
{
    struct green__scheduler *s = prepare(fn != NULL);
    struct green_thread *thread;

    if (green__unlikely(!s))
        return NULL;
    thread = create(s, GREEN__DEFAULT_STACK, 0, __builtin_return_address(0));
    if (green__unlikely(!thread))
        return NULL;
    thread->start.function = fn;
    thread->arg = arg;
    start(s, thread);
    return thread;
}

int green_spawn_n(void (*fn)(void *), void *arg)
{
    struct green__scheduler *s = prepare(fn != NULL);
    struct green_thread *thread;

    if (green__unlikely(!s))
        return -1;
    thread = create(s, GREEN__DEFAULT_STACK, 0, __builtin_return_address(0));
    if (green__unlikely(!thread))
        return -1;
    thread->flags = GREEN__DETACHED | GREEN__NO_RESULT;
    thread->start.procedure = fn;
    thread->arg = arg;
    start(s, thread);
    return 0;
}

struct green_thread *green_spawn_with(const struct green_attr *attr,
                                      void *(*fn)(void *), void *arg)
{
    static const struct green_attr defaults;
    struct green__scheduler *s = prepare(fn != NULL);
    struct green_thread *thread;

    if (!s)
        return NULL;
    thread =
        create_with(s, attr ? attr : &defaults, __builtin_return_address(0));
    if (!thread)
        return NULL;
    thread->start.function = fn;
    thread->arg = arg;
    if (attr && attr->name && green_set_name(thread, attr->name) < 0)
        return undo(s, thread);
    start(s, thread);
    return thread;
}

struct green_thread *green__spawn_prepare(void *(*fn)(void *), size_t size,
                                          void (*ended)(struct green_thread *,
                                                        void *),
                                          void *spawned_at)
{
    struct green__scheduler *s = green__scheduler();
    struct green_thread *thread;

    if (!s)
        return NULL;
    thread =
        create(s, GREEN__DEFAULT_STACK, green__record_size(size), spawned_at);
    if (!thread)
        return NULL;
    thread->start.function = fn;
    thread->arg = green__record_of(thread, size);
    thread->state = GREEN__RUNNABLE; /* one to link to; soon it is */
    if (green_link(thread, ended, thread->arg) < 0)
        return undo(s, thread);
    return thread;
}

void green__spawn_start(struct green_thread *thread)
{
    start(green__self_here.scheduler, thread);
}

/* ---- Later ----------------------------------------------------------- */

/* On the stack of one that has not started: its stack is not used yet. */
struct delay {
    struct green_timer timer;
    struct green_thread *parent; /* whose end cancels it, or NULL */
};

static struct delay *delay_of(struct green_thread *thread)
{
    return green__record_of(thread, sizeof(struct delay));
}

static void parent_ends(struct green_thread *parent, void *arg)
{
    struct green_thread *thread = arg;

    (void)parent;
    delay_of(thread)->parent = NULL;
    green_cancel(thread);
}

/* Its delay is over, one way or the other. */
static void end_delay(struct green_thread *thread)
{
    struct delay *delay = delay_of(thread);

    if (delay->parent)
        green_unlink(delay->parent, parent_ends, thread);
    green__make_runnable(green__self()->scheduler, thread);
}

void green__delay_forget(struct green_thread *thread)
{
    struct delay *delay = delay_of(thread);

    if (delay->parent)
        green_unlink(delay->parent, parent_ends, thread);
    delay->parent = NULL;
}

static void delay_is_over(struct green_timer *timer)
{
    end_delay(timer->arg);
}

static struct green_thread *spawn_later(green_time delay_time,
                                        void *(*fn)(void *), void *arg,
                                        bool local, void *spawned_at)
{
    struct green__scheduler *s = prepare(fn && delay_time >= 0);
    struct green_thread *thread;
    struct delay *delay;

    if (!s)
        return NULL;
    thread = create(s, GREEN__DEFAULT_STACK, green__record_size(sizeof *delay),
                    spawned_at);
    if (!thread)
        return NULL;
    thread->start.function = fn;
    thread->arg = arg;
    delay = delay_of(thread);
    *delay = (struct delay){
        .timer = {.callback = delay_is_over, .arg = thread},
        .parent = local ? green__current() : NULL,
    };
    thread->state = GREEN__DELAYED;
    if (delay->parent && green_link(delay->parent, parent_ends, thread) < 0)
        return undo(s, thread);
    green_hub_schedule(s->hub, &delay->timer,
                       green__time_add(green__hub_now(s->hub), delay_time));
    return thread;
}

struct green_thread *green_spawn_after(green_time delay, void *(*fn)(void *),
                                       void *arg)
{
    if (delay == 0)
        return green_spawn(fn, arg);
    return spawn_later(delay, fn, arg, false, __builtin_return_address(0));
}

struct green_thread *green_spawn_after_local(green_time delay,
                                             void *(*fn)(void *), void *arg)
{
    return spawn_later(delay, fn, arg, true, __builtin_return_address(0));
}

int green_cancel(struct green_thread *thread)
{
    if (!thread) {
        errno = EINVAL;
        return -1;
    }
    if (thread->state == GREEN__FINISHED) {
        errno = ESRCH;
        return -1;
    }
    if (thread->flags & GREEN__STARTED) {
        errno = EBUSY;
        return -1;
    }
    /* It still gets its turn, to end. */
    thread->flags |= GREEN__CANCELLED;
    if (thread->state == GREEN__DELAYED) {
        green_hub_cancel(green__self()->hub, &delay_of(thread)->timer);
        end_delay(thread);
    }
    return 0;
}
