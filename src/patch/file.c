/* Calls that wait for a disk, or for the other end of a FIFO. */
#include <greenhub/io.h>

#include <stdarg.h>

#include "io/wait.h"
#include "patch/cancel.h"
#include "patch/worker.h"

/* ---- open ------------------------------------------------------------------- */

static int open_green(int folder, const char *path, int flags, mode_t mode)
{
    int before = errno;

    return (int)green__kept(
        before, green__point_ends(green_openat(folder, path, flags, mode)));
}

static inline int open_at(int folder, const char *path, int flags, mode_t mode)
{
    return green__is_green_point(GREEN_PATCH_FILES)
               ? open_green(folder, path, flags, mode)
               : green__real()->openat(folder, path, flags, mode);
}

static inline int open_at64(int folder, const char *path, int flags,
                            mode_t mode)
{
    return open_at(folder, path, flags | O_LARGEFILE, mode);
}

/* The mode argument, if the flags ask for one. */
static mode_t mode_of(int flags, va_list arguments)
{
    bool has_mode = (flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE;

    return has_mode ? va_arg(arguments, mode_t) : 0;
}

GREEN__HOOK int open(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(AT_FDCWD, path, flags, mode);
}

GREEN__HOOK int open64(const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at64(AT_FDCWD, path, flags, mode);
}

GREEN__HOOK int openat(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at(folder, path, flags, mode);
}

GREEN__HOOK int openat64(int folder, const char *path, int flags, ...)
{
    va_list arguments;
    mode_t mode;

    va_start(arguments, flags);
    mode = mode_of(flags, arguments);
    va_end(arguments);
    return open_at64(folder, path, flags, mode);
}

GREEN__HOOK int creat(const char *path, mode_t mode)
{
    return open_at(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

GREEN__HOOK int creat64(const char *path, mode_t mode)
{
    return open_at64(AT_FDCWD, path, O_WRONLY | O_CREAT | O_TRUNC, mode);
}

/* What -D_FORTIFY_SOURCE calls without a mode: one that is needed ends the
 * program. */

static void need_no_mode(int flags)
{
    if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
        __chk_fail();
}

GREEN__HOOK int __open_2(const char *path, int flags)
{
    need_no_mode(flags);
    return open_at(AT_FDCWD, path, flags, 0);
}

GREEN__HOOK int __open64_2(const char *path, int flags)
{
    need_no_mode(flags);
    return open_at64(AT_FDCWD, path, flags, 0);
}

GREEN__HOOK int __openat_2(int folder, const char *path, int flags)
{
    need_no_mode(flags);
    return open_at(folder, path, flags, 0);
}

GREEN__HOOK int __openat64_2(int folder, const char *path, int flags)
{
    need_no_mode(flags);
    return open_at64(folder, path, flags, 0);
}

/* ---- fsync ------------------------------------------------------------------ */

struct sync_call {
    int (*call)(int fd);
    int fd, result;
};

static long run_sync(void *arg)
{
    struct sync_call *it = arg;

    it->result = it->call(it->fd);
    return 0;
}

/* A hub that carries operations out does this one; else an OS thread. */
static int sync_file(int fd, int (*green)(int fd), int (*native)(int fd))
{
    struct sync_call it = {.call = native, .fd = fd};
    const struct green_hub *hub = green__hub_here();
    int before = errno;

    if (hub && hub->operations)
        return (int)green__kept(before, green__point_ends(green(fd)));
    if (green__call_begins() < 0)
        return (int)green__point_ends(-1);
    if (!green__on_worker(GREEN__THREAD_POOL, run_sync, &it))
        (void)run_sync(&it);
    return (int)green__kept(before, it.result);
}

GREEN__HOOK int fsync(int fd)
{
    return green__is_green_point(GREEN_PATCH_FILES)
               ? sync_file(fd, green_fsync, green__real()->fsync)
               : green__real()->fsync(fd);
}

GREEN__HOOK int fdatasync(int fd)
{
    return green__is_green_point(GREEN_PATCH_FILES)
               ? sync_file(fd, green_fdatasync, green__real()->fdatasync)
               : green__real()->fdatasync(fd);
}
