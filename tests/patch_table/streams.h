/* For rows of streams: glibc's functions that headers hide, and acts. */
#ifndef TESTS_PATCH_STREAMS_H
#define TESTS_PATCH_STREAMS_H

#include <stdarg.h>
#include <stdio.h>

/* Behind -D_FORTIFY_SOURCE. */
size_t __fread_chk(void *buffer, size_t room, size_t size, size_t count,
                   FILE *file);
char *__fgets_chk(char *line, size_t room, int size, FILE *file);
int __fprintf_chk(FILE *file, int flag, const char *format, ...);
int __vfprintf_chk(FILE *file, int flag, const char *format, va_list arguments);
int __printf_chk(int flag, const char *format, ...);
int __vprintf_chk(int flag, const char *format, va_list arguments);
int __dprintf_chk(int fd, int flag, const char *format, ...);
int __vdprintf_chk(int fd, int flag, const char *format, va_list arguments);
int __open_2(const char *path, int flags);
int __open64_2(const char *path, int flags);
int __openat_2(int folder, const char *path, int flags);
int __openat64_2(int folder, const char *path, int flags);

/* By the name that is asked for, not that of the standard in force. */
int __isoc99_fscanf(FILE *file, const char *format, ...);
int __isoc99_vfscanf(FILE *file, const char *format, va_list arguments);
int __isoc99_scanf(const char *format, ...);
int __isoc99_vscanf(const char *format, va_list arguments);
int __isoc23_fscanf(FILE *file, const char *format, ...);
int __isoc23_vfscanf(FILE *file, const char *format, va_list arguments);
int __isoc23_scanf(const char *format, ...);
int __isoc23_vscanf(const char *format, va_list arguments);
int old_fscanf(FILE *file, const char *format, ...) __asm__("fscanf");
int old_vfscanf(FILE *file, const char *format,
                va_list arguments) __asm__("vfscanf");
int old_scanf(const char *format, ...) __asm__("scanf");
int old_vscanf(const char *format, va_list arguments) __asm__("vscanf");

/* "abc\ndef\n" to ends[1]. */
void write_lines(void);

#endif
