/*
 * Reports greenthreads that keep their OS thread. An OS thread of the library
 * looks, twice in each limit, whether another one still runs the greenthread
 * that it ran before, without a switch. The switch knows nothing of it.
 */
#include <errno.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <greenhub/debug.h>

#include "base/environment.h"
#include "base/kernel_time.h"
#include "base/system.h"
#include "base/text.h"
#include "greenthread/blocking.h"
#include "greenthread/look.h"
#include "greenthread/schedulers.h"
#include "greenthread/symbols.h"

#define SHORTEST GREEN_MSEC
#define BETWEEN_REPORTS (100 * GREEN_MSEC)

static _Atomic(green_time) limit; /* 0: off */
static atomic_int report_fd, watcher_process;
static atomic_uint changes; /* of the limit; the watcher sleeps on it */

/* ---- The system call ------------------------------------------------- */

struct call {
    long number; /* -1: it runs */
    bool restarts;
    char name[32];
};

/* What the kernel restarts after a signal, see signal(7). A 32-bit program may make
 * calls that take times in two ways: then two numbers have one name. */
static const struct {
    long number;
    const char *name;
} restarted[] = {
    {SYS_read, "read"},         {SYS_readv, "readv"},
    {SYS_pread64, "pread64"},   {SYS_write, "write"},
    {SYS_writev, "writev"},     {SYS_pwrite64, "pwrite64"},
    {SYS_openat, "openat"},     {SYS_wait4, "wait4"},
    {SYS_waitid, "waitid"},     {SYS_fdatasync, "fdatasync"},
    {SYS_accept4, "accept4"},   {SYS_connect, "connect"},
    {SYS_recvfrom, "recvfrom"}, {SYS_recvmsg, "recvmsg"},
    {SYS_sendto, "sendto"},     {SYS_sendmsg, "sendmsg"},
    {SYS_flock, "flock"},       {SYS_fcntl, "fcntl"},
    {SYS_ioctl, "ioctl"},       {GREEN__SYS_FUTEX, "futex"},
    {SYS_fsync, "fsync"},       {SYS_futex, "futex"},
#ifdef SYS_accept /* i386 and s390x have accept4 alone */
    {SYS_accept, "accept"},
#endif
};

static const struct {
    long number;
    const char *name;
} interrupted[] = {
    {SYS_nanosleep, "nanosleep"},
    {SYS_clock_nanosleep, "clock_nanosleep"},
    {SYS_ppoll, "ppoll"},
    {SYS_pselect6, "pselect6"},
    {SYS_epoll_pwait, "epoll_pwait"},
    {GREEN__SYS_PPOLL, "ppoll"},
    {GREEN__SYS_PSELECT6, "pselect6"},
    {GREEN__SYS_CLOCK_NANOSLEEP, "clock_nanosleep"},
};

static void name_call(struct call *call)
{
    snprintf(call->name, sizeof call->name, "number %ld", call->number);
    for (size_t i = 0; i < sizeof restarted / sizeof *restarted; i++) {
        if (restarted[i].number == call->number) {
            snprintf(call->name, sizeof call->name, "%s", restarted[i].name);
            call->restarts = true;
        }
    }
    for (size_t i = 0; i < sizeof interrupted / sizeof *interrupted; i++)
        if (interrupted[i].number == call->number)
            snprintf(call->name, sizeof call->name, "%s", interrupted[i].name);
}

/* "running", or the number and more. */
static void find_call(int os_thread, struct call *call)
{
    char path[64], text[64] = "";
    int fd;

    *call = (struct call){.number = -1};
    snprintf(path, sizeof path, "/proc/self/task/%d/syscall", os_thread);
    fd = green__system.open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return;
    if (green__system.read(fd, text, sizeof text - 1) > 0 && text[0] >= '0' &&
        text[0] <= '9') {
        call->number = strtol(text, NULL, 10);
        name_call(call);
    }
    green__system.close(fd);
}

/* ---- The report ------------------------------------------------------ */

static struct {
    struct green__symbols symbols;
    green_time last;  /* report */
    unsigned skipped; /* since then */
} reports;

/* It may end meanwhile, and its name be freed; see watch_one. */
GREEN__NO_SANITIZE static void copy_name(const struct green__scheduler *s,
                                         const struct green_thread *thread,
                                         char *name, size_t size)
{
    const struct green__extras *extras =
        __atomic_load_n(&thread->extras, __ATOMIC_RELAXED);
    struct iovec to = {.iov_base = name, .iov_len = size};
    struct iovec from = {.iov_base = (void *)(uintptr_t)extras,
                         .iov_len = size};

    snprintf(name, size, "%s", thread == &s->main ? "main" : "");
    if (extras && thread != &s->main &&
        process_vm_readv(getpid(), &to, 1, &from, 1, 0) < (ssize_t)size)
        name[0] = '\0';
    name[size - 1] = '\0';
    green__make_printable(name);
}

static void print_frames(int fd, const struct green__row *row)
{
    for (int i = 0; i < row->count; i++)
        green__system.dprintf(
            fd, "    %s\n", green__symbol_of(&reports.symbols, row->frames[i]));
}

GREEN__NO_SANITIZE static void print_report(struct green__scheduler *s,
                                            const struct green_thread *thread,
                                            green_time kept)
{
    struct green__row row = {.count = 0};
    struct green__look look = {
        .scheduler = s, .os_thread = s->os_thread, .room = 1, .rows = &row};
    int fd = atomic_load(&report_fd);
    char name[sizeof row.name];
    struct call call;

    find_call(s->os_thread, &call);
    copy_name(s, thread, name, sizeof name);
    if (call.number < 0 || call.restarts)
        green__look_at_running(&look);
    green__system.dprintf(
        fd,
        "greenhub: greenthread %p \"%s\" has kept OS thread %d for %.3f s%s%s; "
        "spawned at %s\n",
        (const void *)thread, name, s->os_thread,
        (double)kept / (double)GREEN_SEC,
        call.number < 0 ? "" : ", in the system call ", call.name,
        green__symbol_of(&reports.symbols, thread->spawned_at));
    if (look.count && row.thread == thread)
        print_frames(fd, &row);
    if (reports.skipped)
        green__system.dprintf(fd, "greenhub: %u such reports left out\n",
                              reports.skipped);
    green__symbols_end(&reports.symbols);
}

static void report(struct green__scheduler *s,
                   const struct green_thread *thread, green_time kept,
                   green_time now)
{
    if (reports.last && now - reports.last < BETWEEN_REPORTS) {
        reports.skipped++;
        return;
    }
    print_report(s, thread, kept);
    reports.last = now;
    reports.skipped = 0;
}

/* ---- Watching -------------------------------------------------------- */

/* Reads what the other OS thread writes meanwhile: two looks that are equal are
 * right. ThreadSanitizer would take that for a race, and atomic writes would cost each
 * switch two instructions. */
GREEN__NO_SANITIZE static void watch_one(struct green__scheduler *s,
                                         green_time now, green_time longest)
{
    struct green__watched *watched = &s->watched;
    const struct green_thread *current =
        __atomic_load_n(&s->current, __ATOMIC_RELAXED);
    int64_t switches = __atomic_load_n(&s->switches, __ATOMIC_RELAXED);

    if (current != watched->current || switches != watched->switches ||
        current == &s->hub_thread || !s->hub) {
        *watched = (struct green__watched){
            .current = current, .switches = switches, .since = now};
    } else if (!watched->reported && now - watched->since >= longest) {
        watched->reported = true;
        report(s, current, now - watched->since, now);
    }
}

static void watch_all(green_time longest)
{
    green_time now = green__clock();
    struct green_list *at;

    green__schedulers_lock();
    for (at = green__schedulers.next; at != &green__schedulers; at = at->next)
        watch_one(container_of(at, struct green__scheduler, others), now,
                  longest);
    green__schedulers_unlock();
}

static void *watch(void *arg)
{
    for (;;) {
        unsigned seen = atomic_load(&changes);
        green_time longest = atomic_load(&limit);
        struct timespec pause = green__timespec(longest / 2);

        if (longest)
            watch_all(longest);
        green__system.syscall(GREEN__SYS_FUTEX, &changes, FUTEX_WAIT_PRIVATE,
                              seen, longest ? &pause : NULL, NULL, 0);
    }
    return arg;
}

int green_debug_blocking(green_time longest, int fd)
{
    if (fd >= 0 && !green__is_open(fd))
        return -1;
    if (fd >= 0 && longest <= 0)
        return green__refuse(EINVAL);
    if (fd >= 0 && green__helper_start(&watcher_process, watch) < 0)
        return -1;
    if (fd >= 0 && longest < SHORTEST)
        longest = SHORTEST;
    atomic_store(&report_fd, fd);
    atomic_store(&limit, fd < 0 ? 0 : longest);
    atomic_fetch_add(&changes, 1);
    green__system.syscall(GREEN__SYS_FUTEX, &changes, FUTEX_WAKE_PRIVATE, 1,
                          NULL, NULL, 0);
    return 0;
}

/* ---- The environment ------------------------------------------------- */

static green_time unit_of(const char *text)
{
    if (strncmp(text, "us", 2) == 0)
        return GREEN_USEC;
    if (strncmp(text, "ms", 2) == 0)
        return GREEN_MSEC;
    return *text == 's' ? GREEN_SEC : 0;
}

/* GREENHUB_DEBUG=blocking=50ms */
static void read_environment(void)
{
    const char *text = green__getenv("GREENHUB_DEBUG");
    long number;
    char *end;

    text = text ? strstr(text, "blocking=") : NULL;
    if (!text)
        return;
    number = strtol(text + strlen("blocking="), &end, 10);
    if (number > 0 && number <= 1000000 && unit_of(end))
        green_debug_blocking(number * unit_of(end), STDERR_FILENO);
}

void green__blocking_begin(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    green__system.pthread_once(&once, read_environment);
}
