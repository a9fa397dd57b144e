/*
 * A scheduler's beginning and end: first use, another hub, a fork, the end of
 * the OS thread.
 */
#include <errno.h>
#include <pthread.h>

#include "base/note.h"
#include "base/system.h"
#include "greenthread/scheduler.h"

#define HUB_STACK ((size_t)256 << 10)
#define COOL_PERIOD GREEN_SEC
#define COOL_MORE (10 * GREEN_MSEC)

static bool between_turns(struct green_hub *hub);

static void use(struct green__scheduler *s, struct green_hub *hub)
{
    s->hub = hub;
    hub->between_turns = between_turns;
    hub->stats.alive = 1;
    s->cooling = false;
}

static GREEN__COLD struct green__scheduler *make(struct green__self *self)
{
    struct green__scheduler *s;

    s = green__system.allocate(1, sizeof *s);
    if (!s) {
        green__fail(ENOMEM, "no memory for the scheduler");
        return NULL;
    }
    green__list_init(&s->all);
    green__list_init(&s->finished);
    green__stack_pool_init(&s->stacks);
    s->hub_thread.stack = green__stack_acquire(&s->stacks, HUB_STACK);
    if (!s->hub_thread.stack) {
        green__stack_pool_destroy(&s->stacks);
        green__system.release(s);
        return NULL;
    }
    green__hub_thread_make(s);
    s->errno_place = &errno;
    s->current = &s->main;
    s->main.state = GREEN__RUNNING;
    s->main.flags = GREEN__STARTED;
    green__list_append(&s->all, &s->main.all);
    green__notes_init_main(&s->main.context);
    self->scheduler = s;
    self->scheduler_layer = &green__scheduler_layer;
    green__overflow_thread_begins();
    return s;
}

static GREEN__COLD struct green__scheduler *find(struct green__self *self)
{
    struct green_hub *hub = green_get_hub();
    struct green__scheduler *s = self->scheduler;

    if (!hub)
        return NULL;
    if (!s)
        s = make(self);
    if (s && s->hub != hub)
        use(s, hub);
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

/* Called by green_hub_run, on the caller's stack: the others run. */
static bool between_turns(struct green_hub *hub)
{
    struct green__scheduler *s = hub->owner->scheduler;

    if (!s->run_first)
        return false;
    green__make_runnable(s, s->current);
    green__switch_away(s);
    return s->run_first != NULL;
}

/* ---- Memory back to the system --------------------------------------- */

static void cool(struct green_timer *timer)
{
    struct green__scheduler *s = timer->arg;
    bool more = green__stack_pool_cool(&s->stacks);

    s->cooling = more || green__stack_pool_is_warm(&s->stacks);
    if (s->cooling)
        green_hub_schedule(s->hub, timer,
                           green__time_add(green__hub_now(s->hub),
                                           more ? COOL_MORE : COOL_PERIOD));
}

void green__cool_later(struct green__scheduler *s)
{
    s->cooling = true;
    s->cool_timer.callback = cool;
    s->cool_timer.arg = s;
    green_hub_schedule(s->hub, &s->cool_timer,
                       green__time_add(green__hub_now(s->hub), COOL_PERIOD));
}

/* ---- Dropping -------------------------------------------------------- */

/* It never runs again. One that can be joined stays, as cancelled. */
static void drop(struct green__scheduler *s, struct green_thread *thread)
{
    if (thread->state == GREEN__DELAYED)
        green__delay_forget(thread);
    thread->state = GREEN__FINISHED;
    thread->flags |= GREEN__CANCELLED;
    thread->waiter = NULL;
    thread->joiner = NULL;
    green__list_remove(&thread->all);
    if (thread == &s->main) {
        green__extras_free(thread);
        return;
    }
    if (thread->flags & GREEN__DETACHED)
        green__thread_free(s, thread);
    else
        green__extras_free(thread);
}

/* All but the one that is calling. Returns how many. */
static uint64_t drop_others(struct green__scheduler *s)
{
    struct green_list *link, *next;
    uint64_t count = 0;

    s->drops++;
    green__free_dead(s);
    s->run_first = NULL;
    green__list_each_safe (&s->all, link, next) {
        struct green_thread *thread =
            container_of(link, struct green_thread, all);

        if (thread != s->current) {
            drop(s, thread);
            count++;
        }
    }
    return count;
}

static void hub_replaced(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;
    uint64_t dropped = drop_others(s);

    green__hub_thread_make(s);
    use(s, self->hub);
    self->hub->stats.dropped = dropped;
    if (dropped)
        green__note("greenhub: %llu greenthreads dropped with their hub",
                    (unsigned long long)dropped);
}

/* The forking greenthread is the only one in the child, and has no hub yet. */
static void forked(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;

    if (self->hub && self->hub->dispatching)
        return; /* it forked in a callback: lifecycle_check goes on */
    drop_others(s);
    green__hub_thread_make(s);
    s->hub = NULL;
}

/*
 * In a forked child, or after another hub was chosen, main may be gone. When the
 * last greenthread has finished and nothing is left that could go on, the OS
 * thread ends as by pthread_exit, and if it was the last, the process.
 */
void green__lifecycle_check(struct green__scheduler *s)
{
    if (green__likely(!s->hub->dead &&
                      (!green__list_empty(&s->all) || s->run_first)))
        return;
    if (s->hub->dead)
        s->hub = NULL;
    green__notes_before_end(&s->main.context);
    pthread_exit(NULL);
}

/* Nobody will join them any more. */
static void forget_finished(struct green__scheduler *s)
{
    while (!green__list_empty(&s->finished)) {
        struct green_list *link = s->finished.next;

        green__list_remove(link);
        green__extras_free(container_of(link, struct green_thread, all));
    }
}

/* After pthread_exit in a greenthread the C library has unwound to the OS
 * thread's own stack, or, with some, has not. */
static bool is_on_own_stack(const struct green__scheduler *s)
{
    const struct green__stack *stack = s->current->stack;
    const char *here = __builtin_frame_address(0);

    return stack && here >= stack->base &&
           here < (const char *)green__stack_top(&s->stacks, stack);
}

static void ends(struct green__self *self)
{
    struct green__scheduler *s = self->scheduler;

    if (s->hub && s->current == &s->main) {
        green__defers_run(&s->main);
        green__locals_destroy(&s->main);
    }
    drop_others(s);
    forget_finished(s);
    green__extras_free(s->current);
    self->scheduler = NULL;
    green__overflow_thread_ends();
    /* Timers and waiters lie on the stacks: the hub lets go of them first. */
    if (self->hub)
        self->hub_layer->ends(self);
    if (is_on_own_stack(s))
        return; /* so that it cannot be unmapped */
    green__notes_done(&s->hub_thread.context, true);
    green__stack_pool_destroy(&s->stacks);
    green__system.release(s);
}

const struct green__layer green__scheduler_layer = {
    .ends = ends,
    .forked = forked,
    .hub_replaced = hub_replaced,
};
