#include "patch/report.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>

#include "patch/real.h"

#define NOTES 256 /* places in the program; more are only counted */
#define TRIES 10000

struct note {
    enum green__report_kind kind;
    const char *symbol;
    const void *caller;
    uint64_t count;
    green_time total, longest;
};

static struct {
    atomic_flag locked;
    struct note notes[NOTES];
    unsigned count;
    atomic_bool changed;
    atomic_uint_fast64_t missed; /* notes for which there was no room */
} noted = {.locked = ATOMIC_FLAG_INIT};

static struct {
    const char *path; /* NULL: there is no report */
    pid_t process;
    atomic_flag locked;
} file = {.locked = ATOMIC_FLAG_INIT};

/* Fails if the holder does not go on, as a greenthread does not that a signal
 * handler has interrupted. */
static bool try_lock(atomic_flag *lock)
{
    for (unsigned i = 0; i < TRIES; i++) {
        if (!atomic_flag_test_and_set_explicit(lock, memory_order_acquire))
            return true;
        green__real()->sched_yield();
    }
    return false;
}

static void unlock(atomic_flag *lock)
{
    atomic_flag_clear_explicit(lock, memory_order_release);
}

/* ---- Notes ------------------------------------------------------------------- */

static struct note *find_note(enum green__report_kind kind, const char *symbol,
                              const void *caller)
{
    struct note *note = noted.notes;

    for (; note < noted.notes + noted.count; note++)
        if (note->kind == kind && note->caller == caller &&
            strcmp(note->symbol, symbol) == 0)
            return note;
    if (noted.count == NOTES)
        return NULL;
    noted.count++;
    *note = (struct note){.kind = kind, .symbol = symbol, .caller = caller};
    return note;
}

static bool add(enum green__report_kind kind, const char *symbol,
                const void *caller, green_time time)
{
    struct note *note = find_note(kind, symbol, caller);

    if (!note)
        return false;
    note->count++;
    note->total += time;
    if (time > note->longest)
        note->longest = time;
    return true;
}

void green__report_note(enum green__report_kind kind, const char *symbol,
                        const void *caller, green_time time)
{
    bool added = false;

    if (try_lock(&noted.locked)) {
        added = add(kind, symbol, caller, time);
        unlock(&noted.locked);
    }
    if (!added)
        atomic_fetch_add(&noted.missed, 1);
    atomic_store(&noted.changed, true);
}

void green__report_identity(const char *symbol)
{
    int saved = errno;

    if (file.path)
        green__report_note(GREEN__OF_THREAD, symbol, green__report_caller(), 0);
    errno = saved;
}

/* ---- The file ---------------------------------------------------------------- */

static const char *const words[] = {
    [GREEN__NATIVELY] = "native",
    [GREEN__OUTSIDE] = "outside",
    [GREEN__SPUN] = "spun",
    [GREEN__OF_THREAD] = "thread",
};

/* A function that spins is interrupted anywhere: its begin stands for it. */
static void move_to_function(struct note *note)
{
    Dl_info info;

    if (note->kind == GREEN__SPUN && note->caller &&
        dladdr(note->caller, &info) && info.dli_saddr)
        note->caller = info.dli_saddr;
}

/* Whether it is now the same as an earlier one, which gets its numbers. */
static bool merge_note(struct note *notes, const struct note *note)
{
    for (; notes < note; notes++) {
        if (notes->kind != GREEN__SPUN || note->kind != GREEN__SPUN ||
            notes->caller != note->caller)
            continue;
        notes->count += note->count;
        notes->total += note->total;
        if (note->longest > notes->longest)
            notes->longest = note->longest;
        return true;
    }
    return false;
}

/* Returns how many are left. */
static unsigned merge(struct note *notes, unsigned count)
{
    unsigned kept = 0;

    for (unsigned i = 0; i < count; i++) {
        move_to_function(&notes[i]);
        notes[kept] = notes[i];
        if (!merge_note(notes, &notes[kept]))
            kept++;
    }
    return kept;
}

/* Longest in total first. */
static int compare(const void *left, const void *right)
{
    const struct note *a = left, *b = right;

    return (a->total < b->total) - (a->total > b->total);
}

static void print_place(FILE *to, const void *caller)
{
    Dl_info info;

    if (!caller || !dladdr(caller, &info))
        fprintf(to, "%p ?\n", caller);
    else if (info.dli_sname)
        fprintf(to, "%s+0x%zx %s\n", info.dli_sname,
                (size_t)((const char *)caller - (const char *)info.dli_saddr),
                info.dli_fname);
    else
        fprintf(to, "0x%zx %s\n",
                (size_t)((const char *)caller - (const char *)info.dli_fbase),
                info.dli_fname);
}

static void print_note(FILE *to, const struct note *note)
{
    fprintf(to, "%-7s %-16s %8llu %12.1f %10.1f ", words[note->kind],
            note->symbol, (unsigned long long)note->count,
            (double)note->total / (double)GREEN_MSEC,
            (double)note->longest / (double)GREEN_MSEC);
    print_place(to, note->caller);
}

static void print(FILE *to, struct note *notes, unsigned count)
{
    unsigned long long missed = atomic_load(&noted.missed);

    fprintf(to,
            "# process %d: what blocked all greenthreads of an OS thread for "
            "10 ms or "
            "more\n"
            "# kind  function            count     total ms longest ms caller, "
            "its file\n",
            (int)getpid());
    count = merge(notes, count);
    qsort(notes, count, sizeof *notes, compare);
    for (unsigned i = 0; i < count; i++)
        print_note(to, &notes[i]);
    if (missed)
        fprintf(to, "# %llu more, of other callers\n", missed);
}

/* "%p" stands for the process; without it, a forked child adds its own. */
static void name_file(char *path, size_t size)
{
    const char *mark = strstr(file.path, "%p");
    int length = mark ? (int)(mark - file.path) : (int)strlen(file.path);

    if (mark)
        snprintf(path, size, "%.*s%d%s", length, file.path, (int)getpid(),
                 mark + 2);
    else if (getpid() == file.process)
        snprintf(path, size, "%s", file.path);
    else
        snprintf(path, size, "%s.%d", file.path, (int)getpid());
}

/* In memory first: a file that is half written may be read. */
static char *compose(size_t *size)
{
    static struct note copies[NOTES];
    char *text = NULL;
    FILE *to = open_memstream(&text, size);
    unsigned count = 0;

    if (!to)
        return NULL;
    if (try_lock(&noted.locked)) {
        count = noted.count;
        memcpy(copies, noted.notes, count * sizeof *copies);
        unlock(&noted.locked);
    }
    print(to, copies, count);
    green__real()->fclose(to);
    return text;
}

static void write_text(const char *text, size_t size)
{
    char path[4096];
    int fd;

    name_file(path, sizeof path);
    fd = green__real()->open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
                             0666);
    if (fd < 0)
        return; /* the program may have given up its rights to it */
    while (size > 0) {
        ssize_t n = green__real()->write(fd, text, size);

        if (n <= 0)
            break;
        text += n;
        size -= (size_t)n;
    }
    green__real()->close(fd);
}

/* At the end it waits until the other OS thread has written. */
void green__report_write(void)
{
    int saved = errno;
    size_t size = 0;
    char *text = NULL;

    if (!file.path || !try_lock(&file.locked))
        return;
    if (atomic_exchange(&noted.changed, false))
        text = compose(&size);
    if (text)
        write_text(text, size);
    free(text);
    unlock(&file.locked);
    errno = saved;
}

/* ---- Beginning and end --------------------------------------------------------- */

/* The child has notes of its own, and writes them when it has any. */
static void forked_child(void)
{
    noted.count = 0;
    atomic_store(&noted.missed, 0);
    atomic_store(&noted.changed, false);
    unlock(&noted.locked);
    unlock(&file.locked);
    if (file.path)
        green__report_watch();
}

__attribute__((destructor)) static void write_at_exit(void)
{
    green__report_write();
}

void green__report_begin(void)
{
    const char *path = getenv("GREENHUB_PATCH_REPORT");

    if (!path || !*path || pthread_atfork(NULL, NULL, forked_child) != 0)
        return;
    file.process = getpid();
    file.path = strdup(path); /* the environment may change */
    if (!file.path)
        return;
    atomic_store(&noted.changed, true); /* so that there is a file */
    green__report_find_libraries();
    green__report_time_calls();
    green__report_watch();
}
