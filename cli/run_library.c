/* The library that greenhub run preloads, and whether it works here. */
#include <greenhub.h>
#include <greenhub/patch.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cli.h"
#include "library.h"
#include "run.h"

extern char **environ;

/* ---- Where it is -------------------------------------------------------------- */

int run_find_library(char path[PATH_MAX])
{
    if (!cli_find_library("greenhub-patch", "src/patch", path))
        return cli_complain(RUN_REFUSED,
                            "libgreenhub-patch.so is not installed "
                            "beside this command");
    if (strpbrk(path, " :"))
        return cli_complain(RUN_REFUSED,
                            "%s cannot be preloaded: its path has a blank or a "
                            "colon",
                            path);
    return CLI_OK;
}

/* ---- Whether it works --------------------------------------------------------- */

int run_self_test(const char *tls)
{
    char *argv[] = {"greenhub",  "run",         "--tls",
                    (char *)tls, "--self-test", NULL};
    pid_t pid;
    int status, error;

    error = posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ);
    if (error)
        return cli_complain(RUN_REFUSED, "cannot run itself: %s",
                            strerror(error));
    while (waitpid(pid, &status, 0) < 0)
        if (errno != EINTR)
            return cli_complain(RUN_REFUSED, "cannot wait for its test: %s",
                                strerror(errno));
    if (WIFEXITED(status) && WEXITSTATUS(status) == CLI_OK)
        return CLI_OK;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != RUN_REFUSED)
        return cli_complain(RUN_REFUSED,
                            "threads cannot be greenthreads here: the test of "
                            "it ended with wait status 0x%x",
                            status);
    return RUN_REFUSED; /* it has printed why */
}

/* The patch library's functions, if it is loaded. */
struct functions {
    unsigned (*patched)(void);
    int (*patch)(unsigned groups);
    int (*stats)(struct green_patch_stats *stats);
};

/* ISO C does not convert a pointer to an object to one to a function. */
static uintptr_t find(const char *name)
{
    return (uintptr_t)dlsym(RTLD_DEFAULT, name);
}

static bool find_functions(struct functions *to)
{
    to->patched = (unsigned (*)(void))find("green_patched");
    to->patch = (int (*)(unsigned))find("green_patch");
    to->stats = (int (*)(struct green_patch_stats *))find("green_patch_stats");
    return to->patched && to->patch && to->stats;
}

static _Thread_local volatile int own = 1;

/* Whether another thread changes `own` while this one waits. */
static void *use_own(void *arg)
{
    int *result = arg;

    own++;
    sched_yield();
    *result = own;
    return arg;
}

/* Two threads at once. Returns 0 or an error; the value that each saw. */
static int run_threads(int seen[2])
{
    pthread_t threads[2];
    int error = pthread_create(&threads[0], NULL, use_own, &seen[0]);

    if (error)
        return error;
    error = pthread_create(&threads[1], NULL, use_own, &seen[1]);
    pthread_join(threads[0], NULL);
    if (!error)
        pthread_join(threads[1], NULL);
    return error;
}

static int test_threads(const struct functions *functions, const char *tls)
{
    struct green_patch_stats stats;
    int seen[2] = {0}, error = run_threads(seen);

    if (error)
        return cli_complain(RUN_REFUSED, "cannot create a thread: %s",
                            strerror(error));
    if (functions->stats(&stats) < 0 || stats.threads != 2)
        return cli_complain(RUN_REFUSED,
                            "the threads of the test were no greenthreads");
    if (strcmp(tls, "own") == 0 && (seen[0] != 2 || seen[1] != 2))
        return cli_complain(RUN_REFUSED,
                            "greenthreads cannot have thread-local variables "
                            "of their own here; try --tls=shared");
    return CLI_OK;
}

int run_be_tested(const char *tls)
{
    const unsigned wanted = GREEN_PATCH_THREADS | GREEN_PATCH_LIBRARIES |
                            GREEN_PATCH_SIGNALS | GREEN_PATCH_STDIO;
    struct functions functions;

    if (!find_functions(&functions))
        return cli_complain(RUN_REFUSED,
                            "libgreenhub-patch.so cannot be preloaded here");
    /* The library is silent when it loads, so ask it for the reason. */
    if ((functions.patched() & wanted) != wanted && functions.patch(wanted) < 0)
        return cli_complain(RUN_REFUSED, "cannot patch programs here: %s",
                            green_hub_error());
    return test_threads(&functions, tls);
}
