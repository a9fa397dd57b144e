/*
 * Forks in main and in a thread, while other threads wait. Each child starts a
 * thread, waits, and is interrupted by a signal. It knows nothing of greenhub,
 * and prints what its children did, the same plainly and by `greenhub run`.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t caught;
static int never[2]; /* a pipe that nothing is written to */

static void catch (int number)
{
    caught = number;
}

static void *wait_for_ever(void *unused)
{
    char byte;

    (void)read(never[0], &byte, 1);
    return unused;
}

/* An echo through a pipe. */
static void *answer(void *pipes)
{
    const int *fds = pipes;
    char byte;

    if (read(fds[0], &byte, 1) == 1)
        (void)write(fds[3], &byte, 1);
    return NULL;
}

static int talk_to_thread(void)
{
    pthread_t thread;
    int fds[4];
    char byte = 'x';

    if (pipe(fds) < 0 || pipe(fds + 2) < 0 ||
        pthread_create(&thread, NULL, answer, fds) != 0)
        return -1;
    if (write(fds[1], &byte, 1) != 1 || read(fds[2], &byte, 1) != 1)
        return -1;
    return pthread_join(thread, NULL);
}

/* Tells its parent by `ready` that signals are welcome. */
static int be_child(int ready)
{
    struct pollfd input = {.fd = never[0], .events = POLLIN};
    int result;

    if (talk_to_thread() != 0)
        return 10;
    (void)write(ready, "r", 1);
    result = poll(&input, 1, 20000);
    return result < 0 && errno == EINTR && caught == SIGUSR1 ? 3 : 11;
}

static void *fork_here(void *name)
{
    int ready[2], status = 0;
    pid_t child, ended = -1;
    char byte;

    if (pipe(ready) < 0)
        return NULL;
    child = fork();
    if (child == 0)
        _exit(be_child(ready[1]));
    if (read(ready[0], &byte, 1) == 1) {
        /* One that comes before the child polls interrupts nothing. */
        do {
            kill(child, SIGUSR1);
            usleep(1000);
            ended = waitpid(child, &status, WNOHANG);
        } while (ended == 0);
    }
    if (ended == child)
        printf("%s: %s %d\n", (char *)name,
               WIFEXITED(status) ? "exit status" : "wait status",
               WIFEXITED(status) ? WEXITSTATUS(status) : status);
    fflush(stdout);
    return NULL;
}

int main(void)
{
    struct sigaction action = {.sa_handler = catch};
    pthread_t thread, waiting;

    if (pipe(never) < 0)
        return 1;
    sigaction(SIGUSR1, &action, NULL);
    pthread_create(&waiting, NULL, wait_for_ever, NULL);
    fork_here((char *)"main");
    pthread_create(&thread, NULL, fork_here, (char *)"thread");
    pthread_join(thread, NULL);
    return 0;
}
