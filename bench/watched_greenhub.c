/*
 * Measures what it costs to look at a process with 20,000 greenthreads that wait,
 * each in a function of its own place of spawn and with a name of its own:
 *
 *   watched_greenhub dump   green_dump_all of all: wall and CPU time; the first
 *                           one, which also reads the debug information, is the
 *                           figure's worst
 *   watched_greenhub top    a request "top 1" after the other, as of the screen of
 *                           `greenhub top`: the CPU time of this process, as a
 *                           part of a core
 *
 * The results are printed by figures.h.
 */
#include <greenhub.h>

#include <sys/mman.h>
#include <sys/un.h>
#include <unistd.h>

#include "common.h"
#include "figures.h"

#define GREENTHREADS 20000
#define DUMPS 5
#define REFRESHES 5

static struct green_event never;

static void *wait_in_vain(void *arg)
{
    green_event_wait(&never, NULL);
    return arg;
}

static void *sleep_for_ever(void *arg)
{
    green_sleep(GREEN_FOREVER);
    return arg;
}

static void start_all(void)
{
    for (int i = 0; i < GREENTHREADS; i++) {
        char name[32];
        struct green_attr attr = {.name = name};

        snprintf(name, sizeof name, "connection-%d", i);
        if (!green_spawn_with(&attr, i % 2 ? wait_in_vain : sleep_for_ever,
                              NULL))
            bench_die("green_spawn_with");
    }
    if (green_sleep(GREEN_MSEC) < 0)
        bench_die("green_sleep");
}

static void measure_dumps(void)
{
    struct figure figures[] = {{.name = "wall", .unit = "ms"},
                               {.name = "cpu", .unit = "ms"}};
    int fd = memfd_create("bench-dump", MFD_CLOEXEC);

    if (fd < 0)
        bench_die("memfd_create");
    for (int i = 0; i < DUMPS; i++) {
        int64_t wall = bench_now(), cpu = bench_cpu_time();

        if (green_dump_all(fd) < 0)
            bench_die("green_dump_all");
        figure_add(&figures[0], (double)(bench_now() - wall) * 1e-6);
        figure_add(&figures[1], (double)(bench_cpu_time() - cpu) * 1e-6);
        if (lseek(fd, 0, SEEK_SET) != 0 || ftruncate(fd, 0) < 0)
            bench_die("ftruncate");
    }
    figures_print("dump_20000", figures, 2);
}

static int knock(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(address.sun_path, path, strlen(path));
    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)&address, sizeof address) < 0)
        bench_die(path);
    return fd;
}

/* Until the empty line. */
static void ask(int fd)
{
    static const char line[] = "top 1\n";
    char text[65536];
    ssize_t have = 0, n;

    if (write(fd, line, strlen(line)) < 0)
        bench_die("write");
    do {
        n = read(fd, text + have, sizeof text - (size_t)have);
        if (n <= 0)
            bench_die("read");
        have += n;
    } while (have < 2 || memcmp(text + have - 2, "\n\n", 2) != 0);
}

/* No greenthread runs meanwhile: this OS thread is blocked by the socket. */
static void measure_refreshes(void)
{
    struct figure figures[] = {{.name = "share", .unit = "%"}};
    char where[] = "unix:/tmp/greenhub-bench-XXXXXX", *path = where + 5;
    int fd;

    if (!mkdtemp(path))
        bench_die(path);
    rmdir(path);
    if (green_debug_serve(where) < 0)
        bench_die("green_debug_serve");
    fd = knock(path);
    for (int i = 0; i < REFRESHES; i++) {
        int64_t wall = bench_now(), cpu = bench_cpu_time();

        ask(fd);
        figure_add(&figures[0], 100 * (double)(bench_cpu_time() - cpu) /
                                    (double)(bench_now() - wall));
    }
    figures_print("top_refresh", figures, 1);
}

int main(int argc, char **argv)
{
    bool dump = argc == 2 && strcmp(argv[1], "dump") == 0;

    if (!dump && (argc != 2 || strcmp(argv[1], "top") != 0)) {
        fprintf(stderr, "usage: watched_greenhub dump|top\n");
        return 2;
    }
    start_all();
    if (dump)
        measure_dumps();
    else
        measure_refreshes();
    return 0;
}
