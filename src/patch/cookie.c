/* Green streams: what libc calls to read, write and close them. */
#include <greenhub/hub.h>
#include <greenhub/io.h>

#include <errno.h>
#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "patch/cancel.h"
#include "patch/count.h"
#include "patch/stream.h"
#include "patch/transfer.h"
#include "patch/worker.h"

bool green__file_is_slow(int fd)
{
    int saved = errno;
    struct stat status;
    bool slow = fstat(fd, &status) == 0 &&
                (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode) ||
                 (S_ISCHR(status.st_mode) && isatty(fd)));

    errno = saved;
    return slow;
}

/* ---- What libc calls ------------------------------------------------------ */

/* Most have the lock already; what has no hook gets it here. */
static bool has_lock(struct green__stream_use *use,
                     const struct green__cookie *cookie)
{
    use->failed = !green__stream_try_lock(cookie->stream);
    use->stream = use->failed ? NULL : cookie->stream;
    if (use->failed)
        errno = EDEADLK;
    return !use->failed;
}

static ssize_t read_cookie(void *arg, char *buffer, size_t size)
{
    const struct green__cookie *it = arg;
    GREEN__ENDS_USE struct green__stream_use use = {NULL, false};

    if (!has_lock(&use, it))
        return -1;
    return green__read_in(GREEN_PATCH_STDIO, it->fd, buffer, size);
}

/* libc's own goes on after a part, too, and returns what was written. */
static ssize_t write_cookie(void *arg, const char *buffer, size_t size)
{
    const struct green__cookie *it = arg;
    GREEN__ENDS_USE struct green__stream_use use = {NULL, false};

    if (!has_lock(&use, it))
        return 0;
    return (ssize_t)green__write_all_in(GREEN_PATCH_STDIO, it->fd, buffer,
                                        size);
}

static int seek_cookie(void *arg, off64_t *offset, int whence)
{
    (void)arg, (void)offset, (void)whence;
    return green__refuse(ESPIPE);
}

/* ---- The end -------------------------------------------------------------- */

struct ending {
    FILE *process;
    int status;
};

static long end_process(void *arg)
{
    struct ending *it = arg;

    it->status = green__real()->pclose(it->process);
    return 0;
}

/* libc closes the descriptor and waits for the child, whose status is the
 * result. */
static int close_process(FILE *process, int fd)
{
    struct ending it = {.process = process};
    struct green_hub *hub = green__hub_here();
    int before = errno;

    if (hub)
        (void)green_hub_forget(hub, fd);
    if (!green__is_green(GREEN_PATCH_STDIO) ||
        !green__on_worker(GREEN__THREAD_POOL, end_process, &it))
        (void)end_process(&it);
    return (int)green__kept(before, it.status);
}

static int close_descriptor(int fd)
{
    int before = errno;

    if (green__is_green(GREEN_PATCH_STDIO))
        return (int)green__kept(before, green_close(fd));
    return green__real()->close(fd);
}

/* The FILE, and so its number in the table, may be another's from here on. */
static int close_cookie(void *arg)
{
    struct green__cookie *it = arg;
    FILE *process = it->process;
    int fd = it->fd;

    if (it->stream)
        green__stream_remove(it->stream);
    free(it);
    return process ? close_process(process, fd) : close_descriptor(fd);
}

/* ---- The beginning -------------------------------------------------------- */

/* fdopen allows '+' at any place among the first letters. */
static const char *plain_mode(const char *mode)
{
    static const char *const modes[][2] = {
        {"r", "r+"},
        {"w", "w+"},
        {"a", "a+"},
    };
    unsigned kind = *mode == 'r' ? 0 : *mode == 'w' ? 1 : 2;
    bool both = false;

    for (int i = 1; i < 5 && mode[i]; i++)
        both |= mode[i] == '+';
    return modes[kind][both];
}

/* libc's clean-up handlers, and its lock, are not for several greenthreads. The
 * number is for fileno. */
static FILE *set_up(FILE *file, struct green__cookie *it)
{
    it->stream = green__stream_add(file, it);
    if (!it->stream) {
        *it = (struct green__cookie){.fd = -1};
        (void)green__real()->fclose(file);
        return NULL;
    }
    (void)__fsetlocking(file, FSETLOCKING_BYCALLER);
    file->_fileno = it->fd;
    if (isatty(it->fd))
        (void)setvbuf(file, NULL, _IOLBF, 0);
    return file;
}

static FILE *make_stream(int fd, const char *mode, FILE *process)
{
    const cookie_io_functions_t functions = {
        .read = read_cookie,
        .write = write_cookie,
        .seek = seek_cookie,
        .close = close_cookie,
    };
    struct green__cookie *it = malloc(sizeof *it);
    FILE *file;

    if (!it)
        return NULL;
    *it = (struct green__cookie){.fd = fd, .process = process};
    file = fopencookie(it, plain_mode(mode), functions);
    if (file)
        return set_up(file, it);
    free(it);
    return NULL;
}

static FILE *instead(FILE *file, const char *mode, FILE *process)
{
    int saved = errno;
    FILE *made = make_stream(file->_fileno, mode, process);

    if (!made)
        green__count(&green__counted.native_instead);
    errno = saved;
    return made;
}

/* libc's stream has read and written nothing; without a number it closes
 * nothing. */
static void drop(FILE *file)
{
    int saved = errno;

    file->_fileno = -1;
    (void)green__real()->fclose(file);
    errno = saved;
}

FILE *green__stream_take(FILE *file, const char *mode)
{
    FILE *made;

    if (!file || !green__file_is_slow(file->_fileno))
        return file;
    made = instead(file, mode, NULL);
    if (!made)
        return file;
    drop(file);
    return made;
}

/* The number had another life before, which the hub may remember. */
FILE *green__stream_take_process(FILE *process, const char *mode)
{
    FILE *made;

    if (!process)
        return NULL;
    (void)green_hub_forget(green__hub_here(), process->_fileno);
    made = instead(process, strchr(mode, 'r') ? "r" : "w", process);
    return made ? made : process;
}
