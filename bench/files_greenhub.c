/*
 * Measures regular files on a hub:
 *
 *   files_greenhub HUB read SIZE    reads of SIZE bytes at random places of
 *                                   a file in the page cache
 *   files_greenhub HUB cold SIZE    the same, bypassing the page cache (O_DIRECT)
 *   files_greenhub HUB sync SIZE    writes of SIZE bytes, each with an fsync
 *   files_greenhub HUB late SIZE    a timer's lateness during 16 cold reads
 *
 * Prints a line of JSON (figures.h): the process's CPU time and the wall time
 * for each operation by 1, 16 and 64 greenthreads; and for each the floor, the
 * same with plain calls, one after the other, in alternating slices. The floor
 * of `late` is the timer's lateness without reads.
 *
 * The files are unnamed ones in the program's folder. Exit status 3: this hub,
 * or O_DIRECT, is not available here.
 */
#include <greenhub.h>

#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <unistd.h>

#include "common.h"
#include "figures.h"

#define FILE_SIZE (32 << 20)
#define MOST 64 /* greenthreads, each of which syncs its own file */
#define LARGEST (1 << 20)
#define READERS 16 /* beside the timer */
#define SLICES 3
#define SLICE (50 * GREEN_MSEC)
#define LATE_SLICE (500 * GREEN_MSEC)
#define PERIOD GREEN_MSEC
#define UNAVAILABLE 3

static const int counts[] = {1, 16, MOST};

static size_t size; /* of an operation */
static int file = -1, own[MOST];
static char *buffers; /* MOST of `size` bytes, aligned for O_DIRECT */
static bool syncs;
static int64_t until;
static long operations;

static void __attribute__((noreturn)) give_up(const char *why)
{
    fprintf(stderr, "%s\n", why);
    exit(UNAVAILABLE);
}

/* ---- Files ----------------------------------------------------------- */

static int nameless_file(size_t bytes)
{
    static char block[LARGEST];
    char path[PATH_MAX];
    ssize_t length = readlink("/proc/self/exe", path, sizeof path - 16);
    int fd;

    if (length < 0)
        bench_die("/proc/self/exe");
    strcpy(path + length, "-XXXXXX");
    fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0 || unlink(path) < 0)
        bench_die(path);
    for (size_t i = 0; i < sizeof block; i++)
        block[i] = (char)(i * 31);
    for (size_t done = 0; done < bytes; done += sizeof block)
        if (write(fd, block, sizeof block) != (ssize_t)sizeof block)
            bench_die("write");
    if (fsync(fd) < 0)
        bench_die("fsync");
    return fd;
}

static int opened_past_cache(int fd)
{
    char path[64];
    int direct;

    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
    if (direct < 0)
        give_up("this file system does not support O_DIRECT");
    return direct;
}

static void prepare(const char *what)
{
    if (posix_memalign((void **)&buffers, 4096, MOST * size) != 0)
        bench_die("posix_memalign");
    memset(buffers, 'g', MOST * size);
    if (syncs) {
        for (int i = 0; i < MOST; i++)
            own[i] = nameless_file(LARGEST);
        return;
    }
    file = nameless_file(FILE_SIZE);
    if (strcmp(what, "read") != 0)
        file = opened_past_cache(file);
}

/* ---- One operation --------------------------------------------------- */

/* xorshift64 with a fixed seed: each run reads the same places. */
static off_t random_place(size_t bytes)
{
    static uint64_t state = 88172645463325252u;

    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (off_t)(state % (bytes / size) * size);
}

static void check(bool right, const char *what)
{
    if (!right)
        bench_die(what);
}

static void green_operation(int number)
{
    char *buffer = buffers + (size_t)number * size;

    if (syncs) {
        check(green_pwrite(own[number], buffer, size, random_place(LARGEST)) ==
                  (ssize_t)size,
              "green_pwrite");
        check(green_fsync(own[number]) == 0, "green_fsync");
    } else {
        check(green_pread(file, buffer, size, random_place(FILE_SIZE)) ==
                  (ssize_t)size,
              "green_pread");
    }
    operations++;
}

static void plain_operation(int number)
{
    char *buffer = buffers + (size_t)number * size;

    if (syncs) {
        check(pwrite(own[number], buffer, size, random_place(LARGEST)) ==
                  (ssize_t)size,
              "pwrite");
        check(fsync(own[number]) == 0, "fsync");
    } else {
        check(pread(file, buffer, size, random_place(FILE_SIZE)) ==
                  (ssize_t)size,
              "pread");
    }
    operations++;
}

/* ---- Slices ---------------------------------------------------------- */

/* If the hub does not wait for files, only this lets other greenthreads run. */
static void *work(void *arg)
{
    while (bench_now() < until) {
        green_operation((int)(intptr_t)arg);
        green_sleep(0);
    }
    return NULL;
}

static void by_greenthreads(int count)
{
    struct green_thread *threads[MOST];

    for (int i = 0; i < count; i++) {
        threads[i] = green_spawn(work, (void *)(intptr_t)i);
        check(threads[i] != NULL, "green_spawn");
    }
    for (int i = 0; i < count; i++)
        check(green_join(threads[i], NULL) == 0, "green_join");
}

static void by_hand(int count)
{
    for (int i = 0; bench_now() < until; i = (i + 1) % count)
        plain_operation(i);
}

static int64_t cpu_time(void)
{
    struct timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Adds CPU and wall time for each operation of a slice. */
static void slice(void (*run)(int), int count, struct figure *cpu,
                  struct figure *wall)
{
    int64_t began = bench_now(), spent = cpu_time();

    until = began + SLICE;
    operations = 0;
    run(count);
    figure_add(cpu, (double)(cpu_time() - spent) / (double)operations);
    figure_add(wall, (double)(bench_now() - began) / (double)operations);
}

static void measure_operations(void)
{
    static char names[12][24];
    struct figure figures[12];

    for (int i = 0; i < 3; i++) {
        struct figure *own_figures = &figures[4 * i];
        const char *const kinds[] = {"cpu_%d", "cpu_%d_floor", "wall_%d",
                                     "wall_%d_floor"};

        for (int k = 0; k < 4; k++) {
            snprintf(names[4 * i + k], sizeof names[0], kinds[k], counts[i]);
            own_figures[k] =
                (struct figure){.name = names[4 * i + k], .unit = "ns"};
        }
        for (int k = 0; k < SLICES; k++) {
            slice(by_greenthreads, counts[i], &own_figures[0], &own_figures[2]);
            slice(by_hand, counts[i], &own_figures[1], &own_figures[3]);
        }
    }
    figures_print("files", figures, 12);
}

/* ---- Lateness -------------------------------------------------------- */

#define SAMPLES 1000

static double late[SAMPLES];
static int late_count;

/* Sleeps until each millisecond of the slice. */
static void *be_punctual(void *arg)
{
    int64_t due = bench_now() + PERIOD;

    for (late_count = 0; due < until && late_count < SAMPLES; late_count++) {
        int64_t now = bench_now();

        check(green_sleep(due > now ? due - now : 0) == 0, "green_sleep");
        now = bench_now();
        late[late_count] = (double)(now - due) / 1000;
        due += ((now - due) / PERIOD + 1) *
               PERIOD; /* skip the deadlines that have passed */
    }
    return arg;
}

static void late_slice(int readers, struct figure *median,
                       struct figure *hundredth)
{
    struct green_thread *timer;

    until = bench_now() + LATE_SLICE;
    timer = green_spawn(be_punctual, NULL);
    check(timer != NULL, "green_spawn");
    by_greenthreads(readers);
    check(green_join(timer, NULL) == 0, "green_join");
    qsort(late, (size_t)late_count, sizeof late[0], figure_compare);
    if (late_count == 0)
        bench_die("no timer fired");
    figure_add(median, late[late_count / 2]);
    figure_add(hundredth, late[late_count * 99 / 100]);
}

static void measure_lateness(void)
{
    struct figure figures[] = {
        {.name = "late_median", .unit = "us"},
        {.name = "late_median_floor", .unit = "us"},
        {.name = "late_99", .unit = "us"},
        {.name = "late_99_floor", .unit = "us"},
    };

    for (int i = 0; i < SLICES; i++) {
        late_slice(READERS, &figures[0], &figures[2]);
        late_slice(0, &figures[1], &figures[3]);
    }
    figures_print("files", figures, 4);
}

int main(int argc, char **argv)
{
    const char *what = argc == 4 ? argv[2] : "";

    size = argc == 4 ? (size_t)bench_number(argv[3], LARGEST) : 0;
    if (size == 0 || size % 512 != 0 ||
        (strcmp(what, "read") != 0 && strcmp(what, "cold") != 0 &&
         strcmp(what, "sync") != 0 && strcmp(what, "late") != 0)) {
        fprintf(stderr, "usage: %s HUB read|cold|sync|late SIZE\n", argv[0]);
        return 2;
    }
    if (green_use_hub(argv[1]) < 0)
        give_up(green_hub_error());
    syncs = strcmp(what, "sync") == 0;
    prepare(what);
    if (strcmp(what, "late") == 0)
        measure_lateness();
    else
        measure_operations();
    return 0;
}
