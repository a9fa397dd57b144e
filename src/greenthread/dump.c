/* A table of this OS thread's greenthreads, for whoever wonders what hangs. */
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdio.h>

#include <greenhub/debug.h>

#include "greenthread/scheduler.h"

#define FRAMES 32

/* Of one backtrace, the frames that every parked greenthread has: this file's
 * and the switch's. */
#define OWN_FRAMES 2

static _Thread_local struct {
    struct green_thread *dumper;
    void *frames[FRAMES];
    int count;
} dumping;

/* Runs on the stack of the one that is looked at, and goes back. */
static void take_backtrace(struct green__scheduler *s)
{
    int saved = errno;

    s->inspect = NULL;
    dumping.count = backtrace(dumping.frames, FRAMES);
    errno = saved;
    green__switch_to(s, dumping.dumper);
}

static void print_backtrace(struct green__scheduler *s,
                            struct green_thread *thread, int fd)
{
    dumping.dumper = s->current;
    dumping.count = 0;
    if (thread == s->current) {
        dumping.count = backtrace(dumping.frames, FRAMES);
    } else {
        s->inspect = take_backtrace;
        green__switch_to(s, thread);
    }
    if (dumping.count > OWN_FRAMES)
        backtrace_symbols_fd(dumping.frames + OWN_FRAMES,
                             dumping.count - OWN_FRAMES, fd);
}

static const char *state_of(const struct green_thread *thread)
{
    switch ((enum green__state)thread->state) {
    case GREEN__DELAYED:
        return "delayed";
    case GREEN__RUNNABLE:
        return thread->flags & GREEN__STARTED ? "runnable" : "not started";
    case GREEN__RUNNING:
        return "running";
    case GREEN__PARKED:
        return "parked";
    case GREEN__FINISHED:
        return "finished";
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

static void describe_place(void *address, char *text, size_t size)
{
    Dl_info info;

    if (!address)
        snprintf(text, size, "-");
    else if (dladdr(address, &info) && info.dli_sname)
        snprintf(text, size, "%s+0x%zx", info.dli_sname,
                 (size_t)((char *)address - (char *)info.dli_saddr));
    else if (dladdr(address, &info) && info.dli_fname)
        snprintf(text, size, "%s(+0x%zx)", info.dli_fname,
                 (size_t)((char *)address - (char *)info.dli_fbase));
    else
        snprintf(text, size, "%p", address);
}

static int print_one(struct green__scheduler *s, struct green_thread *thread,
                     green_time now, int fd)
{
    char wait[128], place[256];
    const char *name = thread == &s->main ? "main" : green_name(thread);

    describe_wait(thread, now, wait, sizeof wait);
    describe_place(thread->spawned_at, place, sizeof place);
    return dprintf(fd, "%p  %-16s %-12s %s%s%sspawned at %s\n", (void *)thread,
                   name[0] ? name : "-", state_of(thread),
                   thread->flags & GREEN__KILLED ? "killed  " : "", wait,
                   wait[0] ? "  " : "", place);
}

int green_dump(int fd)
{
    struct green__scheduler *s = green__scheduler();
    struct green_list *link;
    green_time now;

    if (!s)
        return -1;
    if (fcntl(fd, F_GETFD) < 0)
        return -1;
    now = green__hub_now(s->hub);
    if (dprintf(fd, "greenthreads on hub %s: %llu alive, %llu switches\n",
                green_hub_name(s->hub), (unsigned long long)s->hub->stats.alive,
                (unsigned long long)s->hub->stats.switches) < 0)
        return -1;
    green__list_each (&s->all, link) {
        struct green_thread *thread =
            container_of(link, struct green_thread, all);

        if (print_one(s, thread, now, fd) < 0)
            return -1;
        if (thread->flags & GREEN__STARTED)
            print_backtrace(s, thread, fd);
    }
    return 0;
}
