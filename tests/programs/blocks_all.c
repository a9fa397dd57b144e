/*
 * What the report of `greenhub run` is about. It knows nothing of greenhub, and
 * blocks its OS thread again and again, until its input ends:
 *
 *     blocks_all native     in a function of libc
 *     blocks_all outside    in a system call that it makes without libc
 *     blocks_all spun       by computing
 *     blocks_all nothing    not at all
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* Exported, so that their names can be found. Not inlined: they are callers. */
#define NAMED __attribute__((noinline, visibility("default")))

NAMED unsigned sleep_in_libc(void);
NAMED unsigned sleep_in_the_kernel(void);
NAMED unsigned compute(void);

/* What is added after the call keeps it from being the last jump. */
unsigned sleep_in_libc(void)
{
    return (unsigned)usleep(30000) + 1;
}

unsigned sleep_in_the_kernel(void)
{
    struct timespec time = {.tv_nsec = 50000000};

    return (unsigned)syscall(SYS_nanosleep, &time, NULL) + 1;
}

unsigned compute(void)
{
    volatile unsigned sum = 0;

    for (unsigned i = 0; i < 50000000; i++)
        sum += i;
    return sum | 1;
}

static unsigned nothing(void)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    return (unsigned)poll(&input, 1, 1) + 1;
}

static unsigned (*function_of(const char *word))(void)
{
    return strcmp(word, "native") == 0    ? sleep_in_libc
           : strcmp(word, "outside") == 0 ? sleep_in_the_kernel
           : strcmp(word, "spun") == 0    ? compute
                                          : nothing;
}

int main(int argc, char **argv)
{
    struct pollfd input = {.fd = STDIN_FILENO, .events = POLLIN};

    if (argc > 2 && fork() > 0)
        return 0; /* the child goes on, as a daemon */
    while (argc > 1 && poll(&input, 1, 0) == 0)
        function_of(argv[1])();
    puts("done");
    return 0;
}
