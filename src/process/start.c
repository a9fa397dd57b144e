/*
 * How a child is started. posix_spawn shares this process's memory with the child
 * until that executes the program, so what it costs does not depend on how much
 * memory there is; and it resets signals, and reports a failure of execve.
 *
 * The child gets descriptors by dup2, one after another:
 *
 *     0, 1, 2              in, out, err
 *     3 ... floor - 1      options->fds
 *     floor ...            closed
 *
 * A dup2 would overwrite a descriptor below the floor that a later one is made of:
 * so what is below is first duplicated to above, in this process, close-on-exec.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <string.h>
#include <unistd.h>

#include <greenhub/io.h>

#include "base/reserved.h"
#include "base/system.h"
#include "greenthread/park.h"
#include "io/open_file.h"
#include "process/process.h"

extern char **environ;

struct start {
    const struct green_process_options *options;
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    int floor;
    int *temporary; /* descriptors to close when the child has its own */
    unsigned temporaries;
};

/* The functions of posix_spawn return an error number. */
static int fails_with(int error)
{
    return error == 0 ? 0 : green__refuse(error);
}

/* ---- Descriptors ---------------------------------------------------------- */

/* Notes one of this process's that is for the child alone. */
static int for_child(struct start *it, int fd)
{
    if (fd >= 0)
        it->temporary[it->temporaries++] = fd;
    return fd;
}

/* The child will have `fd` as `slot`. */
static int give(struct start *it, int fd, int slot)
{
    if (fd < it->floor)
        fd = for_child(it, green__system.fcntl(fd, F_DUPFD_CLOEXEC, it->floor));
    if (fd < 0)
        return -1;
    return fails_with(posix_spawn_file_actions_adddup2(&it->actions, fd, slot));
}

/* A program without a standard input must not get the pipe's number for one. */
static int above_standard(int fd)
{
    int higher;

    if (fd > STDERR_FILENO)
        return fd;
    higher = green__system.fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    green__system.close(fd);
    return higher;
}

static int give_pipe(struct start *it, int slot, int *ours)
{
    int fds[2], theirs;

    if (green__system.pipe2(fds, O_CLOEXEC) < 0)
        return -1;
    *ours = above_standard(fds[slot == STDIN_FILENO]);
    if (*ours >= 0)
        green__io_opened(*ours, GREEN__FILE_KNOWN | GREEN__FILE_NO_SOCKET |
                                    GREEN__FILE_FIFO);
    theirs = for_child(it, above_standard(fds[slot != STDIN_FILENO]));
    return *ours < 0 || theirs < 0 ? -1 : give(it, theirs, slot);
}

static int give_null(struct start *it, int slot)
{
    int fd = green__system.open(
        "/dev/null", (slot == STDIN_FILENO ? O_RDONLY : O_WRONLY) | O_CLOEXEC);

    return for_child(it, fd) < 0 ? -1 : give(it, fd, slot);
}

static int give_standard(struct start *it, const struct green_stdio *stdio,
                         int slot, int *ours)
{
    switch (stdio->kind) {
    case GREEN_STDIO_INHERIT:
        return 0;
    case GREEN_STDIO_PIPE:
        return give_pipe(it, slot, ours);
    case GREEN_STDIO_NULL:
        return give_null(it, slot);
    case GREEN_STDIO_FD:
        return give(it, stdio->fd, slot);
    case GREEN_STDIO_AS_OUT:
        return fails_with(posix_spawn_file_actions_adddup2(
            &it->actions, STDOUT_FILENO, STDERR_FILENO));
    }
    return green__refuse(EINVAL);
}

static int give_all(struct start *it, struct green_process *process)
{
    const struct green_process_options *o = it->options;

    if (give_standard(it, &o->in, STDIN_FILENO, &process->in) < 0 ||
        give_standard(it, &o->out, STDOUT_FILENO, &process->out) < 0 ||
        give_standard(it, &o->err, STDERR_FILENO, &process->err) < 0)
        return -1;
    for (unsigned i = 0; i < o->fd_count; i++)
        if (give(it, o->fds[i], STDERR_FILENO + 1 + (int)i) < 0)
            return -1;
    return fails_with(green__close_from(&it->actions, it->floor));
}

/* ---- Signals, group, directory -------------------------------------------- */

static int set_attributes(struct start *it)
{
    short flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
    sigset_t none, all;

    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&it->attributes, &none);
    posix_spawnattr_setsigdefault(&it->attributes, &all);
    if (it->options->new_group)
        flags |= POSIX_SPAWN_SETPGROUP; /* 0, the default: its own */
    return fails_with(posix_spawnattr_setflags(&it->attributes, flags));
}

static int set_directory(struct start *it)
{
    if (!it->options->directory)
        return 0;
    return fails_with(green__start_in(&it->actions, it->options->directory));
}

/* ---- The start ------------------------------------------------------------ */

static int begin(struct start *it, const struct green_process_options *options)
{
    it->options = options;
    it->floor = STDERR_FILENO + 1 + (int)options->fd_count;
    it->temporaries = 0;
    /* A pipe, /dev/null: one to make, and one if that is below the floor. */
    it->temporary = green__system.allocate(6 + (size_t)options->fd_count,
                                           sizeof *it->temporary);
    if (!it->temporary)
        return green__refuse(ENOMEM);
    posix_spawn_file_actions_init(&it->actions);
    posix_spawnattr_init(&it->attributes);
    return 0;
}

static void finish(struct start *it)
{
    int error = errno;

    for (unsigned i = 0; i < it->temporaries; i++)
        green__system.close(it->temporary[i]);
    green__system.release(it->temporary);
    posix_spawn_file_actions_destroy(&it->actions);
    posix_spawnattr_destroy(&it->attributes);
    errno = error;
}

/* execve's parameters are not const for the sake of old programs: it changes
 * nothing. */
static char *const *as_exec(const char *const *strings)
{
    return (char *const *)(uintptr_t)strings;
}

static int spawn(struct start *it, struct green_process *process)
{
    const struct green_process_options *o = it->options;

    if (set_directory(it) < 0 || give_all(it, process) < 0 ||
        set_attributes(it) < 0)
        return -1;
    return fails_with(posix_spawnp(
        &process->pid, o->program ? o->program : o->argv[0], &it->actions,
        &it->attributes, as_exec(o->argv), o->env ? as_exec(o->env) : environ));
}

static bool is_valid(const struct green_process_options *o)
{
    return o && o->argv && o->argv[0] && o->fd_count <= GREEN_PROCESS_FDS &&
           (o->fds || o->fd_count == 0) && GREEN__RESERVED_IS_ZERO(o) &&
           o->in.kind != GREEN_STDIO_AS_OUT &&
           o->out.kind != GREEN_STDIO_AS_OUT;
}

int green__check_open(const int *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!green__is_open(fds[i]))
            return -1;
    return 0;
}

static int check_standard(const struct green_stdio *stdio)
{
    return stdio->kind == GREEN_STDIO_FD ? green__check_open(&stdio->fd, 1) : 0;
}

static int check_descriptors(const struct green_process_options *o)
{
    if (check_standard(&o->in) < 0 || check_standard(&o->out) < 0 ||
        check_standard(&o->err) < 0)
        return -1;
    return green__check_open(o->fds, o->fd_count);
}

int green_process_start(struct green_process *process,
                        const struct green_process_options *options)
{
    struct start it;
    int result;

    if (!process)
        return green__refuse(EINVAL);
    memset(process, 0, sizeof *process);
    process->in = process->out = process->err = process->internal.pidfd = -1;
    if (!is_valid(options))
        return green__refuse(EINVAL);
    if (check_descriptors(options) < 0 || begin(&it, options) < 0)
        return -1;
    result = spawn(&it, process);
    finish(&it);
    if (result < 0) {
        green__process_close_pipe(&process->in);
        green__process_close_pipe(&process->out);
        green__process_close_pipe(&process->err);
        return -1;
    }
    process->internal.leads_group = options->new_group;
    process->internal.state = GREEN__PROCESS_RUNNING;
    green__process_identify(process);
    return 0;
}
