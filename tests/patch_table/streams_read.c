/* Calls that read from a stream on a socket or pipe. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "streams.h"
#include "table.h"

/* ---- Each function, in one form: into `buffer`, -1 for NULL ---------------- */

typedef long reader(FILE *file);

static long one_character(int c)
{
    buffer[0] = (char)c;
    return c;
}

static long by_fgetc(FILE *file)
{
    return one_character(fgetc(file));
}

static long by_getc(FILE *file)
{
    return one_character(getc(file));
}

static long by_getchar(FILE *file)
{
    stdin = file;
    return one_character(getchar());
}

static long by_ungetc(FILE *file)
{
    int c = fgetc(file);

    return c == EOF ? EOF : ungetc('x', file) + one_character(fgetc(file));
}

static long by_fread(FILE *file)
{
    return (long)fread(buffer, 1, 4, file);
}

static long by_fread_chk(FILE *file)
{
    return (long)__fread_chk(buffer, sizeof buffer, 1, 4, file);
}

static long by_fgets(FILE *file)
{
    return fgets(buffer, 64, file) ? 1 : -1;
}

static long by_fgets_chk(FILE *file)
{
    return __fgets_chk(buffer, sizeof buffer, 64, file) ? 1 : -1;
}

static long taken(char *line, long length)
{
    if (length > 0)
        snprintf(buffer, sizeof buffer, "%s", line);
    free(line);
    return length;
}

static long by_getline(FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = getline(&line, &size, file);

    return taken(line, length);
}

static long by_getdelim(FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = getdelim(&line, &size, '\n', file);

    return taken(line, length);
}

static long by_internal_getdelim(FILE *file)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t length = __getdelim(&line, &size, '\n', file);

    return taken(line, length);
}

/* ---- Formats --------------------------------------------------------------- */

#define FORMAT "%15s%*c"

static long by_fscanf(FILE *file)
{
    return old_fscanf(file, FORMAT, buffer);
}

static long by_isoc99_fscanf(FILE *file)
{
    return __isoc99_fscanf(file, FORMAT, buffer);
}

static long by_scanf(FILE *file)
{
    stdin = file;
    return old_scanf(FORMAT, buffer);
}

static long by_isoc99_scanf(FILE *file)
{
    stdin = file;
    return __isoc99_scanf(FORMAT, buffer);
}

typedef int scan_file(FILE *file, const char *format, va_list arguments);
typedef int scan_stdin(const char *format, va_list arguments);

static long by_list(scan_file *scan, scan_stdin *scan_in, FILE *file, ...)
{
    va_list arguments;
    int result;

    stdin = file;
    va_start(arguments, file);
    result = scan ? scan(file, FORMAT, arguments) : scan_in(FORMAT, arguments);
    va_end(arguments);
    return result;
}

static long by_vfscanf(FILE *file)
{
    return by_list(old_vfscanf, NULL, file, buffer);
}

static long by_vscanf(FILE *file)
{
    return by_list(NULL, old_vscanf, file, buffer);
}

static long by_isoc23_fscanf(FILE *file)
{
    return __isoc23_fscanf(file, FORMAT, buffer);
}

static long by_isoc23_scanf(FILE *file)
{
    stdin = file;
    return __isoc23_scanf(FORMAT, buffer);
}

static long by_isoc23_vfscanf(FILE *file)
{
    return by_list(__isoc23_vfscanf, NULL, file, buffer);
}

static long by_isoc23_vscanf(FILE *file)
{
    return by_list(NULL, __isoc23_vscanf, file, buffer);
}

static long by_isoc99_vfscanf(FILE *file)
{
    return by_list(__isoc99_vfscanf, NULL, file, buffer);
}

static long by_isoc99_vscanf(FILE *file)
{
    return by_list(NULL, __isoc99_vscanf, file, buffer);
}

/* ---- Rows ------------------------------------------------------------------ */

static FILE *stream;

static void read_once(void)
{
    memset(buffer, 0, 64);
    said(((reader *)subject)(stream));
    say("%s, end %d, error %d", buffer, feof(stream) != 0, ferror(stream) != 0);
}

static void opened(void)
{
    stream = fdopen(ends[0], "r");
    needs(stream != NULL, "a stream");
    begin();
}

static void lines_ready(void)
{
    unix_ends();
    opened();
    write_lines();
    read_once();
    read_once();
}

static void lines_later(void)
{
    unix_ends();
    opened();
    later(write_lines);
    read_once();
}

static void pipe_later(void)
{
    pipe_ends();
    opened();
    later(write_lines);
    read_once();
}

static void write_parts(void)
{
    write_abc();
    await_caller();
    write_lines();
}

static void parts_later(void)
{
    pipe_ends();
    opened();
    later(write_parts);
    read_once();
}

static void end_later(void)
{
    pipe_ends();
    opened();
    later(close_writer);
    read_once();
}

static void part_and_end(void)
{
    unix_ends();
    opened();
    if (write(ends[1], "a", 1) != 1)
        abort();
    close(ends[1]);
    begin();
    read_once();
    read_once();
}

static void none_without_waiting(void)
{
    pipe_ends();
    opened();
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    begin();
    read_once();
    clearerr(stream);
    write_lines();
    begin();
    read_once();
}

static void writes_only(void)
{
    unix_ends();
    stream = fdopen(ends[0], "w");
    begin();
    read_once();
}

static void closed_descriptor(void)
{
    unix_ends();
    opened();
    close(ends[0]);
    begin();
    read_once();
}

static const struct row reading[] = {
    {"", "lines that are there", lines_ready},
    {"", "a socket, lines later", lines_later, BLOCKS},
    {"", "a pipe, lines later", pipe_later, BLOCKS},
    {"", "a line in two parts", parts_later, BLOCKS},
    {"", "the end, later", end_later, BLOCKS},
    {"", "a part, and the end", part_and_end},
    {"", "O_NONBLOCK", none_without_waiting},
    {"", "a stream to write to", writes_only},
    {"", "a descriptor that is closed", closed_descriptor},
};

static const struct call readers[] = {
    {"fgetc", (function *)by_fgetc, 0},
    {"getc", (function *)by_getc, 0},
    {"getchar", (function *)by_getchar, 0},
    {"ungetc", (function *)by_ungetc, 0},
    {"fread", (function *)by_fread, 0},
    {"__fread_chk", (function *)by_fread_chk, 0},
    {"fgets", (function *)by_fgets, 0},
    {"__fgets_chk", (function *)by_fgets_chk, 0},
    {"getline", (function *)by_getline, 0},
    {"getdelim", (function *)by_getdelim, 0},
    {"__getdelim", (function *)by_internal_getdelim, 0},
    {"fscanf", (function *)by_fscanf, 0},
    {"vfscanf", (function *)by_vfscanf, 0},
    {"scanf", (function *)by_scanf, 0},
    {"vscanf", (function *)by_vscanf, 0},
    {"__isoc99_fscanf", (function *)by_isoc99_fscanf, 0},
    {"__isoc99_vfscanf", (function *)by_isoc99_vfscanf, 0},
    {"__isoc99_scanf", (function *)by_isoc99_scanf, 0},
    {"__isoc99_vscanf", (function *)by_isoc99_vscanf, 0},
    {"__isoc23_fscanf", (function *)by_isoc23_fscanf, 0},
    {"__isoc23_vfscanf", (function *)by_isoc23_vfscanf, 0},
    {"__isoc23_scanf", (function *)by_isoc23_scanf, 0},
    {"__isoc23_vscanf", (function *)by_isoc23_vscanf, 0},
};

void add_streams_read(void)
{
    add_product(readers, COUNT(readers), reading, COUNT(reading));
}
