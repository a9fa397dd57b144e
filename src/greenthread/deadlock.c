/*
 * Detects deadlocks: greenthreads that wait only for each other. The check runs
 * when the hub is about to wait without a limit, so no greenthread is runnable
 * and no timer is pending; only something outside can still wake one.
 * greenhub/thread.h tells users the rules. When in doubt, this reports no
 * deadlock.
 */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include <greenhub/debug.h>

#include "base/os_threads.h"
#include "base/portable.h"
#include "base/system.h"
#include "greenthread/look.h"

/* The descriptor for reports, or -1. */
static atomic_int report_fd = -1;

/* ---- Can the hub still be called? ------------------------------------ */

static bool is_fault_signal(int number)
{
    return number == SIGSEGV || number == SIGBUS || number == SIGFPE ||
           number == SIGILL || number == SIGTRAP || number == SIGSYS ||
           number == SIGABRT;
}

/* The C library reserves some signal numbers and refuses to query them. The
 * handler of looks wakes nobody. */
static bool handles_signals(void)
{
    struct sigaction action;

    for (int number = 1; number < NSIG; number++)
        if (!is_fault_signal(number) && number != green__look_signal() &&
            green__system.sigaction(number, NULL, &action) == 0 &&
            ((action.sa_flags & SA_SIGINFO) ||
             (action.sa_handler != SIG_DFL && action.sa_handler != SIG_IGN)))
            return true;
    return false;
}

static bool was_called(const struct green_hub *hub)
{
    return __atomic_load_n(&hub->called, __ATOMIC_RELAXED);
}

static bool can_be_called(struct green_hub *hub)
{
    /* If the module has no wake-up of its own, one listener is the hub's. */
    size_t own = hub->module->wakeup ? 0 : 1;

    if (!hub->handed_out)
        return false;
    /* Check again at the end: the last other OS thread may have called and
     * exited during the checks. */
    return was_called(hub) || hub->listeners > own ||
           !green__os_thread_is_alone() || handles_signals() || was_called(hub);
}

/* ---- External waiters ------------------------------------------------ */

static bool is_external_waiter(const void *room)
{
    const struct green_thread *thread = room;

    if (thread->state == GREEN__UNUSED || thread->state == GREEN__FINISHED)
        return false;
    return thread->state != GREEN__PARKED || !thread->waiter ||
           !thread->waiter->kind->inside;
}

/* Whether any greenthread waits for something outside. Checks the last one
 * found first: usually it waits outside again. */
static bool has_external_waiters(struct green__scheduler *s)
{
    if (!s->main_is_gone && is_external_waiter(&s->main))
        return true;
    if (s->external_waiter && is_external_waiter(s->external_waiter))
        return true;
    s->external_waiter = green__stack_pool_find(&s->stacks, is_external_waiter);
    return s->external_waiter != NULL;
}

GREEN__NOINLINE bool green__is_deadlocked(struct green__scheduler *s)
{
    return !green__calls_pending(s->hub) && !s->hub->descriptors.ready &&
           !has_external_waiters(s) && !can_be_called(s->hub);
}

/* ---- Ending a deadlock ----------------------------------------------- */

static void interrupt_one(struct green_thread *thread, void *arg)
{
    (void)arg;
    green__interrupt(thread, EDEADLK);
}

GREEN__COLD void green__deadlock_end(struct green__scheduler *s)
{
    int fd = atomic_load(&report_fd);

    if (fd >= 0) {
        green__system.dprintf(
            fd, "greenhub: deadlock: nothing can wake these any more\n");
        green_dump(fd);
    }
    green__each_thread(s, interrupt_one, NULL);
}

int green_debug_deadlock(int fd)
{
    if (fd >= 0 && !green__is_open(fd))
        return -1;
    atomic_store(&report_fd, fd < 0 ? -1 : fd);
    return 0;
}
