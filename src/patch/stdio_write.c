/* Calls that write to a stream, or move its position: each has its lock. */
#include <stdarg.h>

#include <greenhub/patch.h>

#include "patch/stream.h"

#define USES(file)                                                             \
    GREEN__ENDS_USE struct green__stream_use use = green__stream_begin(file)

/* ---- Characters and blocks ------------------------------------------------ */

GREEN__HOOK int fputc(int c, FILE *file)
{
    USES(file);

    return green__real()->fputc(c, file);
}

GREEN__HOOK int putc(int c, FILE *file)
{
    USES(file);

    return green__real()->putc(c, file);
}

GREEN__HOOK int putchar(int c)
{
    USES(stdout);

    return green__real()->putchar(c);
}

GREEN__HOOK int fputs(const char *text, FILE *file)
{
    USES(file);

    return green__real()->fputs(text, file);
}

GREEN__HOOK int puts(const char *text)
{
    USES(stdout);

    return green__real()->puts(text);
}

GREEN__HOOK size_t fwrite(const void *buffer, size_t size, size_t count,
                          FILE *file)
{
    USES(file);

    return green__real()->fwrite(buffer, size, count, file);
}

/* ---- Formats -------------------------------------------------------------- */

GREEN__HOOK int vfprintf(FILE *file, const char *format, va_list arguments)
{
    USES(file);

    return green__real()->vfprintf(file, format, arguments);
}

GREEN__HOOK int fprintf(FILE *file, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = vfprintf(file, format, arguments);
    va_end(arguments);
    return result;
}

GREEN__HOOK int vprintf(const char *format, va_list arguments)
{
    return vfprintf(stdout, format, arguments);
}

GREEN__HOOK int printf(const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = vfprintf(stdout, format, arguments);
    va_end(arguments);
    return result;
}

/* What -D_FORTIFY_SOURCE calls instead. */

GREEN__HOOK int __vfprintf_chk(FILE *file, int flag, const char *format,
                               va_list arguments)
{
    USES(file);

    return green__real()->__vfprintf_chk(file, flag, format, arguments);
}

GREEN__HOOK int __fprintf_chk(FILE *file, int flag, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = __vfprintf_chk(file, flag, format, arguments);
    va_end(arguments);
    return result;
}

GREEN__HOOK int __vprintf_chk(int flag, const char *format, va_list arguments)
{
    return __vfprintf_chk(stdout, flag, format, arguments);
}

GREEN__HOOK int __printf_chk(int flag, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = __vfprintf_chk(stdout, flag, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- Flushing, and positions, which flush --------------------------------- */

/* One that is read from has nothing to flush, and may wait for long. */
static int flush_stream(struct green__stream *stream, FILE *file)
{
    (void)stream;
    return file->_IO_write_ptr > file->_IO_write_base ? fflush(file) : 0;
}

/* libc flushes all in a list that it locks: nothing may wait there. */
static int flush_all(void)
{
    struct green_native region;
    int result;

    if (green__streams_each(flush_stream) < 0)
        return EOF;
    green_native_begin(&region);
    result = green__real()->fflush(NULL);
    green_native_end(&region);
    return result;
}

GREEN__HOOK int fflush(FILE *file)
{
    if (!file)
        return green__is_green(GREEN_PATCH_STDIO) ? flush_all()
                                                  : green__real()->fflush(NULL);
    USES(file);
    return green__real()->fflush(file);
}

GREEN__HOOK int fseek(FILE *file, long offset, int whence)
{
    USES(file);

    return green__real()->fseek(file, offset, whence);
}

GREEN__HOOK int fseeko(FILE *file, off_t offset, int whence)
{
    USES(file);

    return green__real()->fseeko(file, offset, whence);
}

GREEN__HOOK int fseeko64(FILE *file, off64_t offset, int whence)
{
    USES(file);

    return green__real()->fseeko64(file, offset, whence);
}

GREEN__HOOK void rewind(FILE *file)
{
    USES(file);

    green__real()->rewind(file);
}
