/* Calls that read from a stream: each has its lock. */
#include <stdarg.h>

#include "patch/stream.h"

#define READS(file)                                                            \
    GREEN__ENDS_USE struct green__stream_use use = green__stream_reads(file)

/* ---- Characters ----------------------------------------------------------- */

GREEN__HOOK int fgetc(FILE *file)
{
    READS(file);

    return use.failed ? EOF : green__real()->fgetc(file);
}

GREEN__HOOK int getc(FILE *file)
{
    READS(file);

    return use.failed ? EOF : green__real()->getc(file);
}

GREEN__HOOK int getchar(void)
{
    READS(stdin);

    return use.failed ? EOF : green__real()->getchar();
}

GREEN__HOOK int ungetc(int c, FILE *file)
{
    GREEN__ENDS_USE struct green__stream_use use = green__stream_begin(file);

    return green__real()->ungetc(c, file);
}

/* ---- Blocks and lines ----------------------------------------------------- */

GREEN__HOOK size_t fread(void *buffer, size_t size, size_t count, FILE *file)
{
    READS(file);

    return use.failed ? 0 : green__real()->fread(buffer, size, count, file);
}

GREEN__HOOK size_t __fread_chk(void *buffer, size_t room, size_t size,
                               size_t count, FILE *file)
{
    READS(file);

    return use.failed
               ? 0
               : green__real()->__fread_chk(buffer, room, size, count, file);
}

GREEN__HOOK char *fgets(char *line, int size, FILE *file)
{
    READS(file);

    return use.failed ? NULL : green__real()->fgets(line, size, file);
}

GREEN__HOOK char *__fgets_chk(char *line, size_t room, int size, FILE *file)
{
    READS(file);

    return use.failed ? NULL
                      : green__real()->__fgets_chk(line, room, size, file);
}

GREEN__HOOK ssize_t getline(char **line, size_t *size, FILE *file)
{
    READS(file);

    return use.failed ? -1 : green__real()->getline(line, size, file);
}

GREEN__HOOK ssize_t getdelim(char **line, size_t *size, int end, FILE *file)
{
    READS(file);

    return use.failed ? -1 : green__real()->getdelim(line, size, end, file);
}

GREEN__HOOK ssize_t __getdelim(char **line, size_t *size, int end, FILE *file)
{
    READS(file);

    return use.failed ? -1 : green__real()->getdelim(line, size, end, file);
}

/* ---- Formats -------------------------------------------------------------- */

typedef int scan_function(FILE *file, const char *format, va_list arguments);

static int scan_by(scan_function *scan, FILE *file, const char *format,
                   va_list arguments)
{
    READS(file);

    return use.failed ? EOF : scan(file, format, arguments);
}

GREEN__HOOK int green__vfscanf(FILE *file, const char *format,
                               va_list arguments)
{
    return scan_by(green__real()->vfscanf, file, format, arguments);
}

GREEN__HOOK int green__fscanf(FILE *file, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = scan_by(green__real()->vfscanf, file, format, arguments);
    va_end(arguments);
    return result;
}

GREEN__HOOK int green__vscanf(const char *format, va_list arguments)
{
    return scan_by(green__real()->vfscanf, stdin, format, arguments);
}

GREEN__HOOK int green__scanf(const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = scan_by(green__real()->vfscanf, stdin, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- What the headers make of them since C99 ------------------------------ */

GREEN__HOOK int __isoc99_vfscanf(FILE *file, const char *format,
                                 va_list arguments)
{
    return scan_by(green__real()->__isoc99_vfscanf, file, format, arguments);
}

GREEN__HOOK int __isoc99_fscanf(FILE *file, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = scan_by(green__real()->__isoc99_vfscanf, file, format, arguments);
    va_end(arguments);
    return result;
}

GREEN__HOOK int __isoc99_vscanf(const char *format, va_list arguments)
{
    return scan_by(green__real()->__isoc99_vfscanf, stdin, format, arguments);
}

GREEN__HOOK int __isoc99_scanf(const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = scan_by(green__real()->__isoc99_vfscanf, stdin, format, arguments);
    va_end(arguments);
    return result;
}

/* ---- Since C23, in glibc 2.38 --------------------------------------------- */

static scan_function *scan_c23(void)
{
    const struct green__real *real = green__real();

    return real->__isoc23_vfscanf ? real->__isoc23_vfscanf
                                  : real->__isoc99_vfscanf;
}

GREEN__HOOK int __isoc23_vfscanf(FILE *file, const char *format,
                                 va_list arguments)
{
    return scan_by(scan_c23(), file, format, arguments);
}

GREEN__HOOK int __isoc23_fscanf(FILE *file, const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = scan_by(scan_c23(), file, format, arguments);
    va_end(arguments);
    return result;
}

GREEN__HOOK int __isoc23_vscanf(const char *format, va_list arguments)
{
    return scan_by(scan_c23(), stdin, format, arguments);
}

GREEN__HOOK int __isoc23_scanf(const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = scan_by(scan_c23(), stdin, format, arguments);
    va_end(arguments);
    return result;
}
