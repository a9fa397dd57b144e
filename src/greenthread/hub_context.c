/* The hub's own context: runs iterations of the loop between those of
 * greenthreads. */
#include <errno.h>
#include <pthread.h>

#include "base/system.h"
#include "greenthread/scheduler.h"

/* How often the hub looks for newly loaded C++ runtimes. */
#define LOOK_FOR_RUNTIMES (10 * GREEN_MSEC)

static void interrupt_one(struct green_thread *thread, void *arg)
{
    green__interrupt(thread, *(const int *)arg);
}

/* The hub can never wait again: end all parks, which would last for ever. */
static GREEN__COLD void interrupt_all(struct green__scheduler *s)
{
    int error = errno;

    green__each_thread(s, interrupt_one, &error);
}

/* Cold, so that green__lifecycle_check() stays inline. */
static GREEN__COLD __attribute__((noreturn)) void
end_os_thread(struct green__scheduler *s)
{
    green__sanitizer_before_end(&s->main.context);
    green__system.pthread_exit(NULL);
}

/*
 * In a forked child, or after a change of hub, main may be gone. When the last
 * greenthread has finished and nothing is runnable, the OS thread exits as by
 * pthread_exit, and the process with it if it was the last. In a child the last
 * greenthread may finish before anything needed a hub, so there may be no hub.
 */
void green__lifecycle_check(struct green__scheduler *s)
{
    if (green__likely(s->hub && s->current == &s->hub_thread && !s->hub->dead &&
                      (s->alive > 0 || green__others_runnable(s))))
        return;
    end_os_thread(s);
}

/* A plugin may have loaded a C++ runtime. */
static GREEN__COLD void look_for_runtimes(struct green__scheduler *s)
{
    s->runtimes.looked = s->hub->run_start;
    green__scheduler_look(s);
}

/* Runs an iteration of the loop, then switches to the runnable greenthreads. */
static struct green__next_context hub_main(void *arg)
{
    struct green__scheduler *s =
        container_of(arg, struct green__scheduler, hub_thread);

    green__sanitizer_after_switch(&s->hub_thread.context);
    for (;;) {
        struct green_thread *first;

        green__lifecycle_check(s);
        if (!green__others_runnable(s) && !s->hub->timers.levels &&
            green__is_deadlocked(s))
            green__deadlock_end(s);
        if (green_hub_wait(s->hub,
                           green__others_runnable(s) ? 0 : GREEN_FOREVER) < 0)
            interrupt_all(s);
        green__trace_follow(s);
        if (s->hub->run_start - s->runtimes.looked >= LOOK_FOR_RUNTIMES)
            look_for_runtimes(s);
        green_hub_dispatch(s->hub);
        green__lifecycle_check(s);
        first = s->hub_thread.next;
        if (first == &s->hub_thread)
            continue;
        s->last->next = first;
        s->switches++;
        green__budget_grant(s, s->hub->run_start);
        green__switch_to(s, first);
    }
    return (struct green__next_context){NULL, NULL}; /* not reached */
}

void green__hub_thread_make(struct green__scheduler *s)
{
    struct green__stack *stack = s->hub_stack;
    char *bottom = stack->bottom, *top = stack->top;

    if (s->hub_thread.context.sp)
        green__sanitizer_done(&s->hub_thread.context, true);
    green__sanitizer_stack_fresh(bottom, (size_t)(top - bottom));
    s->hub_thread.context.sp = green__context_make(top, hub_main);
    green__sanitizer_init(&s->hub_thread.context, bottom,
                          (size_t)(top - bottom));
    s->hub_thread.state = GREEN__PARKED;
    s->hub_thread.flags = GREEN__NATIVE; /* hub modules call libc */
    s->budget = GREEN__FIRST_BUDGET;
    green__budget_grant(s, green__clock());
}
