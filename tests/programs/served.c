/* Greenthreads to be watched from outside: as many readers as it is told, a few
 * sleepers, and with "spin" one that computes for ever. */
#include <greenhub.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Not static, so that backtraces name them. */
void *waits_for_event(void *arg);
void *sleeps(void *arg);
void *spins(void *arg);

static struct green_event never;

void *waits_for_event(void *arg)
{
    green_event_wait(&never, NULL);
    return arg;
}

void *sleeps(void *arg)
{
    for (;;)
        green_sleep(10 * GREEN_MSEC);
    return arg;
}

void *spins(void *arg)
{
    for (volatile int i = 0;; i++)
        ;
    return arg;
}

static void start(const char *name, void *(*fn)(void *))
{
    struct green_attr attr = {.name = name};

    if (!green_spawn_with(&attr, fn, NULL))
        exit(1);
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 3;

    for (int i = 0; i < count; i++) {
        char name[32];

        snprintf(name, sizeof name, "waiter-%d", i);
        start(name, waits_for_event);
    }
    start("sleeper", sleeps);
    start("sleeper", sleeps);
    green_sleep(GREEN_MSEC);
    puts("started");
    fflush(stdout);
    if (argc > 2 && strcmp(argv[2], "spin") == 0)
        start("spinner", spins);
    green_sleep(GREEN_FOREVER);
    return 0;
}
