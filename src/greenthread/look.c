#include "greenthread/look.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/backtrace.h"
#include "base/system.h"
#include "base/text.h"
#include "greenthread/schedulers.h"
#include "greenthread/survey.h"

/* How long an OS thread that blocks the signal is waited for. */
#define PATIENCE GREEN_SEC
#define PAUSE (100 * GREEN_USEC)

/* More than it has now: it goes on until it looks. */
#define SPARE_ROWS 64

static atomic_int look_signal;
static _Atomic(struct green__look *) asked;

/* ---- Taking a look: what the signal handler does --------------------- */

struct trace {
    void *frames[2 * GREEN__ROW_FRAMES];
    int count;
};

static void take_trace(void *arg)
{
    struct trace *trace = arg;

    trace->count = green__backtrace(trace->frames, 2 * GREEN__ROW_FRAMES);
}

/* Copies the frames from `first` on. */
static void copy_frames(struct green__row *row, const struct trace *trace,
                        int first)
{
    for (int i = first; i < trace->count && row->count < GREEN__ROW_FRAMES; i++)
        row->frames[row->count++] = trace->frames[i];
}

/*
 * Where a signal may interrupt anything, the unwinder goes astray on some processors,
 * and crashes: i386's C library has assembly that pushes registers without saying so,
 * ARM's tables are right at calls alone, and on POWER it loses its way too.
 */
#if defined(__i386__) || defined(__arm__) || defined(__powerpc64__)
enum { UNWINDS_FROM_ANYWHERE = false };
#else
enum { UNWINDS_FROM_ANYWHERE = true };
#endif

static void trace_running(struct green__row *row,
                          const struct green__look *look)
{
    struct trace trace;
    int first = 0;

    if (look->past && !UNWINDS_FROM_ANYWHERE)
        return;
    take_trace(&trace);
    while (first < trace.count && trace.frames[first] != look->from)
        first++;
    copy_frames(row, &trace, first < trace.count ? first + look->past : 0);
}

/* Without the frames of take_trace and green__context_inspect. */
static void trace_suspended(struct green__row *row,
                            const struct green_thread *thread)
{
    struct trace trace;

    green__context_inspect(thread->context.sp, take_trace, &trace);
    copy_frames(row, &trace, 2);
}

/* In the middle of a switch `current` is not yet, or no longer, the greenthread
 * whose stack this is. The others' saved contexts are right even then. */
static bool is_running(const struct green__scheduler *s,
                       const struct green_thread *thread)
{
    const char *here = __builtin_frame_address(0);
    const struct green__stack *stack = green__stack_of(s, thread);

    if (stack)
        return here >= stack->bottom && here < stack->top;
    return !green__stack_pool_has(&s->stacks, here);
}

static void note_wait(struct green__row *row, const struct green_thread *thread,
                      green_time now)
{
    const struct green__waiter *waiter = thread->waiter;

    if (thread->state != GREEN__PARKED || !waiter)
        return;
    row->wait = waiter->kind->name;
    row->waited = now - waiter->since;
    if (waiter->kind->describe)
        waiter->kind->describe(waiter, row->particulars,
                               sizeof row->particulars);
}

static void note_thread(struct green__look *look, struct green__row *row,
                        const struct green_thread *thread)
{
    struct green__scheduler *s = look->scheduler;
    const struct green__stack *stack = green__stack_of(s, thread);

    *row = (struct green__row){.thread = thread,
                               .spawned_at = thread->spawned_at,
                               .killed = thread->flags & GREEN__KILLED,
                               .running = is_running(s, thread)};
    row->state = row->running ? "running" : green__state_name(s, thread);
    strncpy(row->name, thread == &s->main ? "main" : green_name(thread),
            sizeof row->name - 1);
    green__make_printable(row->name);
    if (stack) {
        row->bottom = stack->bottom;
        row->top = stack->top;
    }
    note_wait(row, thread, look->now);
    if (row->running)
        trace_running(row, look);
    else if ((thread->flags & GREEN__STARTED) && thread->context.sp)
        trace_suspended(row, thread);
}

static void add_row(struct green_thread *thread, void *arg)
{
    struct green__look *look = arg;

    if (look->running_only && !is_running(look->scheduler, thread))
        return;
    if (look->only && look->only != thread)
        return;
    if (look->found++ < look->room)
        note_thread(look, &look->rows[look->count++], thread);
}

GREEN__NOINLINE static void take(struct green__look *look)
{
    struct green__scheduler *s = look->scheduler;
    struct green_hub *hub = s->hub;

    look->in_hub = s->current == &s->hub_thread;
    if (look->survey) {
        green__survey_take(look->survey, s);
    } else if (hub) {
        strncpy(look->hub, hub->module->name, sizeof look->hub - 1);
        look->now = green__hub_now(hub);
        green__each_thread(s, add_row, look);
    }
    __atomic_store_n(&look->taken, true, __ATOMIC_RELEASE);
}

static void on_look(int number)
{
    int saved = errno;
    struct green__look *look = atomic_exchange(&asked, NULL);

    (void)number;
    if (look && look->scheduler == green__self_here()->scheduler) {
        /* The trampoline of signals; the frame after it was interrupted. */
        look->from = __builtin_return_address(0);
        look->past = 1;
        take(look);
    }
    errno = saved;
}

/* ---- Asking ---------------------------------------------------------- */

int green__look_signal(void)
{
    return atomic_load(&look_signal);
}

/* A real-time signal that has the default action. qemu's emulation of programs
 * never delivers the last ones. */
static int find_signal(void)
{
    struct sigaction action = {.sa_handler = on_look, .sa_flags = SA_RESTART};
    struct sigaction theirs;

    sigfillset(&action.sa_mask);
    for (int number = SIGRTMAX - 4; number > SIGRTMIN; number--)
        if (green__system.sigaction(number, NULL, &theirs) == 0 &&
            theirs.sa_handler == SIG_DFL &&
            green__system.sigaction(number, &action, NULL) == 0)
            return number;
    return 0;
}

/* The first backtrace loads a library, which a signal handler must not. */
static bool is_prepared(void)
{
    struct trace trace;

    if (!atomic_load(&look_signal)) {
        take_trace(&trace);
        atomic_store(&look_signal, find_signal());
    }
    return atomic_load(&look_signal) != 0;
}

static void wait_for_answer(struct green__look *look)
{
    const struct timespec pause = green__timespec(PAUSE);
    green_time end = green__time_add(green__clock(), PATIENCE);

    while (!__atomic_load_n(&look->taken, __ATOMIC_ACQUIRE)) {
        /* Who has taken it answers. */
        if (green__clock() > end && atomic_exchange(&asked, NULL))
            return;
        green__system.nanosleep(&pause, NULL);
    }
}

/* One after another: `asked` has room for one. */
void green__look_ask(struct green__look *look)
{
    if (look->scheduler == green__self_here()->scheduler) {
        take(look);
        return;
    }
    if (!is_prepared())
        return;
    atomic_store(&asked, look);
    if (green__system.syscall(SYS_tgkill, getpid(), look->os_thread,
                              atomic_load(&look_signal)) == 0)
        wait_for_answer(look);
    atomic_store(&asked, NULL);
}

bool green__look_at_running(struct green__look *look)
{
    look->running_only = true;
    green__look_ask(look);
    return look->taken;
}

/* ---- How much of a stack was ever in use ----------------------------- */

#define PAGES_AT_ONCE 256

/* From the lowest page that is present: nothing else touches pages of a stack,
 * and they are returned to the system all at once. */
static void measure_stack(struct green__row *row)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char present[PAGES_AT_ONCE];

    for (char *at = row->bottom; at < row->top; at += PAGES_AT_ONCE * page) {
        size_t pages = ((size_t)(row->top - at) + page - 1) / page;

        if (pages > PAGES_AT_ONCE)
            pages = PAGES_AT_ONCE;
        if (mincore(at, pages * page, present) < 0)
            return;
        for (size_t i = 0; i < pages; i++) {
            if (present[i] & 1) {
                row->used = (size_t)(row->top - at) - i * page;
                return;
            }
        }
    }
}

/* ---- All OS threads -------------------------------------------------- */

/* About as many as there are. ThreadSanitizer would take it for a race to read what
 * the other OS thread writes. */
GREEN__NO_SANITIZE static size_t room_for_all(const struct green__scheduler *s)
{
    return (size_t)__atomic_load_n(&s->alive, __ATOMIC_RELAXED) + SPARE_ROWS;
}

static struct green__look *new_look(struct green__scheduler *s,
                                    const struct green_thread *only, void *from)
{
    size_t room = only ? 1 : room_for_all(s);
    struct green__look *look = green__system.allocate(1, sizeof *look);

    if (!look)
        return NULL;
    look->rows = green__system.allocate(room, sizeof *look->rows);
    if (!look->rows) {
        green__system.release(look);
        return NULL;
    }
    look->scheduler = s;
    look->os_thread = s->os_thread;
    look->only = only;
    look->from = from;
    look->room = room;
    return look;
}

static struct green__look *look_at(struct green__scheduler *s,
                                   const struct green_thread *only, void *from)
{
    struct green__look *look = new_look(s, only, from);

    if (!look)
        return NULL;
    green__look_ask(look);
    for (size_t i = 0; i < look->count; i++)
        measure_stack(&look->rows[i]);
    return look;
}

struct green__look *green__look_at_all(const struct green_thread *only,
                                       void *from)
{
    struct green__look *looks = NULL, **end = &looks;
    struct green_list *at;
    bool failed = false;

    green__schedulers_lock();
    for (at = green__schedulers.next; at != &green__schedulers && !failed;
         at = at->next) {
        *end = look_at(container_of(at, struct green__scheduler, others), only,
                       from);
        failed = !*end;
        if (!failed)
            end = &(*end)->next;
    }
    green__schedulers_unlock();
    if (failed) {
        green__looks_free(looks);
        looks = NULL;
        errno = ENOMEM;
    }
    return looks;
}

void green__looks_free(struct green__look *looks)
{
    while (looks) {
        struct green__look *next = looks->next;

        green__system.release(looks->rows);
        green__system.release(looks);
        looks = next;
    }
}
