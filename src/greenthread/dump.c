/* Prints a table of this OS thread's greenthreads, to find out what hangs. */
#include <errno.h>
#include <stdio.h>

#include <greenhub/debug.h>

#include "base/backtrace.h"
#include "base/code.h"
#include "base/system.h"
#include "base/text.h"
#include "greenthread/scheduler.h"

#define FRAMES 32

/* The frames at the top of every backtrace: that of take_backtrace, then that
 * of the switch or of take_backtrace's caller. */
#define OWN_FRAMES 2

struct trace {
    void *frames[FRAMES];
    int count;
};

static void take_backtrace(void *arg)
{
    struct trace *trace = arg;

    trace->count = green__backtrace(trace->frames, FRAMES);
}

static void print_backtrace(struct green__scheduler *s,
                            struct green_thread *thread, int fd)
{
    struct trace trace;

    if (thread == s->current)
        take_backtrace(&trace);
    else
        green__context_inspect(thread->context.sp, take_backtrace, &trace);
    if (trace.count > OWN_FRAMES)
        green__backtrace_print(trace.frames + OWN_FRAMES,
                               trace.count - OWN_FRAMES, fd);
}

const char *green__state_name(const struct green__scheduler *s,
                              const struct green_thread *thread)
{
    switch ((enum green__state)thread->state) {
    case GREEN__DELAYED:
        return "delayed";
    case GREEN__RUNNABLE:
        if (thread == s->current)
            return "running";
        return thread->flags & GREEN__STARTED ? "runnable" : "not started";
    case GREEN__PARKED:
        return "parked";
    case GREEN__FINISHED:
        return "finished";
    case GREEN__UNUSED:
        break;
    }
    return "?";
}

static void describe_wait(const struct green_thread *thread, green_time now,
                          char *text, size_t size)
{
    const struct green__waiter *waiter = thread->waiter;
    char particulars[64] = "";

    text[0] = '\0';
    if (thread->state != GREEN__PARKED || !waiter)
        return;
    if (waiter->kind->describe)
        waiter->kind->describe(waiter, particulars, sizeof particulars);
    snprintf(text, size, "%s%s%s since %.3f s", waiter->kind->name,
             particulars[0] ? " " : "", particulars,
             (double)(now - waiter->since) / (double)GREEN_SEC);
}

void green__describe_place(void *address, char *text, size_t size)
{
    struct green__code code;
    bool found = address && green__code_find(address, &code);

    if (!address)
        snprintf(text, size, "-");
    else if (found && code.symbol)
        snprintf(text, size, "%s+0x%zx", code.symbol,
                 (size_t)((char *)address - code.symbol_at));
    else if (found)
        snprintf(text, size, "%s(+0x%zx)", code.file,
                 (size_t)((char *)address - code.file_at));
    else
        snprintf(text, size, "%p", address);
}

static int print_one(struct green__scheduler *s, struct green_thread *thread,
                     green_time now, int fd)
{
    char name[32], wait[128], place[256];

    snprintf(name, sizeof name, "%s",
             thread == &s->main ? "main" : green_name(thread));
    green__make_printable(name);
    describe_wait(thread, now, wait, sizeof wait);
    green__describe_place(thread->spawned_at, place, sizeof place);
    return green__system.dprintf(
        fd, "%p  %-16s %-12s %s%s%sspawned at %s\n", (void *)thread,
        name[0] ? name : "-", green__state_name(s, thread),
        thread->flags & GREEN__KILLED ? "killed  " : "", wait,
        wait[0] ? "  " : "", place);
}

struct dump {
    struct green__scheduler *scheduler;
    green_time now;
    int fd;
    bool failed;
};

static void dump_one(struct green_thread *thread, void *arg)
{
    struct dump *dump = arg;
    struct green__scheduler *s = dump->scheduler;

    if (dump->failed)
        return;
    if (print_one(s, thread, dump->now, dump->fd) < 0)
        dump->failed = true;
    else if (thread->flags & GREEN__STARTED)
        print_backtrace(s, thread, dump->fd);
}

int green_dump(int fd)
{
    struct green__scheduler *s = green__self()->scheduler;
    struct dump dump = {.scheduler = s, .fd = fd};

    if (!green__is_open(fd))
        return -1;
    if (!s || !s->hub)
        return green__system.dprintf(fd,
                                     "no greenthreads on this OS thread\n") < 0
                   ? -1
                   : 0;
    dump.now = green__hub_now(s->hub);
    if (green__system.dprintf(
            fd, "greenthreads on hub %s: %llu alive, %llu switches\n",
            green_hub_name(s->hub), (unsigned long long)s->alive,
            (unsigned long long)s->switches) < 0)
        return -1;
    green__each_thread(s, dump_one, &dump);
    return dump.failed ? -1 : 0;
}
