/*
 * The life of a scheduler: first use, change of hub, fork, exit of the OS
 * thread.
 */
#include <errno.h>
#include <pthread.h>

#include "base/note.h"
#include "base/system.h"
#include "greenthread/blocking.h"
#include "greenthread/scheduler.h"
#include "greenthread/schedulers.h"

#define HUB_STACK ((size_t)256 << 10)

static const struct green__layer layer;

static bool between_iterations(struct green_hub *hub);

static void use(struct green__scheduler *s, struct green_hub *hub)
{
    s->hub = hub;
    hub->between_iterations = between_iterations;
    s->alive = 1;
    s->spawns = 0;
    s->limit -= s->switches;
    s->switches_then -= s->switches;
    s->switches = 0;
    s->cooling = false;
    /* In a callback green__dispatch_ends sets it. */
    if (!hub->dispatching)
        hub->owner->running = s;
    green__trace_follow(s);
}

/* Others call s->hub. What they have asked of the old one it does no more. */
static void use_shown(struct green__scheduler *s, struct green_hub *hub)
{
    green__schedulers_lock();
    if (s->hub)
        green__calls_forget(s->hub);
    use(s, hub);
    green__schedulers_unlock();
}

/* A fork in a callback may have left the hub without a context. */
static int make_hub_thread(struct green__scheduler *s)
{
    if (s->hub_stack)
        return 0;
    s->hub_stack = green__stack_acquire(&s->stacks, HUB_STACK);
    if (!s->hub_stack)
        return -1;
    green__hub_thread_make(s);
    return 0;
}

static GREEN__COLD struct green__scheduler *make(struct green__self *self)
{
    struct green__scheduler *s;

    s = green__system.allocate(1, sizeof *s);
    if (!s) {
        green__fail(ENOMEM, "no memory for the scheduler");
        return NULL;
    }
    green__stack_pool_init(&s->stacks, sizeof(struct green_thread));
    if (make_hub_thread(s) < 0) {
        green__stack_pool_destroy(&s->stacks);
        green__system.release(s);
        return NULL;
    }
    s->errno_place = &errno;
    s->current = &s->main;
    s->last = &s->main;
    s->main.next = &s->main;
    s->main.state = GREEN__RUNNABLE;
    s->main.flags = GREEN__STARTED | GREEN__MAIN;
    green__sanitizer_init_main(&s->main.context);
    self->scheduler = s;
    self->scheduler_layer = &layer;
    green__overflow_thread_begins();
    green__scheduler_look(s);
    green__schedulers_add(s);
    green__blocking_begin();
    if (green__schedulers_begin)
        green__schedulers_begin();
    green__trace_begin_by_environment();
    return s;
}

static GREEN__COLD struct green__scheduler *find(struct green__self *self)
{
    struct green_hub *hub = green__hub_get();
    struct green__scheduler *s = self->scheduler;

    if (!hub)
        return NULL;
    if (!s)
        s = make(self);
    if (!s || make_hub_thread(s) < 0)
        return NULL;
    if (s->hub != hub)
        use_shown(s, hub);
    return s;
}

struct green__scheduler *green__scheduler(void)
{
    struct green__self *self = green__self();
    struct green__scheduler *s = self->scheduler;

    if (green__likely(s && s->hub))
        return s;
    return find(self);
}

/* green_hub_run calls this on its caller's stack: runs the other
 * greenthreads. */
static bool between_iterations(struct green_hub *hub)
{
    struct green__scheduler *s = hub->owner->scheduler;

    if (!green__others_runnable(s))
        return false;
    green__rotate(s);
    return green__others_runnable(s);
}

/* ---- Dropping greenthreads ------------------------------------------- */

/* The greenthread never runs again. A joinable one stays, as cancelled. */
static void drop(struct green_thread *thread, void *arg)
{
    struct green__scheduler *s = arg;

    if (thread == s->current)
        return;
    if (thread->state == GREEN__DELAYED)
        green__delay_forget(thread);
    thread->state = GREEN__FINISHED;
    thread->flags |= GREEN__CANCELLED;
    thread->waiter = NULL;
    thread->joiner = NULL;
    s->alive--;
    if (thread == &s->main)
        s->main_is_gone = true;
    if (thread != &s->main && (thread->flags & GREEN__DETACHED))
        green__thread_free(s, thread);
    else
        green__extras_free(thread);
}

/* Drops all greenthreads but the calling one. Returns how many. */
static uint64_t drop_others(struct green__scheduler *s)
{
    uint64_t before = s->alive;

    s->drops++;
    if (s->gauge)
        s->gauge->marked = NULL;
    green__free_dead(s);
    s->last = s->current;
    s->current->next = s->current;
    s->current->joiner = NULL; /* the joiner is dropped too */
    green__each_thread(s, drop, s);
    return before - s->alive;
}

static void tell_dropped(const struct green__scheduler *s,
                         const struct green_thread *survivor)
{
    if (green__schedulers_dropped)
        green__schedulers_dropped(s, survivor);
}

static void hub_replaced(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;
    uint64_t dropped = drop_others(s);

    green__hub_thread_make(s);
    use_shown(s, self->hub);
    tell_dropped(s, s->current);
    self->hub->stats.dropped = dropped;
    if (dropped)
        green__note("greenhub: %llu greenthreads dropped with their hub",
                    (unsigned long long)dropped);
}

/*
 * In the child of a fork in a callback, which runs on the hub's own stack: the
 * callback becomes the OS thread's main, so that it can use greenthreads, and
 * the hub gets another stack. When the callback returns, green__lifecycle_check
 * ends the OS thread.
 */
static void callback_becomes_main(struct green__scheduler *s)
{
    s->main = (struct green_thread){
        .state = GREEN__RUNNABLE,
        .flags = GREEN__STARTED | GREEN__MAIN,
        .next = &s->main,
    };
    s->main.context = s->hub_thread.context;
    s->main_stack = s->hub_stack;
    s->hub_thread = (struct green_thread){.context = {NULL}};
    s->hub_stack = green__stack_acquire(&s->stacks, HUB_STACK);
    s->current = &s->main;
    s->last = &s->main;
    s->main_is_gone = false;
}

/* In the child only the forking greenthread is left, and it has no hub yet. */
static void forked(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;

    drop_others(s);
    if (s->current == &s->hub_thread)
        callback_becomes_main(s);
    if (s->hub_stack)
        green__hub_thread_make(s);
    green__identity_forked(s);
    s->hub = NULL;
    self->running = NULL;
}

/* No greenthread can join it any more. */
static void forget_finished(void *room, void *arg)
{
    struct green_thread *thread = room;

    (void)arg;
    if (thread->state == GREEN__FINISHED)
        green__parts_free(thread);
}

/* Whether the OS thread exits on a greenthread's stack: after pthread_exit in a
 * greenthread some C libraries unwind to the OS thread's own stack, others do
 * not. */
static bool is_on_own_stack(const struct green__scheduler *s)
{
    const struct green__stack *stack = green__current_stack(s);
    const char *here = __builtin_frame_address(0);

    return stack && here >= stack->bottom && here < stack->top;
}

static void ends(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;

    /* pthread_cancel of a waiting hub unwinds its stack and continues on the OS
     * thread's own, without telling the sanitizers. */
    if (!is_on_own_stack(s))
        green__sanitizer_before_end(&s->main.context);
    if (s->hub && s->current == &s->main) {
        green__exits_run(&s->main);
        green__locals_destroy(&s->main);
    }
    green__schedulers_remove(s);
    drop_others(s);
    tell_dropped(s, NULL);
    green__stack_pool_each(&s->stacks, forget_finished, NULL);
    green__extras_free(s->current);
    self->scheduler = NULL;
    self->running = NULL;
    green__overflow_thread_ends();
    /* Timers and waiters lie on the stacks: the hub must drop them first. */
    if (self->hub)
        self->hub_layer->ends(self);
    if (is_on_own_stack(s))
        return; /* it cannot be unmapped */
    green__sanitizer_done(&s->hub_thread.context, true);
    green__stack_pool_destroy(&s->stacks);
    green__system.release(s->gauge);
    green__system.release(s);
}

static void count(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;

    if (!s->hub)
        return;
    s->hub->stats.switches = (uint64_t)s->switches;
    s->hub->stats.spawns = s->spawns;
    s->hub->stats.alive = s->alive;
    s->hub->stats.finished = s->spawns + 1 - s->alive;
}

static const struct green__layer layer = {
    .ends = ends,
    .forked = forked,
    .hub_replaced = hub_replaced,
    .count = count,
};
