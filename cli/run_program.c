/* Which program greenhub run executes, and whether it can be patched. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "cli.h"
#include "run.h"

#define DEEPEST 4 /* scripts whose interpreter is a script, as in the kernel */

/* ---- PATH ------------------------------------------------------------------- */

static bool is_program(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return false;
    if (S_ISREG(status.st_mode) && access(path, X_OK) == 0)
        return true;
    errno = EACCES;
    return false;
}

static int not_found(const char *name, int error)
{
    if (error == ENOENT || error == ENOTDIR)
        return cli_complain(RUN_NOT_FOUND, "%s is not found", name);
    return cli_complain(RUN_REFUSED, "%s cannot be executed: %s", name,
                        strerror(error));
}

static int is_too_long(const char *name)
{
    return cli_complain(RUN_REFUSED, "the path of %s is too long", name);
}

/* As execvp searches: a file that may not be executed is not the last word. */
static int search(const char *name, const char *folders, char path[PATH_MAX])
{
    int error = ENOENT;

    for (;;) {
        int length = (int)strcspn(folders, ":");

        if (snprintf(path, PATH_MAX, "%.*s%s%s", length, folders,
                     length ? "/" : "./", name) < PATH_MAX) {
            if (is_program(path))
                return CLI_OK;
            if (errno == EACCES)
                error = EACCES;
        }
        if (!folders[length])
            return not_found(name, error);
        folders += length + 1;
    }
}

static int find_file(const char *name, char path[PATH_MAX])
{
    const char *folders = getenv("PATH");

    if (!*name)
        return cli_complain(RUN_NOT_FOUND, "the program's name is empty");
    if (!strchr(name, '/'))
        return search(name, folders ? folders : "/bin:/usr/bin", path);
    if (strlen(name) >= PATH_MAX)
        return is_too_long(name);
    run_copy_path(path, name);
    return is_program(path) ? CLI_OK : not_found(name, errno);
}

/* ---- What cannot be patched ------------------------------------------------ */

/* The loader ignores LD_PRELOAD in a program that gets more rights than its
 * caller has. */
static bool gives_rights(const char *path)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return false;
    if ((status.st_mode & S_ISUID) && status.st_uid != getuid())
        return true;
    if ((status.st_mode & S_ISGID) && (status.st_mode & S_IXGRP) &&
        status.st_gid != getgid())
        return true;
    return getuid() != 0 && getxattr(path, "security.capability", NULL, 0) > 0;
}

static const char *last_part(const char *path)
{
    const char *slash = strrchr(path, '/');

    return slash ? slash + 1 : path;
}

/* NULL, or the end of a sentence that begins with the program's path. */
static const char *reason_against(const struct run_image *theirs,
                                  const struct run_image *ours)
{
    if (theirs->kind != RUN_ELF)
        return "is neither an ELF file nor a script that begins with #!";
    if (theirs->class != ours->class || theirs->order != ours->order ||
        theirs->machine != ours->machine)
        return "is for another processor, or for other sizes of it, than this "
               "command";
    if (theirs->go)
        return "is written in Go, which makes its system calls without libc";
    if (!*theirs->interpreter)
        return "is linked statically, so no library can be put in front of "
               "its libc";
    if (strcmp(last_part(theirs->interpreter), last_part(ours->interpreter)) !=
        0)
        return "is linked with another libc than this command";
    return NULL;
}

static int check_image(const char *path, const struct run_image *image)
{
    struct run_image ours;
    const char *reason;

    if (run_read_image("/proc/self/exe", &ours) < 0)
        return cli_complain(RUN_REFUSED, "cannot read /proc/self/exe: %s",
                            strerror(errno));
    reason = reason_against(image, &ours);
    if (!reason && gives_rights(path))
        reason = "runs with more rights than its caller has, so the loader "
                 "preloads nothing into it";
    return reason ? cli_complain(RUN_REFUSED, "%s %s", path, reason) : CLI_OK;
}

/* ---- Scripts ------------------------------------------------------------------ */

/* Puts `count` words in front of the arguments, instead of the first one. */
static char **put_in_front(char **argv, char *const *words, size_t count)
{
    size_t length = 1;
    char **longer;

    while (argv[length])
        length++;
    longer = calloc(length + count, sizeof *longer);
    if (longer) {
        memcpy(longer, words, count * sizeof *longer);
        memcpy(longer + count, argv + 1, (length - 1) * sizeof *longer);
    }
    return longer;
}

static bool is_env(const struct run_image *image)
{
    return strcmp(last_part(image->command), "env") == 0 && *image->argument &&
           image->argument[0] != '-' && !strpbrk(image->argument, " \t=");
}

/*
 * env would execute the interpreter in turn, without the library, which takes
 * itself out of the environment: the interpreter is executed directly, with the
 * arguments that env would give to it.
 */
static int skip_env(const struct run_image *image, struct run_program *program)
{
    char *const words[] = {program->interpreter, program->script};

    run_copy_path(program->interpreter, image->argument);
    run_copy_path(program->script, program->path);
    program->argv = put_in_front(program->argv, words, 2);
    if (!program->argv)
        return cli_complain(RUN_REFUSED, "there is no memory");
    return find_file(image->argument, program->path);
}

/* The interpreter of the script `path`, which the kernel takes as written. */
static int follow(const struct run_image *image, struct run_program *program,
                  char path[PATH_MAX])
{
    if (!*program->script && strcmp(path, program->path) == 0 &&
        is_env(image)) {
        int status = skip_env(image, program);

        run_copy_path(path, program->path);
        return status;
    }
    run_copy_path(path, image->command);
    return is_program(path) ? CLI_OK : not_found(path, errno);
}

/* Looks at the file, and at its interpreter if it is a script. */
static int check(struct run_program *program)
{
    struct run_image image;
    char path[PATH_MAX];

    run_copy_path(path, program->path);
    for (int depth = 0;; depth++) {
        int status;

        if (run_read_image(path, &image) < 0)
            return cli_complain(RUN_REFUSED, "cannot read %s: %s", path,
                                strerror(errno));
        if (image.kind != RUN_SCRIPT || depth == DEEPEST)
            return check_image(path, &image);
        status = follow(&image, program, path);
        if (status != CLI_OK)
            return status;
    }
}

int run_find(char **argv, struct run_program *program)
{
    int status = find_file(argv[0], program->path);

    program->argv = argv;
    program->script[0] = '\0';
    return status != CLI_OK ? status : check(program);
}
