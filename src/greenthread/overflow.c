/* On request, reports which greenthread overflowed its stack. */
#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <greenhub/debug.h>

#include "base/backtrace.h"
#include "base/system.h"
#include "base/text.h"
#include "context/memory.h"
#include "greenthread/scheduler.h"

#define SIGNAL_STACK ((size_t)64 << 10)

static atomic_bool on;
static struct sigaction former_segv, former_bus;
static _Thread_local void *signal_stack;

static void report(const struct green_thread *thread, size_t size)
{
    void *place = thread->spawned_at;
    char name[32], text[256];
    int length;

    snprintf(name, sizeof name, "%s", green_name(thread));
    green__make_printable(name);
    length = snprintf(
        text, sizeof text,
        "greenhub: greenthread %p \"%s\" has used up its stack of %zu KiB; "
        "spawned at\n",
        (const void *)thread, name, size >> 10);
    if (green__system.write(STDERR_FILENO, text, (size_t)length) == length)
        green__backtrace_print(&place, 1, STDERR_FILENO);
}

static void look_at_fault(const char *address)
{
    struct green__scheduler *s = green__self()->scheduler;
    const struct green__stack *stack = s ? green__current_stack(s) : NULL;

    if (stack && address < stack->bottom &&
        address >= stack->bottom - stack->class->guard)
        report(s->current, stack->class->size);
}

/* When this returns, the fault is repeated and reaches the former handler. */
static void on_fault(int number, siginfo_t *info, void *context)
{
    const struct sigaction *former =
        number == SIGSEGV ? &former_segv : &former_bus;

    look_at_fault(info->si_addr);
    if (former->sa_flags & SA_SIGINFO)
        former->sa_sigaction(number, info, context);
    else if (former->sa_handler != SIG_DFL && former->sa_handler != SIG_IGN)
        former->sa_handler(number);
    else
        green__system.sigaction(number, former, NULL);
}

void green__overflow_thread_begins(void)
{
    stack_t stack = {.ss_size = SIGNAL_STACK};

    if (!atomic_load(&on) || signal_stack)
        return;
    stack.ss_sp = green__memory_map(SIGNAL_STACK);
    if (!stack.ss_sp)
        return; /* without it this OS thread's overflows are not reported */
    if (green__system.sigaltstack(&stack, NULL) < 0) {
        green__system.unmap(stack.ss_sp, SIGNAL_STACK);
        return;
    }
    signal_stack = stack.ss_sp;
}

void green__overflow_thread_ends(void)
{
    const stack_t none = {.ss_flags = SS_DISABLE};

    if (!signal_stack)
        return;
    green__system.sigaltstack(&none, NULL);
    green__system.unmap(signal_stack, SIGNAL_STACK);
    signal_stack = NULL;
}

static int turn_on(void)
{
    struct sigaction action = {.sa_sigaction = on_fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK};

    sigemptyset(&action.sa_mask);
    if (green__system.sigaction(SIGSEGV, &action, &former_segv) < 0)
        return -1;
    if (green__system.sigaction(SIGBUS, &action, &former_bus) < 0) {
        green__system.sigaction(SIGSEGV, &former_segv, NULL);
        return -1;
    }
    return 0;
}

int green_debug_stack_overflow(bool wanted)
{
    if (wanted == atomic_exchange(&on, wanted))
        return 0;
    if (!wanted) {
        green__overflow_thread_ends();
        green__system.sigaction(SIGBUS, &former_bus, NULL);
        return green__system.sigaction(SIGSEGV, &former_segv, NULL);
    }
    green__overflow_thread_begins();
    if (!signal_stack) {
        atomic_store(&on, false);
        errno = ENOMEM;
        return -1;
    }
    if (turn_on() < 0) {
        atomic_store(&on, false);
        return -1;
    }
    return 0;
}
