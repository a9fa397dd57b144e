/*
 * Measures what libgreenhub-patch adds to calls that do not wait:
 *
 *   micro_patch hook_native    calls of a greenthread in a native region
 *   micro_patch mutex_pair     pthread_mutex_lock and unlock, in a native region
 *                              and green, without contention
 *
 * The floor is libc's own function, called in turns with the hook of the same
 * name, both through a pointer. Prints a line of JSON (figures.h), in CPU time. Exit status
 * 3: there is no hook of that name.
 */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "common.h"
#include "figures.h"

#define REPETITIONS FIGURE_REPETITIONS
#define READS 100000
#define GETS 5000000
#define PAIRS 2000000

union function {
    void *symbol;
    ssize_t (*read)(int fd, void *buffer, size_t size);
    void *(*get)(pthread_key_t key);
    int (*of_mutex)(pthread_mutex_t *mutex);
};

static void __attribute__((noreturn)) leave(int status, const char *reason)
{
    fprintf(stderr, "%s\n", reason);
    exit(status);
}

static union function libc_function(const char *name)
{
    static void *libc;
    union function own;

    if (!libc)
        libc = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    own.symbol = libc ? dlsym(libc, name) : NULL;
    if (!own.symbol)
        leave(3, "there is no libc.so.6 with this function");
    return own;
}

/* What this program finds first must be the hook. */
static union function hook(const char *name)
{
    union function found = {.symbol = dlsym(RTLD_DEFAULT, name)};

    if (found.symbol == libc_function(name).symbol) {
        fprintf(stderr, "libgreenhub-patch does not define %s\n", name);
        exit(3);
    }
    return found;
}

/* ---- What is timed ----------------------------------------------------- */

static int nothing; /* a descriptor of /dev/null */
static pthread_key_t key;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

static double since(int64_t began, long count)
{
    return (double)(bench_cpu_time() - began) / (double)count;
}

static double time_reads(union function read, union function unused)
{
    int64_t began = bench_cpu_time();
    char byte;

    (void)unused;
    for (long i = 0; i < READS; i++)
        if (read.read(nothing, &byte, 0) != 0)
            bench_die("read");
    return since(began, READS);
}

static double time_gets(union function get, union function unused)
{
    int64_t began = bench_cpu_time();

    (void)unused;
    for (long i = 0; i < GETS; i++)
        if (get.get(key) != &key)
            leave(1, "a key has another value");
    return since(began, GETS);
}

static double time_pairs(union function lock, union function unlock)
{
    int64_t began = bench_cpu_time();

    for (long i = 0; i < PAIRS; i++)
        if (lock.of_mutex(&mutex) != 0 || unlock.of_mutex(&mutex) != 0)
            leave(1, "the mutex is not free");
    return since(began, PAIRS);
}

/* ---- Measurements ------------------------------------------------------ */

/* A figure, and behind it that of libc's own function. */
static void alternate(struct figure *figures, bool native,
                      double (*time_calls)(union function, union function),
                      const char *name, const char *second)
{
    const union function hooks[] = {hook(name), hook(second)};
    const union function own[] = {libc_function(name), libc_function(second)};
    struct green_native region;

    for (int i = 0; i < REPETITIONS; i++) {
        if (native)
            green_native_begin(&region);
        figure_add(&figures[0], time_calls(hooks[0], hooks[1]));
        if (native)
            green_native_end(&region);
        figure_add(&figures[1], time_calls(own[0], own[1]));
    }
}

/* Natively, for libc's own function and for the hook. */
static void make_key(void)
{
    struct green_native region;

    green_native_begin(&region);
    errno = pthread_key_create(&key, NULL);
    if (errno == 0)
        errno = pthread_setspecific(key, &key);
    if (errno)
        bench_die("a key");
    green_native_end(&region);
}

static void measure_hook(void)
{
    struct figure figures[] = {{.name = "read", .unit = "ns"},
                               {.name = "read_floor", .unit = "ns"},
                               {.name = "getspecific", .unit = "ns"},
                               {.name = "getspecific_floor", .unit = "ns"}};

    nothing = open("/dev/null", O_RDONLY);
    if (nothing < 0)
        bench_die("/dev/null");
    make_key();
    alternate(&figures[0], true, time_reads, "read", "read");
    alternate(&figures[2], true, time_gets, "pthread_getspecific",
              "pthread_getspecific");
    figures_print("hook_native", figures, 4);
}

static void measure_mutex(void)
{
    struct figure figures[] = {{.name = "native", .unit = "ns"},
                               {.name = "native_floor", .unit = "ns"},
                               {.name = "green", .unit = "ns"},
                               {.name = "green_floor", .unit = "ns"}};

    alternate(&figures[0], true, time_pairs, "pthread_mutex_lock",
              "pthread_mutex_unlock");
    alternate(&figures[2], false, time_pairs, "pthread_mutex_lock",
              "pthread_mutex_unlock");
    figures_print("mutex_pair", figures, 4);
}

int main(int argc, char **argv)
{
    const char *what = argc == 2 ? argv[1] : "";

    if (green_patch(GREEN_PATCH_LIBRARIES) < 0)
        leave(1, green_hub_error());
    if (strcmp(what, "hook_native") == 0)
        measure_hook();
    else if (strcmp(what, "mutex_pair") == 0)
        measure_mutex();
    else
        leave(2, "usage: micro_patch hook_native | mutex_pair");
    return 0;
}
