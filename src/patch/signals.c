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

#include <stdatomic.h>
#include <stdlib.h>

#include <greenhub/hub.h>

#include "patch/mask.h"
#include "patch/thread.h"

static struct sigaction installed[NSIG]; /* by the program */

/* Guards its changes: other OS threads may change it, too. */
static pthread_mutex_t installing = PTHREAD_MUTEX_INITIALIZER;

/* The wait of main, when the last signal came. Any OS thread may have run the
 * handler. */
static _Atomic(struct green__waiter *) interrupted;
static atomic_int restarts;
/* NULL in a child that an OS thread without greenthreads has forked. */
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

static struct green__waiter *wait_of_main(void)
{
    struct green_thread *thread = main_thread();

    return thread ? __atomic_load_n(&thread->waiter, __ATOMIC_RELAXED) : NULL;
}

static void interrupt_main(struct green_call *call)
{
    struct green__waiter *waiter = wait_of_main();

    (void)call;
    if (waiter && waiter == atomic_load(&interrupted))
        interrupt(main_thread(), atomic_load(&restarts));
}

static struct green_call call_hub = {.callback = interrupt_main};

/* Async-signal-safe. The kernel gives a signal for the process to main's OS
 * thread as long as that takes signals, else to another one. */
static void notice(int number)
{
    struct green__waiter *waiter;

    if (!main_scheduler || !main_scheduler->hub)
        return;
    waiter = wait_of_main();
    atomic_store(&interrupted, waiter);
    atomic_store(&restarts, installed[number].sa_flags & SA_RESTART);
    if (waiter)
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

static void before_fork(void)
{
    (void)green__real()->pthread_mutex_lock(&installing);
}

static void in_parent(void)
{
    (void)green__real()->pthread_mutex_unlock(&installing);
}

/* The call may have been queued on a hub that the child does not have. What main
 * was is now the thread that forks. */
static void in_child(void)
{
    in_parent();
    atomic_store(&interrupted, NULL);
    call_hub = (struct green_call){.callback = interrupt_main};
    main_scheduler = green__self_here()->scheduler;
    forker = main_scheduler ? main_scheduler->current : NULL;
}

int green__signals_prepare(void)
{
    if (main_scheduler)
        return 0;
    if (pthread_atfork(before_fork, in_parent, in_child) != 0)
        return green__refuse(ENOMEM);
    main_scheduler = green__self_here()->scheduler;
    return 0;
}

static int install(int number, const struct sigaction *action,
                   struct sigaction *before)
{
    struct sigaction mine = *action, was = installed[number];
    int result;

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

    if (action && is_wrapped(number) && green__is_green(GREEN_PATCH_SIGNALS)) {
        (void)green__real()->pthread_mutex_lock(&installing);
        result = install(number, action, before);
        (void)green__real()->pthread_mutex_unlock(&installing);
        return result;
    }
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

/* One that pthread_kill's bits can't tell: it counts each time, or has a value. */
struct green__signal {
    struct green__signal *next;
    int number;
    bool has_value;
    union sigval value;
};

static pthread_t os_thread(void)
{
    const struct green__carrier *here = green__carrier_here();

    return here ? here->os_thread : green__real()->pthread_self();
}

/* The handler runs at once, on the caller's stack; then the thread's wait
 * ends. */
static int signal_here(struct green__pthread *it, int number,
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

static int enqueue(struct green__pthread *it, int number,
                   const union sigval *value)
{
    struct green__signal *signal = malloc(sizeof *signal);

    if (!signal)
        return EAGAIN;
    *signal = (struct green__signal){
        .next = atomic_load(&it->signals_queued),
        .number = number,
        .has_value = value != NULL,
    };
    if (value)
        signal->value = *value;
    while (!atomic_compare_exchange_weak(&it->signals_queued, &signal->next,
                                         signal))
        continue;
    return 0;
}

/* libc keeps 32 and 33 for itself. */
static bool may_be_sent(int number)
{
    return number >= 0 && number < NSIG && number != 32 && number != 33;
}

int green__signal_thread(struct green__pthread *it, int number,
                         const union sigval *value)
{
    int error = 0;

    if (green__carrier_is_here(it->carrier))
        return signal_here(it, number, value);
    if (!may_be_sent(number))
        return EINVAL;
    if (number == 0)
        return 0;
    if (value || number >= SIGRTMIN)
        error = enqueue(it, number, value);
    else
        atomic_fetch_or(&it->signals_sent, green__signal_bit(number));
    if (!error)
        green__carrier_ask(it, GREEN__ASKED_SIGNAL);
    return error;
}

static struct green__signal *oldest_first(struct green__signal *signal)
{
    struct green__signal *oldest = NULL;

    while (signal) {
        struct green__signal *next = signal->next;

        signal->next = oldest;
        oldest = signal;
        signal = next;
    }
    return oldest;
}

static void take_queued(struct green__pthread *it)
{
    struct green__signal *signal =
        oldest_first(atomic_exchange(&it->signals_queued, NULL));

    while (signal) {
        struct green__signal *next = signal->next;

        if (it->thread)
            (void)signal_here(it, signal->number,
                              signal->has_value ? &signal->value : NULL);
        free(signal);
        signal = next;
    }
}

void green__signals_take(struct green__pthread *it)
{
    green__signals sent = atomic_exchange(&it->signals_sent, 0);

    for (; sent && it->thread; sent &= sent - 1)
        (void)signal_here(it, __builtin_ctzll(sent) + 1, NULL);
    take_queued(it);
}

void green__signals_drop(struct green__pthread *it)
{
    struct green__signal *signal = atomic_exchange(&it->signals_queued, NULL);

    while (signal) {
        struct green__signal *next = signal->next;

        free(signal);
        signal = next;
    }
}
