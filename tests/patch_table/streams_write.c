/* Calls that write to a stream, or a format to a descriptor. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "streams.h"
#include "table.h"

void write_lines(void)
{
    if (write(ends[1], "abc\ndef\n", 8) != 8)
        abort();
}

/* ---- Each function, in one form: writes "q\n", or one character ------------ */

typedef long writer(FILE *file);

static long by_fputc(FILE *file)
{
    return fputc('q', file);
}

static long by_putc(FILE *file)
{
    return putc('q', file);
}

static long by_putchar(FILE *file)
{
    stdout = file;
    return putchar('q');
}

/* Their result is any number that is not negative. */
static long sign(int result)
{
    return result < 0 ? -1 : 1;
}

static long by_fputs(FILE *file)
{
    return sign(fputs("q\n", file));
}

static long by_puts(FILE *file)
{
    stdout = file;
    return sign(puts("q"));
}

static long by_fwrite(FILE *file)
{
    return (long)fwrite("q\n", 1, 2, file);
}

static long by_fprintf(FILE *file)
{
    return fprintf(file, "%c\n", 'q');
}

static long by_fprintf_chk(FILE *file)
{
    return __fprintf_chk(file, 1, "%c\n", 'q');
}

static long by_printf(FILE *file)
{
    stdout = file;
    return printf("%c\n", 'q');
}

static long by_printf_chk(FILE *file)
{
    stdout = file;
    return __printf_chk(1, "%c\n", 'q');
}

/* fileno without a lock: the rows close some. */
static long by_dprintf(FILE *file)
{
    return dprintf(fileno(file), "%c\n", 'q');
}

static long by_dprintf_chk(FILE *file)
{
    return __dprintf_chk(fileno(file), 1, "%c\n", 'q');
}

/* ---- Those with a list of arguments ----------------------------------------- */

#define LISTED(name, call)                                                     \
    static long name##_list(FILE *file, ...)                                   \
    {                                                                          \
        va_list arguments;                                                     \
        int result;                                                            \
                                                                               \
        va_start(arguments, file);                                             \
        result = call;                                                         \
        va_end(arguments);                                                     \
        return result;                                                         \
    }                                                                          \
                                                                               \
    static long name(FILE *file)                                               \
    {                                                                          \
        return name##_list(file, 'q');                                         \
    }

LISTED(by_vfprintf, vfprintf(file, "%c\n", arguments))
LISTED(by_vfprintf_chk, __vfprintf_chk(file, 1, "%c\n", arguments))
LISTED(by_vprintf, vprintf((stdout = file, "%c\n"), arguments))
LISTED(by_vprintf_chk, __vprintf_chk(1, (stdout = file, "%c\n"), arguments))
LISTED(by_vdprintf, vdprintf(fileno(file), "%c\n", arguments))
LISTED(by_vdprintf_chk, __vdprintf_chk(fileno(file), 1, "%c\n", arguments))

/* ---- Rows ------------------------------------------------------------------ */

static FILE *stream;

static void open_writer(int mode)
{
    stream = fdopen(ends[1], "w");
    needs(stream != NULL, "a stream");
    setvbuf(stream, NULL, mode, 0);
    begin();
}

static void write_once(void)
{
    said(((writer *)subject)(stream));
    say("error %d", ferror(stream) != 0);
}

static void say_received(void)
{
    ssize_t n;

    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    n = read(ends[0], buffer, 64);
    say("received %.*s", n > 0 ? (int)n : 0, buffer);
}

static void buffered(void)
{
    unix_ends();
    open_writer(_IOFBF);
    write_once();
    write_once();
    say_received();
    said(fflush(stream));
    say_received();
}

static void at_once(void)
{
    unix_ends();
    open_writer(_IONBF);
    write_once();
    say_received();
}

static void room_later(void)
{
    pipe_ends();
    fill();
    open_writer(_IONBF);
    later(drain);
    write_once();
}

static void socket_room_later(void)
{
    unix_ends();
    fill();
    open_writer(_IONBF);
    later(drain);
    write_once();
}

static void no_room(void)
{
    pipe_ends();
    fill();
    open_writer(_IONBF);
    fcntl(ends[1], F_SETFL, O_NONBLOCK);
    begin();
    write_once();
}

static void nobody_reads(void)
{
    unix_ends();
    open_writer(_IONBF);
    close(ends[0]);
    begin();
    write_once();
}

static void nobody_reads_a_pipe(void)
{
    pipe_ends();
    open_writer(_IONBF);
    close(ends[0]);
    begin();
    write_once();
}

static void closed_descriptor(void)
{
    unix_ends();
    open_writer(_IONBF);
    close(ends[1]);
    begin();
    write_once();
}

static const struct row writing[] = {
    {"", "into the buffer", buffered},
    {"", "without a buffer", at_once},
    {"", "a full pipe, room later", room_later, BLOCKS},
    {"", "a full socket, room later", socket_room_later, BLOCKS},
    {"", "O_NONBLOCK", no_room},
    {"", "a socket that nobody reads", nobody_reads},
    {"", "a pipe that nobody reads", nobody_reads_a_pipe},
    {"", "a descriptor that is closed", closed_descriptor},
};

static const struct call writers[] = {
    {"fputc", (function *)by_fputc, 0},
    {"putc", (function *)by_putc, 0},
    {"putchar", (function *)by_putchar, 0},
    {"fputs", (function *)by_fputs, 0},
    {"puts", (function *)by_puts, 0},
    {"fwrite", (function *)by_fwrite, 0},
    {"fprintf", (function *)by_fprintf, 0},
    {"vfprintf", (function *)by_vfprintf, 0},
    {"printf", (function *)by_printf, 0},
    {"vprintf", (function *)by_vprintf, 0},
    {"__fprintf_chk", (function *)by_fprintf_chk, 0},
    {"__vfprintf_chk", (function *)by_vfprintf_chk, 0},
    {"__printf_chk", (function *)by_printf_chk, 0},
    {"__vprintf_chk", (function *)by_vprintf_chk, 0},
    {"dprintf", (function *)by_dprintf, 0},
    {"vdprintf", (function *)by_vdprintf, 0},
    {"__dprintf_chk", (function *)by_dprintf_chk, 0},
    {"__vdprintf_chk", (function *)by_vdprintf_chk, 0},
};

/* ---- fflush, and what flushes ----------------------------------------------- */

static void flush_later(void)
{
    pipe_ends();
    fill();
    open_writer(_IOFBF);
    fputs("abc", stream);
    later(drain);
    said(fflush(stream));
    say_received();
}

static void flush_all_later(void)
{
    pipe_ends();
    fill();
    open_writer(_IOFBF);
    fputs("abc", stream);
    later(drain);
    said(fflush(NULL));
    say_received();
}

static void flush_fails(void)
{
    unix_ends();
    open_writer(_IOFBF);
    fputs("abc", stream);
    close(ends[0]);
    begin();
    said(fflush(stream));
    say("error %d", ferror(stream) != 0);
    said(fclose(stream));
}

static void seek_fails(void)
{
    unix_ends();
    open_writer(_IOFBF);
    fputs("abc", stream);
    begin();
    said(fseek(stream, 0, SEEK_SET));
    said(fseeko(stream, 0, SEEK_CUR));
    said(fseeko64(stream, 0, SEEK_END));
    said(fseek(stream, 0, 77));
    said(ftell(stream));
    rewind(stream);
    said(0);
    say("error %d", ferror(stream) != 0);
    say_received();
}

static void seek_later(void)
{
    pipe_ends();
    fill();
    open_writer(_IOFBF);
    fputs("abc", stream);
    later(drain);
    said(fseek(stream, 0, SEEK_SET));
    say_received();
}

static const struct row rows[] = {
    {"fflush", "a full pipe, room later", flush_later, BLOCKS},
    {"fflush", "all, room later", flush_all_later, BLOCKS},
    {"fflush", "fails", flush_fails},
    {"fseek", "of a socket", seek_fails},
    {"fseek", "flushes first, room later", seek_later, BLOCKS},
    {"fseeko", "of a socket", seek_fails},
    {"fseeko64", "of a socket", seek_fails},
    {"rewind", "of a socket", seek_fails},
};

void add_streams_write(void)
{
    add_product(writers, COUNT(writers), writing, COUNT(writing));
    add_rows(rows, COUNT(rows));
}
