/*
 * Prime numbers by a chain of greenthreads: each knows one prime, and passes on to
 * the next what it does not divide.
 *
 *     prime_sieve [COUNT]            default 20
 *
 * The example that came with Go's channels; here too each link of the chain is a
 * channel without room, so a number moves on only when the next stage receives.
 */
#include <greenhub.h>

#include <err.h>
#include <stdio.h>
#include <stdlib.h>

struct link {
    struct green_channel numbers; /* that come in */
    struct link *next;            /* where those go that are left */
    int prime;
};

static void count_up(void *first)
{
    struct link *to = first;

    for (int number = 2; green_channel_send(&to->numbers, &number) == 0;
         number++)
        continue;
}

static void filter(void *arg)
{
    struct link *here = arg;
    int number;

    while (green_channel_receive(&here->numbers, &number) == 0)
        if (number % here->prime != 0 &&
            green_channel_send(&here->next->numbers, &number) < 0)
            break; /* closed: no stage receives any more */
}

static void start(void (*fn)(void *), struct link *here)
{
    if (green_spawn_n(fn, here) < 0)
        err(1, "greenthread");
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 20;
    struct link *links = calloc((size_t)count + 1, sizeof *links);

    if (!links)
        err(1, "links");
    for (int i = 0; i <= count; i++)
        if (green_channel_init(&links[i].numbers, sizeof(int), 0) < 0)
            err(1, "channel");
    start(count_up, &links[0]);
    for (int i = 0; i < count; i++) {
        /* The first that gets through all before is the next prime. */
        if (green_channel_receive(&links[i].numbers, &links[i].prime) < 0)
            err(1, "channel");
        printf("%d\n", links[i].prime);
        links[i].next = &links[i + 1];
        start(filter, &links[i]);
    }
    for (int i = 0; i <= count; i++)
        green_channel_destroy(&links[i].numbers);
    if (green_yield() < 0) /* they all notice, and end */
        err(1, "sleep");
    free(links);
    return 0;
}
