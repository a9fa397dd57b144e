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

#include <err.h>
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

/* Takes both forks, eats, puts them back. 0, or -1 with errno. */
static int eat(int me, int meal)
{
    struct green_lock *left = &forks[me];
    struct green_lock *right = &forks[(me + 1) % PHILOSOPHERS];
    int error = 0;

    if (green_lock_acquire(left) < 0)
        return -1;
    if (green_sleep(GREEN_MSEC) < 0 || /* thinks of something else */
        green_lock_acquire(right) < 0) {
        error = errno;
    } else {
        printf("%s eats meal %d\n", names[me], meal);
        green_lock_release(right);
    }
    green_lock_release(left);
    errno = error;
    return error ? -1 : 0;
}

static void *dine(void *arg)
{
    int me = (int)(intptr_t)arg, eaten = 0;

    if (green_set_name(green_self(), names[me]) < 0)
        err(1, "name");
    for (int meal = 1; meal <= MEALS && eaten == 0; meal++) {
        if (green_semaphore_acquire(&seats) < 0)
            err(1, "seat");
        eaten = eat(me, meal);
        if (eaten < 0)
            printf("%s stays hungry: %s\n", names[me], strerror(errno));
        green_semaphore_release(&seats);
    }
    return NULL;
}

int main(int argc, char **argv)
{
    bool rash = argc > 1 && strcmp(argv[1], "rash") == 0;
    struct green_thread *diners[PHILOSOPHERS];

    setvbuf(stdout, NULL, _IOLBF, 0);
    if (green_debug_deadlock(STDERR_FILENO) < 0 ||
        green_semaphore_init(&seats, PHILOSOPHERS - (rash ? 0 : 1), 0) < 0)
        err(1, "table");
    for (intptr_t i = 0; i < PHILOSOPHERS; i++) {
        diners[i] = green_spawn(dine, (void *)i);
        if (!diners[i])
            err(1, "%s", names[i]);
    }
    for (int i = 0; i < PHILOSOPHERS; i++)
        while (green_join(diners[i], NULL) < 0)
            if (errno != EDEADLK)
                err(1, "join");
    return 0;
}
