/* Streams: how they begin and end, and their locks by hand. */
#include <greenhub/hub.h>
#include <greenhub/io.h>

#include <stdio_ext.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "patch/cancel.h"
#include "patch/lock.h"
#include "patch/stream.h"
#include "patch/worker.h"

/* ---- The beginning -------------------------------------------------------- */

GREEN__HOOK FILE *fdopen(int fd, const char *mode)
{
    FILE *file = green__real()->fdopen(fd, mode);

    return green__is_green(GREEN_PATCH_STDIO) ? green__stream_take(file, mode)
                                              : file;
}

static bool is_fifo(const char *path)
{
    int saved = errno;
    struct stat status;
    bool fifo = stat(path, &status) == 0 && S_ISFIFO(status.st_mode);

    errno = saved;
    return fifo;
}

/* Of fopen's mode, for open(2); -1 if it has more than that. */
static int flags_of(const char *mode)
{
    int access = *mode == 'r' ? O_RDONLY : O_WRONLY, flags = 0;

    if (!strchr("rwa", *mode) || strchr(mode, ','))
        return -1;
    if (*mode != 'r')
        flags = O_CREAT | (*mode == 'w' ? O_TRUNC : O_APPEND);
    for (mode++; *mode; mode++) {
        if (*mode == '+')
            access = O_RDWR;
        else if (*mode == 'x')
            flags |= O_EXCL;
        else if (*mode == 'e')
            flags |= O_CLOEXEC;
    }
    return access | flags;
}

/* Its open waits for the other end. */
static FILE *open_fifo(const char *path, const char *mode, int flags)
{
    int before = errno, fd = (int)green__point_ends(green_open(path, flags, 0));
    FILE *file;

    if (fd < 0)
        return NULL;
    file = green__real()->fdopen(fd, mode);
    if (!file) {
        int error = errno;

        (void)green_close(fd);
        errno = error;
        return NULL;
    }
    errno = before;
    return green__stream_take(file, mode);
}

static FILE *open_green(const char *path, const char *mode)
{
    int flags = is_fifo(path) ? flags_of(mode) : -1;

    return flags == -1
               ? green__stream_take(green__real()->fopen64(path, mode), mode)
               : open_fifo(path, mode, flags);
}

GREEN__HOOK FILE *fopen(const char *path, const char *mode)
{
    if (green__is_green_point(GREEN_PATCH_STDIO))
        return open_green(path, mode);
    return green__real()->fopen(path, mode);
}

GREEN__HOOK FILE *fopen64(const char *path, const char *mode)
{
    if (green__is_green_point(GREEN_PATCH_STDIO))
        return open_green(path, mode);
    return green__real()->fopen64(path, mode);
}

GREEN__HOOK FILE *popen(const char *command, const char *mode)
{
    FILE *process = green__real()->popen(command, mode);

    return green__is_green(GREEN_PATCH_STDIO)
               ? green__stream_take_process(process, mode)
               : process;
}

/* ---- Another file in its place -------------------------------------------- */

/* To libc's own stream. fopencookie's has a pointer to data for wide characters
 * that freopen writes to and that is none; without it, it stays for bytes. */
static FILE *reopen_natively(const char *path, const char *mode, FILE *file)
{
    FILE *replaced;

    file->_wide_data = NULL;
    replaced = green__real()->freopen64(path, mode, file);
    file->_mode = -1;
    if (replaced)
        (void)__fsetlocking(replaced, FSETLOCKING_INTERNAL);
    return replaced;
}

static FILE *replace(struct green__stream *stream, FILE *file, const char *path,
                     const char *mode)
{
    struct green__cookie *cookie = stream->cookie;
    struct green_hub *hub = green__hub_here();
    bool locked = green__stream_lock(stream);
    FILE *replaced;

    if (hub)
        (void)green_hub_forget(hub, cookie->fd);
    replaced = reopen_natively(path, mode, file);
    if (locked)
        green__stream_unlock(stream);
    green__stream_remove(stream);
    free(cookie);
    return replaced;
}

static FILE *reopen(const char *path, const char *mode, FILE *file)
{
    struct green__stream *stream =
        green__streams_are_on() ? green__stream_find(file) : NULL;

    return stream && stream->cookie
               ? replace(stream, file, path, mode)
               : green__real()->freopen64(path, mode, file);
}

GREEN__HOOK FILE *freopen(const char *path, const char *mode, FILE *file)
{
    return reopen(path, mode, file);
}

GREEN__HOOK FILE *freopen64(const char *path, const char *mode, FILE *file)
{
    return reopen(path, mode, file);
}

/* ---- The end -------------------------------------------------------------- */

/* A green stream takes itself out of the table before its number is free. */
static int close_stream(struct green__stream *stream, FILE *file)
{
    bool green = stream->cookie != NULL;
    int result;

    (void)(green__stream_takes_lock(stream) && green__stream_lock(stream));
    result = green__real()->fclose(file);
    if (!green)
        green__stream_remove(stream);
    return result;
}

GREEN__HOOK int fclose(FILE *file)
{
    struct green__stream *stream =
        green__streams_are_on() ? green__stream_find(file) : NULL;

    return stream ? close_stream(stream, file) : green__real()->fclose(file);
}

struct closing {
    FILE *file;
    int result;
};

static long run_pclose(void *arg)
{
    struct closing *it = arg;

    it->result = green__real()->pclose(it->file);
    return 0;
}

GREEN__HOOK int pclose(FILE *file)
{
    struct closing it = {.file = file};
    int before = errno;
    struct green__stream *stream =
        green__streams_are_on() ? green__stream_find(file) : NULL;

    if (stream)
        return close_stream(stream, file);
    if (!green__is_green(GREEN_PATCH_PROCESS) ||
        !green__on_worker(GREEN__THREAD_POOL, run_pclose, &it))
        (void)run_pclose(&it);
    return (int)green__kept(before, it.result);
}

/* ---- Locks by hand -------------------------------------------------------- */

static int try_natively(void *file)
{
    return green__real()->ftrylockfile(file) == 0 ? 0 : EBUSY;
}

/* OS threads may have it. */
static void lock_natively(FILE *file)
{
    if (green__is_green(GREEN_PATCH_STDIO))
        (void)green__lock_by_trying(try_natively, file, GREEN__NO_LIMIT);
    else
        green__real()->flockfile(file);
}

/* The stream's lock here; NULL if libc's own is enough. */
static struct green__stream *stream_to_lock(FILE *file)
{
    struct green__stream *stream;

    if (!green__streams_are_on())
        return NULL;
    stream = green__is_green(GREEN_PATCH_STDIO) ? green__stream_add(file, NULL)
                                                : green__stream_find(file);
    return stream && green__stream_takes_lock(stream) ? stream : NULL;
}

GREEN__HOOK void flockfile(FILE *file)
{
    struct green__stream *stream = stream_to_lock(file);

    if (stream)
        (void)green__stream_lock(stream);
    if (!stream || !stream->cookie)
        lock_natively(file);
}

GREEN__HOOK int ftrylockfile(FILE *file)
{
    struct green__stream *stream = stream_to_lock(file);
    int result = 0;

    if (stream && !green__stream_try_lock(stream))
        return -1;
    if (!stream || !stream->cookie)
        result = green__real()->ftrylockfile(file);
    if (stream && result != 0)
        green__stream_unlock(stream);
    return result;
}

GREEN__HOOK void funlockfile(FILE *file)
{
    struct green__stream *stream =
        green__streams_are_on() ? green__stream_find(file) : NULL;

    if (!stream || !stream->cookie)
        green__real()->funlockfile(file);
    if (stream && green__stream_is_mine(stream))
        green__stream_unlock(stream);
}
