/*
 * Prime numbers by a chain of greenthreads: each knows one prime, and passes on to
 * the next what it does not divide.
 *
 *     prime_sieve [COUNT]            default 20
 *
 * The example that came with Go's channels; here too each link of the chain is a
 * channel without room, so a number moves on only when somebody wants it.
 */
#include <greenhub.h>

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
            break; /* closed: nobody wants any more */
}

int main(int argc, char **argv)
{
    int count = argc > 1 ? atoi(argv[1]) : 20;
    struct link *links = calloc((size_t)count + 1, sizeof *links);

    if (!links)
        return perror("prime_sieve"), 1;
    for (int i = 0; i <= count; i++)
        green_channel_init(&links[i].numbers, sizeof(int), 0);
    green_spawn_n(count_up, &links[0]);
    for (int i = 0; i < count; i++) {
        /* The first that gets through all before is the next prime. */
        if (green_channel_receive(&links[i].numbers, &links[i].prime) < 0)
            return perror("prime_sieve"), 1;
        printf("%d\n", links[i].prime);
        links[i].next = &links[i + 1];
        green_spawn_n(filter, &links[i]);
    }
    for (int i = 0; i <= count; i++)
        green_channel_destroy(&links[i].numbers);
    green_sleep(0); /* they all notice, and end */
    free(links);
    return 0;
}
