#include "crowd.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>

#define SKIPPED 77

static struct member crowd[CROWD];
static int inside, most_inside, gathered, descriptors_before;
static char **arguments;
static int argument_count;
static unsigned long long random_state;

void crowd_give_up(const char *format, ...)
{
    va_list more;

    va_start(more, format);
    vfprintf(stderr, format, more);
    va_end(more);
    fputc('\n', stderr);
    exit(1);
}

const char *crowd_argument(int number)
{
    return number + 2 < argument_count ? arguments[number + 2] : NULL;
}

/* ---- Many at once ------------------------------------------------------ */

static member_fn *what_they_do;

static void *run_member(void *member)
{
    what_they_do(member);
    return NULL;
}

void crowd_start(member_fn *fn)
{
    what_they_do = fn;
    gathered = 0;
    for (int i = 0; i < CROWD; i++) {
        crowd[i] = (struct member){.number = i};
        crowd[i].thread = green_spawn(run_member, &crowd[i]);
        if (!crowd[i].thread)
            crowd_give_up("green_spawn: %s", strerror(errno));
    }
}

void crowd_kill(green_time pause)
{
    int order[CROWD];

    for (int i = 0; i < CROWD; i++) {
        int other = (int)crowd_random((unsigned)i + 1);

        order[i] = order[other];
        order[other] = i;
    }
    for (int i = 0; i < CROWD; i++) {
        if (pause && green_sleep(crowd_random((unsigned)pause)) < 0)
            crowd_give_up("green_sleep: %s", strerror(errno));
        (void)green_kill(crowd[order[i]].thread); /* may have finished */
    }
}

void crowd_wait(void)
{
    for (int i = 0; i < CROWD; i++) {
        void *result;

        if (green_join(crowd[i].thread, &result) < 0)
            crowd_give_up("green_join: %s", strerror(errno));
        if (result == GREEN_CANCELED)
            crowd_failed(&crowd[i], "it was killed before it began");
    }
}

void crowd_run(member_fn *fn)
{
    crowd_start(fn);
    crowd_wait();
}

/* ---- What becomes of them --------------------------------------------- */

void crowd_enter(void)
{
    if (++inside > most_inside)
        most_inside = inside;
}

void crowd_leave(void)
{
    inside--;
}

int crowd_inside(void)
{
    return inside;
}

/* By a call that is patched: nothing else of greenhub is needed. */
void crowd_gather(void)
{
    gathered++;
    while (gathered < CROWD)
        if (usleep(1000) < 0)
            return; /* killed */
}

/* The first failure is the reason of those that follow. */
void crowd_failed(struct member *me, const char *format, ...)
{
    va_list more;

    if (me->failed)
        return;
    me->failed = true;
    va_start(more, format);
    vsnprintf(me->error, sizeof me->error, format, more);
    va_end(more);
}

unsigned crowd_random(unsigned most)
{
    random_state =
        random_state * 6364136223846793005ull + 1442695040888963407ull;
    return (unsigned)(random_state >> 33) % most;
}

static int open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    int count = -3; /* ".", ".." and the folder's own */

    if (!folder)
        crowd_give_up("/proc/self/fd: %s", strerror(errno));
    while (readdir(folder))
        count++;
    closedir(folder);
    return count;
}

void crowd_count_descriptors(void)
{
    descriptors_before = open_descriptors();
}

/* "error N: words", a line for each that failed, and then the numbers. */
static void report(void)
{
    int failed = 0;

    for (int i = 0; i < CROWD; i++) {
        if (!crowd[i].failed)
            continue;
        failed++;
        crowd[i].error[strcspn(crowd[i].error, "\n")] = '\0';
        printf("error %d: %s\n", i, crowd[i].error);
    }
    printf("%d of %d failed, %d in flight at most, %d descriptors more\n",
           failed, CROWD, most_inside, open_descriptors() - descriptors_before);
}

/* ---- The program ------------------------------------------------------- */

static void handle_signal(int number)
{
    (void)number;
}

/* A handler each millisecond, without SA_RESTART: a blocking call would fail
 * with EINTR, which some libraries take for the end of the connection. */
static void start_signals(void)
{
    const struct sigaction action = {.sa_handler = handle_signal};
    const struct itimerval timer = {{0, 1000}, {0, 1000}};

    if (sigaction(SIGALRM, &action, NULL) < 0 ||
        setitimer(ITIMER_REAL, &timer, NULL) < 0)
        crowd_give_up("setitimer: %s", strerror(errno));
}

static void patch(void)
{
    if (green_patch(GREEN_PATCH_LIBRARIES) == 0)
        return;
    fprintf(stderr, "green_patch: %s\n", green_hub_error());
    exit(errno == ENOTSUP ? SKIPPED : 1);
}

int crowd_main(int argc, char **argv, const struct program_case *cases)
{
    const char *seed = getenv("CROWD_SEED");

    arguments = argv;
    argument_count = argc;
    random_state = seed ? strtoull(seed, NULL, 10) : 1;
    patch();
    if (getenv("CROWD_SIGNALS"))
        start_signals();
    for (; argc > 1 && cases->name; cases++) {
        if (strcmp(cases->name, argv[1]) != 0)
            continue;
        crowd_count_descriptors();
        cases->run();
        report();
        return 0;
    }
    crowd_give_up("usage: %s CASE ARGUMENT...", argv[0]);
}
