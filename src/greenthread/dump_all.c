/* The table of all OS threads' greenthreads: when called, and on a signal. */
#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <greenhub/debug.h>

#include "base/kernel_time.h"
#include "base/system.h"
#include "base/text.h"
#include "greenthread/blocking.h"
#include "greenthread/look.h"
#include "greenthread/symbols.h"

struct table {
    struct green__text out;
    struct green__symbols symbols;
};

/* ---- The rows -------------------------------------------------------- */

static void print_wait(struct table *table, const struct green__row *row)
{
    if (row->wait)
        green__print(&table->out, "  %s%s%s since %.3f s", row->wait,
                     row->particulars[0] ? " " : "", row->particulars,
                     (double)row->waited / (double)GREEN_SEC);
}

static void print_stack(struct table *table, const struct green__row *row)
{
    if (row->bottom)
        green__print(&table->out, "  stack %zu of %zu KiB",
                     (row->used + 1023) / 1024,
                     ((size_t)(row->top - row->bottom) + 1023) / 1024);
}

static void print_row(struct table *table, const struct green__look *look,
                      const struct green__row *row)
{
    green__print(&table->out, "%d  %p  %-16s %s%s", look->os_thread,
                 (const void *)row->thread, row->name[0] ? row->name : "-",
                 row->state, row->killed ? ", killed" : "");
    print_wait(table, row);
    print_stack(table, row);
    green__print(&table->out, "  spawned at %s\n",
                 green__symbol_of(&table->symbols, row->spawned_at));
    for (int i = 0; i < row->count; i++)
        green__print(&table->out, "    %s\n",
                     green__symbol_of(&table->symbols, row->frames[i]));
}

static void print_rows(struct table *table, const struct green__look *looks,
                       bool running)
{
    for (const struct green__look *look = looks; look; look = look->next)
        for (size_t i = 0; i < look->count; i++)
            if (look->rows[i].running == running)
                print_row(table, look, &look->rows[i]);
}

static void print_os_thread(struct table *table, const struct green__look *look)
{
    if (!look->taken)
        green__print(&table->out,
                     "OS thread %d: does not answer; it may block signal %d\n",
                     look->os_thread, green__look_signal());
    else if (look->hub[0])
        green__print(&table->out,
                     "OS thread %d on hub %s: %zu greenthreads%s\n",
                     look->os_thread, look->hub, look->found,
                     look->in_hub ? ", none runs" : "");
    if (look->found > look->count)
        green__print(&table->out, "OS thread %d: %zu more are not shown\n",
                     look->os_thread, look->found - look->count);
}

static size_t count_rows(const struct green__look *looks)
{
    size_t count = 0;

    for (; looks; looks = looks->next)
        count += looks->count;
    return count;
}

static int print_all(int fd, const struct green__look *looks,
                     bool with_os_threads)
{
    struct table *table = green__system.allocate(1, sizeof *table);
    int error;

    if (!table)
        return green__refuse(ENOMEM);
    table->out.fd = fd;
    if (!looks && with_os_threads)
        green__print(&table->out, "no greenthreads\n");
    for (const struct green__look *look = looks; look && with_os_threads;
         look = look->next)
        print_os_thread(table, look);
    print_rows(table, looks, true);
    print_rows(table, looks, false);
    error = green__text_end(&table->out);
    green__symbols_end(&table->symbols);
    green__system.release(table);
    return error ? green__refuse(error) : 0;
}

static int dump_all(int fd, const struct green_thread *only, void *from)
{
    struct green__look *looks;
    int result;

    errno = 0;
    looks = green__look_at_all(only, from);
    if (!looks && errno == ENOMEM)
        return -1;
    result = print_all(fd, looks, !only);
    if (result == 0 && only && !count_rows(looks))
        result = 1;
    green__looks_free(looks);
    return result;
}

int green__dump(int fd, const struct green_thread *only)
{
    return dump_all(fd, only, NULL);
}

GREEN__NOINLINE int green_dump_all(int fd)
{
    int before = errno, result;

    if (!green__is_open(fd))
        return -1;
    result = dump_all(fd, NULL, __builtin_return_address(0));
    if (result == 0)
        errno = before;
    return result;
}

/* ---- On a signal ----------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    int number; /* 0: none */
    struct sigaction former;
} chosen = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* What the signal handler reads. */
static atomic_int dump_fd, helper_process;
static atomic_uint wanted;

static const char no_helper[] =
    "greenhub: a forked child has to ask for dumps itself\n";

/* Wakes the helper alone; it looks at all OS threads, by another signal. */
static void on_dump(int number)
{
    int saved = errno;

    (void)number;
    if (atomic_load(&helper_process) == getpid()) {
        atomic_fetch_add(&wanted, 1);
        green__system.syscall(GREEN__SYS_FUTEX, &wanted, FUTEX_WAKE_PRIVATE,
                              INT_MAX, NULL, NULL, 0);
    } else if (green__system.write(atomic_load(&dump_fd), no_helper,
                                   sizeof no_helper - 1) < 0) {
        /* nobody to tell */
    }
    errno = saved;
}

static void *help(void *arg)
{
    unsigned done = 0;

    for (;;) {
        unsigned now = atomic_load(&wanted);
        int fd = atomic_load(&dump_fd);

        if (now == done) {
            green__system.syscall(GREEN__SYS_FUTEX, &wanted, FUTEX_WAIT_PRIVATE,
                                  now, NULL, NULL, 0);
            continue;
        }
        done = now;
        if (fd >= 0)
            dump_all(fd, NULL, NULL);
    }
    return arg;
}

/* Signals are the program's, so the helper gets none. */
int green__helper_start(atomic_int *process, void *(*fn)(void *))
{
    sigset_t all, before;
    pthread_attr_t detached;
    pthread_t thread;
    int error;

    if (atomic_load(process) == getpid())
        return 0;
    pthread_attr_init(&detached);
    pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
    sigfillset(&all);
    green__system.pthread_sigmask(SIG_SETMASK, &all, &before);
    error = green__system.pthread_create(&thread, &detached, fn, NULL);
    green__system.pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_attr_destroy(&detached);
    if (error)
        return green__refuse(error);
    atomic_store(process, getpid());
    return 0;
}

static void restore(void)
{
    if (chosen.number)
        green__system.sigaction(chosen.number, &chosen.former, NULL);
    chosen.number = 0;
}

static int choose(int number)
{
    struct sigaction action = {.sa_handler = on_dump, .sa_flags = SA_RESTART};
    struct sigaction former;

    sigfillset(&action.sa_mask);
    if (number && number == chosen.number)
        return 0;
    if (green__helper_start(&helper_process, help) < 0 ||
        green__system.sigaction(number, &action, &former) < 0)
        return -1;
    restore();
    chosen.number = number;
    chosen.former = former;
    return 0;
}

int green_debug_dump_on_signal(int number, int fd)
{
    int result = 0;

    if (fd >= 0 && !green__is_open(fd))
        return -1;
    green__system.pthread_mutex_lock(&chosen.lock);
    atomic_store(&dump_fd, fd);
    if (fd < 0)
        restore();
    else
        result = choose(number);
    green__system.pthread_mutex_unlock(&chosen.lock);
    return result;
}
