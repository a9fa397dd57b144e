#include "base/note.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/backtrace.h"

static void print(const char *format, va_list arguments)
{
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
}

void green__note(const char *format, ...)
{
    int saved = errno;
    va_list arguments;

    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    errno = saved;
}

void green__mistake(const char *format, ...)
{
    void *frames[32];
    va_list arguments;

    va_start(arguments, format);
    print(format, arguments);
    va_end(arguments);
    fflush(stderr);
    green__backtrace_print(frames, green__backtrace(frames, 32), STDERR_FILENO);
    abort();
}
