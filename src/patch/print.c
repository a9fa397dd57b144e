/* Formats to descriptors; the system's log. */
#include <stdlib.h>
#include <syslog.h>

#include "patch/cancel.h"
#include "patch/transfer.h"
#include "patch/worker.h"

/* Also when a cancelled thread unwinds its stack. */
static void free_text(char **text)
{
    int saved = errno;

    free(*text);
    errno = saved;
}

#define FREED __attribute__((cleanup(free_text)))

/* ---- Formats to descriptors ----------------------------------------------- */

static int print(int fd, const char *text, int size)
{
    size_t done =
        green__write_all_in(GREEN_PATCH_STDIO, fd, text, (size_t)size);

    return done < (size_t)size ? -1 : size;
}

GREEN__HOOK int vdprintf(int fd, const char *format, va_list arguments)
{
    FREED char *text = NULL;
    int size;

    if (!green__is_green_point(GREEN_PATCH_STDIO))
        return green__real()->vdprintf(fd, format, arguments);
    size = vasprintf(&text, format, arguments);
    return size < 0 ? -1 : print(fd, text, size);
}

GREEN__HOOK int dprintf(int fd, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = vdprintf(fd, format, arguments);
    va_end(arguments);
    return result;
}

GREEN__HOOK int __vdprintf_chk(int fd, int flag, const char *format,
                               va_list arguments)
{
    FREED char *text = NULL;
    int size;

    if (!green__is_green_point(GREEN_PATCH_STDIO))
        return green__real()->__vdprintf_chk(fd, flag, format, arguments);
    size = __vasprintf_chk(&text, flag, format, arguments);
    return size < 0 ? -1 : print(fd, text, size);
}

GREEN__HOOK int __dprintf_chk(int fd, int flag, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = __vdprintf_chk(fd, flag, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- The system's log ------------------------------------------------------ */

struct entry {
    int priority;
    const char *text;
};

static long log_entry(void *arg)
{
    const struct entry *it = arg;

    green__real()->syslog(it->priority, "%s", it->text);
    return 0;
}

/* libc holds a lock of its own while it writes, and waits if the log is slow:
 * so a worker thread does it. */
static void log_text(int priority, const char *text)
{
    struct entry it = {priority, text};
    int saved = errno;

    if (!green__on_worker(GREEN__THREAD_POOL, log_entry, &it))
        (void)log_entry(&it);
    errno = saved;
}

GREEN__HOOK void vsyslog(int priority, const char *format, va_list arguments)
{
    FREED char *text = NULL;

    if (green__is_green(GREEN_PATCH_STDIO) &&
        vasprintf(&text, format, arguments) >= 0)
        log_text(priority, text);
    else
        green__real()->vsyslog(priority, format, arguments);
}

GREEN__HOOK void syslog(int priority, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    vsyslog(priority, format, arguments);
    va_end(arguments);
}

GREEN__HOOK void __vsyslog_chk(int priority, int flag, const char *format,
                               va_list arguments)
{
    FREED char *text = NULL;

    if (green__is_green(GREEN_PATCH_STDIO) &&
        __vasprintf_chk(&text, flag, format, arguments) >= 0)
        log_text(priority, text);
    else
        green__real()->__vsyslog_chk(priority, flag, format, arguments);
}

GREEN__HOOK void __syslog_chk(int priority, int flag, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    __vsyslog_chk(priority, flag, format, arguments);
    va_end(arguments);
}
