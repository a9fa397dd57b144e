/*
 * Handlers. A handler that the program installs is called through `on_signal`,
 * on whatever stack is current, as natively; its calls of libc are native. The
 * thread that the signal was for may be parked: natively its wait would fail
 * with EINTR. So on_signal asks the hub to interrupt it, if it is still in the
 * same wait by then, and the wait is of a kind that signals interrupt.
 *
 *     kernel -> on_signal -> the program's handler
 *                         -> green_hub_call_threadsafe -> interrupt: EINTR
 */
#include "patch/signals.h"

#include <sys/syscall.h>

#include <greenhub/hub.h>

#include "patch/mask.h"
#include "patch/thread.h"

static struct sigaction installed[NSIG]; /* by the program */

/* The wait of main, when the last signal came. */
static struct green__waiter *volatile interrupted;
static volatile int restarts;
static struct green__scheduler *main_scheduler;

/* In a child that another thread than main forked: that thread. */
static struct green_thread *forker;

/* A thread that a signal of the process interrupts. NULL: there is none. */
static struct green_thread *main_thread(void)
{
    return main_scheduler->main_is_gone ? forker : &main_scheduler->main;
}

void green__signals_thread_ends(const struct green_thread *thread)
{
    if (thread == forker)
        forker = NULL;
}

/* ---- EINTR ------------------------------------------------------------------ */

static void interrupt(struct green_thread *thread, bool restart)
{
    const struct green__waiter *waiter = thread->waiter;
    enum green__signal_effect effect;

    if (thread->state != GREEN__PARKED || !waiter)
        return;
    effect = waiter->kind->signals;
    if (effect == GREEN__INTERRUPTS || (effect == GREEN__RESTARTS && !restart))
        green__interrupt(thread, EINTR);
}

static void interrupt_main(struct green_call *call)
{
    struct green_thread *thread = main_thread();

    (void)call;
    if (thread && thread->waiter && thread->waiter == interrupted)
        interrupt(thread, restarts);
}

static struct green_call call_hub = {.callback = interrupt_main};

/* Async-signal-safe. */
static void notice(int number)
{
    struct green_thread *thread;

    if (!main_scheduler || green__running() != main_scheduler)
        return; /* taken by another OS thread, or in a callback */
    thread = main_thread();
    interrupted = thread ? thread->waiter : NULL;
    restarts = installed[number].sa_flags & SA_RESTART;
    if (interrupted)
        (void)green_hub_call_threadsafe(main_scheduler->hub, &call_hub);
}

/* ---- The handler --------------------------------------------------------------- */

static void call_handler(int number, siginfo_t *info, void *context)
{
    const struct sigaction *action = &installed[number];

    if (action->sa_flags & SA_SIGINFO)
        action->sa_sigaction(number, info, context);
    else
        action->sa_handler(number);
}

static void on_signal(int number, siginfo_t *info, void *context)
{
    struct green__scheduler *s = green__running();
    struct green_thread *thread = s ? s->current : NULL;
    bool native = !thread || (thread->flags & GREEN__NATIVE);

    if (!native)
        thread->flags |= GREEN__NATIVE;
    call_handler(number, info, context);
    if (!native)
        thread->flags &= (uint8_t)~GREEN__NATIVE;
    int saved = errno;
    notice(number);
    errno = saved;
}

/* ---- sigaction ------------------------------------------------------------------- */

static bool is_wrapped(int number)
{
    return number > 0 && number < NSIG && number != SIGSEGV &&
           number != SIGBUS && number != SIGFPE && number != SIGILL &&
           number != SIGKILL && number != SIGSTOP;
}

static bool is_handler(const struct sigaction *action)
{
    return action->sa_handler != SIG_DFL && action->sa_handler != SIG_IGN;
}

/* The call may have been queued on a hub that the child does not have. */
static void forked_child(void)
{
    interrupted = NULL;
    call_hub = (struct green_call){.callback = interrupt_main};
    forker = main_scheduler->current;
}

static void know_main(void)
{
    struct green__scheduler *s = green__running();

    if (main_scheduler || !s)
        return;
    main_scheduler = s;
    (void)pthread_atfork(NULL, NULL, forked_child);
}

static int install(int number, const struct sigaction *action,
                   struct sigaction *before)
{
    struct sigaction mine = *action, was = installed[number];
    int result;

    know_main();
    if (is_handler(action)) {
        installed[number] = *action; /* before it can be called */
        mine.sa_sigaction = on_signal;
        mine.sa_flags |= SA_SIGINFO;
    }
    result = green__real()->sigaction(number, &mine, before);
    if (result < 0)
        installed[number] = was;
    else if (before && before->sa_sigaction == on_signal)
        *before = was;
    return result;
}

GREEN__HOOK int sigaction(int number, const struct sigaction *action,
                          struct sigaction *before)
{
    int result;

    if (action && is_wrapped(number) && green__is_green(GREEN_PATCH_SIGNALS))
        return install(number, action, before);
    result = green__real()->sigaction(number, action, before);
    if (result == 0 && before && before->sa_sigaction == on_signal)
        *before = installed[number];
    return result;
}

GREEN__HOOK sighandler_t signal(int number, sighandler_t handler)
{
    struct sigaction action = {.sa_handler = handler, .sa_flags = SA_RESTART};
    struct sigaction before;

    if (!is_wrapped(number) || !green__is_green(GREEN_PATCH_SIGNALS))
        return green__real()->signal(number, handler);
    sigemptyset(&action.sa_mask);
    sigaddset(&action.sa_mask, number);
    return sigaction(number, &action, &before) < 0 ? SIG_ERR
                                                   : before.sa_handler;
}

GREEN__HOOK int siginterrupt(int number, int interrupts)
{
    struct sigaction action;

    if (!is_wrapped(number) || !green__is_green(GREEN_PATCH_SIGNALS))
        return green__real()->siginterrupt(number, interrupts);
    if (sigaction(number, NULL, &action) < 0)
        return -1;
    action.sa_flags &= ~SA_RESTART;
    action.sa_flags |= interrupts ? 0 : SA_RESTART;
    return sigaction(number, &action, NULL);
}

/* ---- To one thread ------------------------------------------------------------------ */

static pthread_t os_thread(void)
{
    struct green__scheduler *s = green__running();

    return s && s->os_thread_pointer ? (pthread_t)s->os_thread_pointer
                                     : green__real()->pthread_self();
}

/* The handler runs at once, on the caller's stack; then the thread's wait
 * ends. */
int green__signal_thread(struct green__pthread *it, int number,
                         const union sigval *value)
{
    int error =
        value ? green__real()->pthread_sigqueue(os_thread(), number, *value)
              : green__real()->pthread_kill(os_thread(), number);

    if (error || number == 0 || !it->thread)
        return error;
    interrupt(it->thread,
              is_wrapped(number) && (installed[number].sa_flags & SA_RESTART));
    return 0;
}
