#include "greenthread/trace.h"

#include <errno.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <greenhub/trace.h>

#include "base/environment.h"
#include "base/reserved.h"
#include "base/system.h"
#include "greenthread/scheduler.h"
#include "greenthread/schedulers.h"
#include "greenthread/trace_json.h"

#define FEWEST_EVENTS 64
#define USUAL_EVENTS ((uint64_t)1 << 16)
#define MOST_EVENTS ((uint64_t)1 << 24)

/* ---- Recording ------------------------------------------------------- */

static const void *code_of(const struct green_thread *thread)
{
    return (const void *)(uintptr_t)thread->start.function;
}

/* As the trace names it: NULL is the hub. */
static const void *named(const struct green__scheduler *s,
                         const struct green_thread *thread)
{
    return thread == &s->hub_thread ? NULL : thread;
}

static int64_t descriptor_of(const struct green__waiter *waiter)
{
    const char *at = (const char *)waiter + waiter->kind->descriptor_at;

    return waiter->kind->descriptor_at ? *(const int *)(const void *)at : -1;
}

static void record_run(const struct green__scheduler *s,
                       const struct green_thread *thread, green_time begin,
                       green_time end)
{
    struct green__trace_event event = {.kind = GREEN__TRACE_RUN,
                                       .begin = begin,
                                       .end = end,
                                       .thread = named(s, thread),
                                       .code = code_of(thread),
                                       .what = "yield",
                                       .number = -1};

    if (thread->state == GREEN__PARKED && thread->waiter) {
        event.what = thread->waiter->kind->name;
        event.number = descriptor_of(thread->waiter);
    } else if (thread->state == GREEN__FINISHED) {
        event.what = "end";
    }
    green__trace_record(&event);
}

static void record_name(const struct green__scheduler *s,
                        const struct green_thread *thread, green_time now)
{
    struct green__trace_event event = {
        .kind = GREEN__TRACE_NAME, .begin = now, .end = now, .thread = thread};
    const char *name = thread == &s->main ? "main" : green_name(thread);

    if (!name[0] || thread == &s->hub_thread)
        return;
    strncpy(event.name, name, sizeof event.name - 1);
    green__trace_record(&event);
}

static void begin_run(const struct green__scheduler *s,
                      const struct green_thread *thread, green_time now)
{
    struct green__trace_ring *ring = green__trace_ring();

    if (!ring)
        return;
    green__trace_runs(ring, now, named(s, thread), code_of(thread));
    record_name(s, thread, now);
}

void green__trace_switch(const struct green__scheduler *s,
                         const struct green_thread *from,
                         const struct green_thread *to)
{
    const struct green__trace_ring *ring = green__trace_ring();
    green_time now = green__clock();

    if (ring && ring->since)
        record_run(s, from, ring->since, now);
    begin_run(s, to, now);
}

static void record_instant(enum green__trace_kind kind,
                           const struct green_thread *thread)
{
    green_time now = green__clock();

    green__trace_record(&(struct green__trace_event){.kind = kind,
                                                     .begin = now,
                                                     .end = now,
                                                     .thread = thread,
                                                     .code = code_of(thread),
                                                     .number = -1});
}

void green__trace_spawn(const struct green_thread *thread)
{
    record_instant(GREEN__TRACE_SPAWN, thread);
}

void green__trace_wake(const struct green_thread *thread)
{
    record_instant(GREEN__TRACE_WAKE, thread);
}

void green__trace_follow_change(struct green__scheduler *s)
{
    if (!(s->carries & GREEN__CARRIES_TRACE)) {
        s->carries |= GREEN__CARRIES_TRACE;
        begin_run(s, s->current, green__clock());
    } else {
        s->carries &= ~(unsigned)GREEN__CARRIES_TRACE;
        green__trace_forget();
    }
}

/* ---- On and off ------------------------------------------------------ */

/* What this process has. */
enum has {
    HAS_NONE,
    IS_CHANGING, /* starts or stops one */
    HAS_FILE,    /* by green_trace_start */
    HAS_NO_FILE, /* by green__trace_start */
    HAS_STATES,
};

/* The process and its enum has: a forked child finds another process's. */
static atomic_llong owner;

static char *path; /* absolute: the program may change its folder */

static long long claimed(enum has has)
{
    return (long long)getpid() * HAS_STATES + has;
}

/* False if this process has a trace, or is starting or stopping one. */
static bool claim(void)
{
    long long seen = atomic_load(&owner), none = claimed(HAS_NONE);

    return (seen <= none || seen >= none + HAS_STATES) &&
           atomic_compare_exchange_strong(&owner, &seen, claimed(IS_CHANGING));
}

/* False if this process has no such trace. */
static bool claim_that(enum has has)
{
    long long seen = claimed(has);

    return atomic_compare_exchange_strong(&owner, &seen, claimed(IS_CHANGING));
}

static void unclaim(enum has has)
{
    atomic_store(&owner, claimed(has));
}

static char *absolute(const char *file)
{
    char folder[PATH_MAX];
    size_t size;
    char *text;

    folder[0] = '\0';
    if (file[0] != '/' && !getcwd(folder, sizeof folder))
        return NULL;
    size = strlen(folder) + strlen(file) + 2;
    text = green__system.allocate(1, size);
    if (text)
        snprintf(text, size, "%s%s%s", folder, folder[0] ? "/" : "", file);
    else
        errno = ENOMEM;
    return text;
}

/* Not kept open: a program that closes all descriptors would have the trace
 * written to another file. */
static int open_file(void)
{
    return green__system.open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                              0600);
}

static void forget_file(void)
{
    green__system.release(path);
    path = NULL;
}

static void stop_at_exit(void)
{
    (void)green_trace_stop();
}

static void prepare(void)
{
    (void)atexit(stop_at_exit);
}

static uint64_t capacity_for(size_t events)
{
    uint64_t capacity = FEWEST_EVENTS;

    while (capacity < events)
        capacity *= 2;
    return events ? capacity : USUAL_EVENTS;
}

static void record_from_now(size_t events)
{
    struct green__scheduler *s = green__self_here()->scheduler;

    green__trace_begin(capacity_for(events));
    if (s && s->hub)
        green__trace_follow(s);
    green__schedulers_wake_others();
}

/* Returns 0, or an errno. */
static int make_file(const char *file)
{
    int fd, error;

    path = absolute(file);
    fd = path ? open_file() : -1;
    if (fd >= 0) {
        green__system.close(fd);
        return 0;
    }
    error = errno;
    forget_file();
    return error;
}

/* file: NULL if there is none. Returns 0, or an errno. */
static int start(const char *file, size_t events)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int error = 0;

    if (!claim())
        return EBUSY;
    green__system.pthread_once(&once, prepare);
    forget_file(); /* of the process that this one is a fork of */
    if (file)
        error = make_file(file);
    if (!error)
        record_from_now(events);
    if (error)
        unclaim(HAS_NONE);
    else
        unclaim(file ? HAS_FILE : HAS_NO_FILE);
    return error;
}

/* Returns 0, or an errno. */
static int write_file(const struct green__trace_copy *copies)
{
    int fd = open_file(), error;

    if (fd < 0)
        return errno;
    error = green__trace_write(fd, copies);
    if (green__system.close(fd) < 0 && !error)
        error = errno;
    return error;
}

/* All OS threads free what they have recorded. */
static struct green__trace_copy *record_no_more(bool *failed)
{
    struct green__scheduler *s = green__self_here()->scheduler;
    struct green__trace_copy *copies;

    green__trace_end(&copies, failed);
    if (s && s->hub)
        green__trace_follow(s);
    green__schedulers_wake_others();
    return copies;
}

/* fd: of a trace without a file; negative: nobody wants it. Returns 0, or an
 * errno. */
static int stop(enum has has, int fd)
{
    struct green__trace_copy *copies;
    int error = 0;
    bool failed;

    if (!claim_that(has))
        return ENOENT;
    copies = record_no_more(&failed);
    if (failed)
        error = ENOMEM;
    else if (has == HAS_FILE)
        error = write_file(copies);
    else if (fd >= 0)
        error = green__trace_write(fd, copies);
    green__trace_copy_free(copies);
    forget_file();
    unclaim(HAS_NONE);
    return error;
}

/* 0 with the errno of before, or -1. */
static int result_of(int error, int before)
{
    errno = error ? error : before;
    return error ? -1 : 0;
}

int green_trace_start(const char *file,
                      const struct green_trace_options *options)
{
    size_t events = options ? options->events : 0;
    int before = errno;

    if (!file || (options && !GREEN__RESERVED_IS_ZERO(options)) ||
        events > MOST_EVENTS)
        return green__refuse(EINVAL);
    return result_of(start(file, events), before);
}

int green_trace_stop(void)
{
    int before = errno;

    return result_of(stop(HAS_FILE, -1), before);
}

int green__trace_start(size_t events)
{
    return start(NULL, events);
}

int green__trace_stop_to(int fd)
{
    return stop(HAS_NO_FILE, fd);
}

/* ---- The environment ------------------------------------------------- */

/* "%p" stands for the process id: programs that this one executes have the same
 * environment. */
static void read_environment(void)
{
    const char *text = green__getenv("GREENHUB_TRACE");
    const char *process = text ? strstr(text, "%p") : NULL;
    char file[PATH_MAX];

    if (!text || !text[0])
        return;
    if (process)
        snprintf(file, sizeof file, "%.*s%d%s", (int)(process - text), text,
                 (int)getpid(), process + 2);
    else
        snprintf(file, sizeof file, "%s", text);
    (void)green_trace_start(file, NULL);
}

void green__trace_begin_by_environment(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    green__system.pthread_once(&once, read_environment);
}
