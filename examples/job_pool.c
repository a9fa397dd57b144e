/*
 * Runs shell commands, one a line of its input, so many at a time. One that takes too
 * long or writes too much is killed, with all that it has started, and so are all at
 * Ctrl-C.
 *     job_pool [JOBS [SECONDS]] < commands        default: 4 jobs, 10 seconds each
 */
#include <greenhub.h>

#include <err.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct green_semaphore places;
static green_time limit;

static int run(void *command)
{
    const char *const argv[] = {"/bin/sh", "-c", command, NULL};
    struct green_process_options options = {.argv = argv, .new_group = true};
    struct green_exchange exchange = {.limit = 1 << 20};
    struct green_process process;
    struct green_timeout timeout;
    int status;

    options.in.kind = GREEN_STDIO_NULL;
    options.out.kind = GREEN_STDIO_PIPE;
    options.err.kind = GREEN_STDIO_AS_OUT;
    green_timeout_start(&timeout, limit);
    if (green_process_start(&process, &options) < 0 ||
        green_process_communicate(&process, &exchange, &status) < 0)
        printf("%s: %s\n", (char *)command, strerror(errno));
    else
        printf("%s: status %#x\n%s", (char *)command, status, exchange.out);
    green_timeout_cancel(&timeout);
    green_process_end(&process); /* kills what is left of it */
    free(exchange.out);
    free(command);
    return green_semaphore_release(&places);
}

static void *stop_at_a_signal(void *scope)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    if (green_signal_wait(&set, NULL) > 0)
        green_scope_stop(scope);
    return NULL;
}

int main(int argc, char **argv)
{
    struct green_scope scope;
    struct green_reader input;
    char buffer[4096], *line;

    limit = (green_time)((argc > 2 ? atof(argv[2]) : 10) * GREEN_SEC);
    green_semaphore_init(&places, argc > 1 ? (size_t)atoi(argv[1]) : 4, 0);
    green_reader_init(&input, 0, buffer, sizeof buffer);
    if (green_scope_begin(&scope, GREEN_FOREVER) < 0 ||
        !green_spawn(stop_at_a_signal, &scope))
        err(1, "job_pool");
    while (green_semaphore_acquire(&places) == 0 &&
           green_read_line(&input, &line, NULL) > 0 &&
           green_scope_spawn(&scope, run, strdup(line)) == 0)
        continue;
    if (green_scope_end(&scope) < 0)
        err(1, "job_pool");
    return 0;
}
