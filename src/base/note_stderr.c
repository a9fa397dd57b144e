#include "base/note.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void green__note(const char *format, ...)
{
    int saved = errno;
    va_list arguments;

    va_start(arguments, format);
    vfprintf(stderr, format, arguments);
    va_end(arguments);
    fputc('\n', stderr);
    errno = saved;
}
