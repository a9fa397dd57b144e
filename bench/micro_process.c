/*
 * Measures a child process, from its start until its status is collected: /bin/true,
 * by green_process_start and green_process_wait, beside posix_spawn, pidfd_open, poll
 * and waitid, in turns.
 *
 *   micro_process start_wait    in this program as it is, and with 1 GiB of memory
 *
 * Prints a line of JSON (figures.h), in CPU time of this process: what the child does
 * is not in it.
 */
#include <greenhub.h>

#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "figures.h"

#define REPETITIONS FIGURE_REPETITIONS
#define TURNS 40
#define CHILDREN 5
#define MUCH ((size_t)1 << 30)
#define BY_PIDFD ((idtype_t)3)

static const char *const arguments[] = {"/bin/true", NULL};

static void run_green(void)
{
    const struct green_process_options options = {.argv = arguments};
    struct green_process process;
    int status;

    if (green_process_start(&process, &options) < 0 ||
        green_process_wait(&process, &status) < 0 || status != 0 ||
        green_process_end(&process) < 0)
        bench_die("/bin/true on greenhub");
}

static void run_by_hand(void)
{
    char *const argv[] = {"/bin/true", NULL};
    struct pollfd end = {.events = POLLIN};
    siginfo_t info;
    pid_t pid;

    errno = posix_spawn(&pid, argv[0], NULL, NULL, argv, environ);
    if (errno)
        bench_die("posix_spawn");
    end.fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (end.fd < 0 || poll(&end, 1, -1) != 1 ||
        waitid(BY_PIDFD, (id_t)end.fd, &info, WEXITED) < 0 ||
        info.si_status != 0 || close(end.fd) < 0)
        bench_die("/bin/true by hand");
}

static double time_of(void (*run)(void))
{
    int64_t began = bench_cpu_time();

    for (int i = 0; i < CHILDREN; i++)
        run();
    return (double)(bench_cpu_time() - began);
}

/* A figure, and behind it that of the floor: in turns as short as these, other
 * programs' work disturbs both alike. */
static void alternate(struct figure *figures)
{
    for (int i = 0; i < REPETITIONS; i++) {
        double green = 0, by_hand = 0;

        for (int turn = 0; turn < TURNS; turn++) {
            green += time_of(run_green);
            by_hand += time_of(run_by_hand);
        }
        figure_add(&figures[0], green / (TURNS * CHILDREN));
        figure_add(&figures[1], by_hand / (TURNS * CHILDREN));
    }
}

int main(int argc, char **argv)
{
    struct figure figures[] = {{.name = "small", .unit = "ns"},
                               {.name = "small_floor", .unit = "ns"},
                               {.name = "one_gib", .unit = "ns"},
                               {.name = "one_gib_floor", .unit = "ns"}};
    char *memory;

    if (argc != 2 || strcmp(argv[1], "start_wait") != 0) {
        fprintf(stderr, "usage: micro_process start_wait\n");
        return 2;
    }
    run_green(); /* the hub is made */
    alternate(&figures[0]);
    memory = malloc(MUCH);
    if (!memory)
        bench_die("1 GiB");
    memset(memory, 1, MUCH);
    alternate(&figures[2]);
    free(memory);
    figures_print("start_wait", figures, 4);
    return 0;
}
