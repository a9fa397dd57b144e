/*
 * Measures what a line of a log costs: who logs it (call), and until it is in
 * the file (line). The floor is a write(2) of the same bytes to the same file
 * for each line, without a time or a format. CPU time of the whole process, by
 * figures.h.
 */
#include <greenhub.h>

#include <fcntl.h>
#include <unistd.h>

#include "common.h"
#include "figures.h"

#define LINES 1000 /* in a burst; the queue has room for all */

static char path[] = "/tmp/greenhub-bench-log-XXXXXX";
static struct green_log *the_log;

static double time_calls(double *with_flush)
{
    int64_t began = bench_cpu_time(), called;

    for (int i = 0; i < LINES; i++)
        if (green_log(the_log, GREEN_LOG_INFO, "request %d from %s took %d us",
                      i, "192.0.2.7:40000", 812) < 0)
            bench_die("green_log");
    called = bench_cpu_time();
    if (green_log_flush(the_log) < 0)
        bench_die("green_log_flush");
    *with_flush = (double)(bench_cpu_time() - began) / LINES;
    return (double)(called - began) / LINES;
}

static double time_writes(int fd, const char *line, size_t size)
{
    int64_t began = bench_cpu_time();

    for (int i = 0; i < LINES; i++)
        if (write(fd, line, size) != (ssize_t)size)
            bench_die("write");
    return (double)(bench_cpu_time() - began) / LINES;
}

/* The first line, with its '\n'. */
static size_t read_line(int fd, char *line, size_t size)
{
    ssize_t n = pread(fd, line, size - 1, 0);
    char *end;

    if (n <= 0)
        bench_die("pread");
    line[n] = '\0';
    end = strchr(line, '\n');
    return end ? (size_t)(end - line) + 1 : 0;
}

int main(void)
{
    struct figure figures[] = {{.name = "call", .unit = "ns"},
                               {.name = "call_floor", .unit = "ns"},
                               {.name = "line", .unit = "ns"},
                               {.name = "line_floor", .unit = "ns"}};
    struct green_log_options options = {.path = path};
    int fd = mkstemp(path);
    char line[GREEN_LOG_LINE];

    if (fd < 0 || fcntl(fd, F_SETFL, O_APPEND) < 0)
        bench_die(path);
    the_log = green_log_create(&options);
    if (!the_log)
        bench_die("green_log_create");
    for (int i = 0; i < FIGURE_REPETITIONS; i++) {
        double all, call = time_calls(&all), floor;

        floor = time_writes(fd, line, read_line(fd, line, sizeof line));
        if (ftruncate(fd, 0) < 0)
            bench_die("ftruncate");
        figure_add(&figures[0], call);
        figure_add(&figures[1], floor);
        figure_add(&figures[2], all);
        figure_add(&figures[3], floor);
    }
    figures_print("log_line", figures, 4);
    green_log_destroy(the_log);
    unlink(path);
    return 0;
}
