/* What the tests of child processes share. */
#ifndef TESTS_CHILDREN_H
#define TESTS_CHILDREN_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "support.h"

/* "sh -c SCRIPT", in a variable of this name. */
#define SHELL(name, script)                                                    \
    const char *const name[] = {"sh", "-c", script, NULL}

#define STDIO_PIPE                                                             \
    {                                                                          \
        .kind = GREEN_STDIO_PIPE                                               \
    }
#define STDIO_NULL                                                             \
    {                                                                          \
        .kind = GREEN_STDIO_NULL                                               \
    }

/* This process has no child left, neither running nor a zombie. */
static inline void ck_no_child(void)
{
    siginfo_t info;

    ck_fails(waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT), ECHILD);
}

/* Starts `sh -c script` with pipes as input and output. */
static inline void start_shell(struct green_process *process,
                               const char *script)
{
    SHELL(argv, script);
    const struct green_process_options options = {
        .argv = argv, .in = STDIO_PIPE, .out = STDIO_PIPE};

    ck_ok(green_process_start(process, &options));
}

/* Reads a line of the child's, which must be this one. */
static inline void ck_says(const struct green_process *process,
                           const char *line)
{
    char buffer[256];
    size_t size = strlen(line);

    ck_assert_int_eq(green_read_full(process->out, buffer, size),
                     (ssize_t)size);
    ck_assert_mem_eq(buffer, line, size);
}

/* A line "NAME:\tVALUE" of /proc/PID/status, its value. */
static inline void status_line(pid_t pid, const char *name, char value[256])
{
    char path[64], line[256];
    FILE *file;

    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    file = fopen(path, "r");
    ck_assert_ptr_nonnull(file);
    value[0] = '\0';
    while (fgets(line, sizeof line, file))
        if (strncmp(line, name, strlen(name)) == 0 && line[strlen(name)] == ':')
            sscanf(line + strlen(name) + 1, "%255s", value);
    fclose(file);
}

#endif
