/*
 * The OS thread of the report. Every 10 ms it looks whether each watched OS
 * thread, those that carry a program's threads, still runs the greenthread that
 * it ran before, without a switch. If it has used the processor, the greenthread spins: a signal asks it where. If it
 * sleeps, and not in a function that is timed, a system call blocks that the
 * library has not seen: /proc says which, and where its stack is.
 */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/clock.h"
#include "patch/carrier.h"
#include "patch/report.h"
#include "patch/rule.h"
#include "patch/settings.h"

#define PERIOD GREEN__REPORT_FROM
#define WRITE_EVERY 100    /* periods */
#define WORDS_TO_SCAN 1024 /* of a stack */
#define MOST_SYSTEM_CALLS 512

static int signal_to_ask;

/* What the watched OS thread did when it was looked at. */
struct look {
    const struct green_thread *current; /* NULL: it is in the hub */
    int64_t switches;
    unsigned timed;  /* the carrier's */
    green_time used; /* of the processor */
};

/* `first` is that look at a greenthread since which it has computed: on a busy
 * system it does so in small pieces. */
static struct watched {
    struct green__carrier *carrier; /* NULL: none yet */
    struct look first, last, now;
} watched[GREEN__MOST_OS_THREADS];

/* ---- Where it spins ------------------------------------------------------------ */

/* Async-signal-safe, as green__carrier_here is not. */
static struct green__carrier *interrupted_carrier(void)
{
    struct green__carrier *carrier = green__carriers_first();
    const pid_t id = green__real()->gettid();

    while (carrier && carrier->kernel_id != id)
        carrier = carrier->next;
    return carrier;
}

static void answer(int number)
{
    struct green__carrier *carrier = interrupted_carrier();
    green_time time = carrier ? atomic_exchange(&carrier->asked_where, 0) : 0;
    int saved = errno;

    (void)number;
    if (time)
        green__report_note(GREEN__SPUN, "-", green__report_caller(), time);
    errno = saved;
}

/* If it keeps the signal blocked, it has not answered the last one yet. */
static void ask(struct green__carrier *carrier, green_time time)
{
    if (atomic_fetch_add(&carrier->asked_where, time) == 0)
        green__real()->syscall(SYS_tgkill, getpid(), carrier->kernel_id,
                               signal_to_ask);
}

/* The last real-time signal that has the default action. */
static bool take_signal(void)
{
    struct sigaction mine = {.sa_handler = answer, .sa_flags = SA_RESTART};
    const struct green__real *real = green__real();
    struct sigaction theirs;

    sigemptyset(&mine.sa_mask);
    for (int number = SIGRTMAX - 1; number > SIGRTMIN; number--) {
        if (real->sigaction(number, NULL, &theirs) == 0 &&
            (theirs.sa_handler == SIG_DFL || theirs.sa_handler == answer) &&
            real->sigaction(number, &mine, NULL) == 0) {
            signal_to_ask = number;
            return true;
        }
    }
    return false;
}

/* ---- Where it sleeps ----------------------------------------------------------- */

/* The names of system calls are the kernel's; the numbers do. */
static const char *name_of(long number)
{
    static char names[MOST_SYSTEM_CALLS][16];

    if (number < 0 || number >= MOST_SYSTEM_CALLS)
        return "system call";
    if (!*names[number])
        snprintf(names[number], sizeof *names, "syscall-%ld", number);
    return names[number];
}

static size_t read_file(const char *path, char *text, size_t size)
{
    int fd = green__real()->open(path, O_RDONLY | O_CLOEXEC);
    ssize_t length;

    if (fd < 0)
        return 0;
    length = green__real()->read(fd, text, size - 1);
    green__real()->close(fd);
    text[length > 0 ? length : 0] = '\0';
    return length > 0 ? (size_t)length : 0;
}

/* "running", or: number, six arguments, stack pointer, program counter. */
static bool read_call(const char *text, long *number, uintptr_t *stack)
{
    char *end;

    *number = strtol(text, &end, 10);
    for (int i = 0; i < 6 && end != text; i++) {
        text = end;
        (void)strtoul(text, &end, 16);
    }
    text = end;
    *stack = strtoul(text, &end, 16);
    return end != text && *number >= 0;
}

static bool look_at_call(const struct green__carrier *carrier, long *number,
                         uintptr_t *stack)
{
    char path[64], text[256];

    snprintf(path, sizeof path, "/proc/self/task/%d/syscall",
             (int)carrier->kernel_id);
    return read_file(path, text, sizeof text) > 0 &&
           read_call(text, number, stack);
}

/* The end of the mapping that the stack is in, of which no word is read. */
static unsigned words_above(uintptr_t stack)
{
    const uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    unsigned char resident;
    uintptr_t end = (stack | (page - 1)) + 1;

    while (end - stack < WORDS_TO_SCAN * sizeof stack &&
           mincore((void *)end, page, &resident) == 0)
        end += page;
    end -= stack;
    return end / sizeof stack < WORDS_TO_SCAN ? (unsigned)(end / sizeof stack)
                                              : WORDS_TO_SCAN;
}

static void note_sleep(struct green__carrier *carrier, unsigned timed)
{
    long number;
    uintptr_t stack;

    if (timed % 2 != 0 || !look_at_call(carrier, &number, &stack) ||
        atomic_load(&carrier->timed) != timed)
        return;
    green__report_note(
        GREEN__OUTSIDE, name_of(number),
        green__report_scan((const uintptr_t *)stack, words_above(stack)),
        PERIOD);
}

/* ---- Looking ------------------------------------------------------------------- */

static green_time time_of(clockid_t clock)
{
    struct timespec now = {0};

    clock_gettime(clock, &now);
    return (green_time)now.tv_sec * GREEN_SEC + now.tv_nsec;
}

/* Reads what the other OS thread writes meanwhile: a look may be wrong, two
 * that are equal are not. */
static void take_look(struct green__carrier *carrier, struct look *look)
{
    const struct green__scheduler *s =
        __atomic_load_n(&carrier->self->running, __ATOMIC_RELAXED);

    look->current = NULL;
    look->used = time_of(carrier->clock);
    look->timed = atomic_load(&carrier->timed);
    if (!s)
        return;
    look->switches = __atomic_load_n(&s->switches, __ATOMIC_RELAXED);
    look->current = __atomic_load_n(&s->current, __ATOMIC_RELAXED);
    if (look->current == &s->hub_thread)
        look->current = NULL;
}

static bool is_same(const struct look *before, const struct look *now)
{
    return now->current && now->current == before->current &&
           now->switches == before->switches;
}

/* Whether it has slept since the last look, in no call that is timed. */
static bool has_slept(const struct look *last, const struct look *now)
{
    return now->used - last->used < PERIOD / 10 && now->timed == last->timed;
}

static void compare_looks(struct watched *it)
{
    const struct look *now = &it->now;

    if (!is_same(&it->first, now)) {
        it->first = *now;
    } else if (now->used - it->first.used >= PERIOD) {
        ask(it->carrier, now->used - it->first.used);
        it->first.used = now->used;
    } else if (has_slept(&it->last, now)) {
        note_sleep(it->carrier, now->timed);
    }
    it->last = *now;
}

/* NULL if more are watched than there is room for. */
static struct watched *watched_of(struct green__carrier *carrier)
{
    for (unsigned i = 0; i < GREEN__MOST_OS_THREADS; i++) {
        if (!watched[i].carrier)
            watched[i].carrier = carrier;
        if (watched[i].carrier == carrier)
            return &watched[i];
    }
    return NULL;
}

static void look_at_all(void)
{
    struct green__carrier *carrier = green__carriers_first();

    for (; carrier; carrier = carrier->next) {
        struct watched *it =
            atomic_load(&carrier->watched) ? watched_of(carrier) : NULL;

        if (!it)
            continue;
        take_look(carrier, &it->now);
        compare_looks(it);
    }
}

static void *watch(void *unused)
{
    const struct timespec period = green__timespec(PERIOD);

    (void)unused;
    for (unsigned turn = 0;; turn++) {
        look_at_all();
        if (turn % WRITE_EVERY == 0)
            green__report_write();
        green__real()->nanosleep(&period, NULL);
    }
    return NULL;
}

/* ---- Beginning ----------------------------------------------------------------- */

/* Without signals: they are the program's. */
static void start_thread(void)
{
    const struct green__real *real = green__real();
    sigset_t all, before;
    pthread_t thread;

    sigfillset(&all);
    real->pthread_sigmask(SIG_SETMASK, &all, &before);
    if (real->pthread_create(&thread, NULL, watch, NULL) == 0)
        real->pthread_detach(thread);
    real->pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void green__report_watch(void)
{
    struct green__carrier *here = green__carrier_here();

    if (!here)
        return;
    memset(watched, 0, sizeof watched);
    atomic_store(&here->asked_where, 0);
    atomic_store(&here->watched, true);
    if (take_signal())
        start_thread();
}
