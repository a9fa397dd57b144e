/*
 * Five philosophers around a table, with a fork between each two. Who eats needs
 * both of theirs.
 *
 *     dining_philosophers            a waiter lets only four sit down at a time
 *     dining_philosophers rash       no waiter: all take their left fork first
 *
 * Without the waiter all of them wait for their right fork for ever. greenhub
 * notices, says who waits for what, and their waits fail with EDEADLK.
 */
#include <greenhub.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define PHILOSOPHERS 5
#define MEALS 3

static const char *const names[PHILOSOPHERS] = {"Plato", "Hypatia", "Kant",
                                                "Arendt", "Laozi"};
static struct green_lock forks[PHILOSOPHERS];
static struct green_semaphore seats;

static void *dine(void *arg)
{
    int me = (int)(intptr_t)arg, left = me, right = (me + 1) % PHILOSOPHERS;

    green_set_name(green_self(), names[me]);
    for (int meal = 1; meal <= MEALS; meal++) {
        green_semaphore_acquire(&seats);
        green_lock_acquire(&forks[left]);
        green_sleep(GREEN_MSEC); /* thinks of something else */
        if (green_lock_acquire(&forks[right]) < 0) {
            printf("%s stays hungry: %s\n", names[me], strerror(errno));
            return NULL;
        }
        printf("%s eats meal %d\n", names[me], meal);
        green_lock_release(&forks[right]);
        green_lock_release(&forks[left]);
        green_semaphore_release(&seats);
    }
    return arg;
}

int main(int argc, char **argv)
{
    bool rash = argc > 1 && strcmp(argv[1], "rash") == 0;
    struct green_thread *diners[PHILOSOPHERS];

    setvbuf(stdout, NULL, _IOLBF, 0);
    green_debug_deadlock(STDERR_FILENO);
    green_semaphore_init(&seats, PHILOSOPHERS - (rash ? 0 : 1), 0);
    for (intptr_t i = 0; i < PHILOSOPHERS; i++)
        diners[i] = green_spawn(dine, (void *)i);
    for (int i = 0; i < PHILOSOPHERS; i++)
        while (green_join(diners[i], NULL) < 0)
            if (errno != EDEADLK)
                return perror("green_join"), 1;
    return 0;
}
