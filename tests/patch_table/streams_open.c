/* How streams begin and end: fdopen, fopen, popen, freopen, fclose; locks. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "streams.h"
#include "table.h"

static void say_stream(FILE *file)
{
    said(file ? 1 : -1);
}

/* ---- fdopen ------------------------------------------------------------------ */

static void fdopen_wrong(void)
{
    pipe_ends();
    say_stream(fdopen(-1, "r"));
    say_stream(fdopen(100000, "r"));
    say_stream(fdopen(ends[0], ""));
    say_stream(fdopen(ends[0], "x"));
    say_stream(fdopen(ends[0], "w"));
    say_stream(fdopen(ends[0], "r+"));
    say_stream(fdopen(ends[1], "r"));
    say_stream(fdopen(ends[1], "a+"));
}

static void say_made(int fd, const char *mode)
{
    FILE *file = fdopen(fd, mode);

    say_stream(file);
    say("%d, %d, flags %x", fileno(file) == fd, fileno_unlocked(file) == fd,
        (unsigned)fcntl(fd, F_GETFL));
}

static void fdopen_modes(void)
{
    unix_ends();
    say_made(ends[0], "rb");
    say_made(ends[0], "r+");
    say_made(ends[0], "rbe+");
    say_made(ends[0], "w");
    say_made(ends[0], "w+");
    say_made(ends[0], "a");
    pipe_ends();
    say_made(ends[0], "r");
    say_made(ends[1], "a");
}

static void both_ways(void)
{
    FILE *file;

    unix_ends();
    file = fdopen(ends[0], "r+");
    write_lines();
    begin();
    said(fputc('q', file));
    said(fflush(file));
    said(read(ends[1], buffer, 8));
    said(fgets(buffer, 64, file) ? 1 : -1);
    said(fputc('q', file)); /* with input that was not read */
    said(fflush(file));
    said(fclose(file));
}

/* ---- fclose ------------------------------------------------------------------- */

static void fclose_closes(void)
{
    FILE *file;

    pipe_ends();
    file = fdopen(ends[1], "w");
    fputs("abc", file);
    begin();
    said(fclose(file));
    said(write(ends[1], buffer, 1));
    said(read(ends[0], buffer, 8));
    said(read(ends[0], buffer, 8));
}

static void fclose_fails(void)
{
    FILE *file;

    pipe_ends();
    file = fdopen(ends[1], "w");
    fputs("abc", file);
    close(ends[0]);
    begin();
    said(fclose(file));
    said(fcntl(ends[1], F_GETFD));
    pipe_ends();
    file = fdopen(ends[1], "w");
    close(ends[1]);
    begin();
    said(fclose(file));
}

static void fclose_later(void)
{
    FILE *file;

    pipe_ends();
    fill();
    file = fdopen(ends[1], "w");
    fputs("abc", file);
    later(drain);
    said(fclose(file));
}

/* ---- fopen -------------------------------------------------------------------- */

static char path[64];

static void make_fifo(void)
{
    snprintf(path, sizeof path, "/tmp/patch_table.%d", (int)getpid());
    needs(mkfifo(path, 0600) == 0, "a FIFO");
    begin();
}

static void open_writer(void)
{
    ends[1] = open(path, O_WRONLY);
    if (ends[1] < 0)
        abort();
    await_caller();
    write_lines();
}

typedef FILE *opener(const char *path, const char *mode);

static void fifo_later(void)
{
    FILE *file;

    make_fifo();
    later(open_writer);
    file = ((opener *)subject)(path, "r");
    unlink(path);
    say_stream(file);
    said(file && fgets(buffer, 64, file) ? 1 : -1);
}

static void fopen_flags(void)
{
    FILE *file;

    make_fifo();
    file = ((opener *)subject)(path, "r+e");
    say_stream(file);
    say("%x %x", (unsigned)fcntl(fileno(file), F_GETFL),
        (unsigned)fcntl(fileno(file), F_GETFD));
    say_stream(((opener *)subject)(path, "wx"));
    say_stream(((opener *)subject)(path, "y"));
    unlink(path);
    say_stream(((opener *)subject)(path, "r"));
    say_stream(((opener *)subject)("", "r"));
}

static const struct row opening[] = {
    {"", "a FIFO, the other end later", fifo_later, BLOCKS},
    {"", "modes", fopen_flags},
};

static const struct call openers[] = {
    {"fopen", (function *)fopen, 0},
    {"fopen64", (function *)fopen64, 0},
};

/* ---- freopen ------------------------------------------------------------------ */

typedef FILE *reopener(const char *path, const char *mode, FILE *file);

static void reopened(void)
{
    FILE *file;

    unix_ends();
    file = fdopen(ends[0], "w");
    fputs("abc", file);
    begin();
    say_stream(((reopener *)subject)("/dev/null", "r", file));
    say("%d", fileno(file) == ends[0]);
    said(read(ends[1], buffer, 8));
    said(read(ends[1], buffer, 8));
    said(fgetc(file));
    said(fclose(file));
}

static const struct row reopening[] = {
    {"", "of a socket", reopened},
};

static const struct call reopeners[] = {
    {"freopen", (function *)freopen, 0},
    {"freopen64", (function *)freopen64, 0},
};

/* ---- popen -------------------------------------------------------------------- */

static void popen_reads(void)
{
    FILE *file = popen("echo abc; exit 3", "r");

    say_stream(file);
    said(fgets(buffer, 64, file) ? 1 : -1);
    say("%s%d", buffer, fcntl(fileno(file), F_GETFD));
    said(fgetc(file));
    said(pclose(file));
    said(waitpid(-1, NULL, 0));
}

static void popen_writes(void)
{
    FILE *file = popen("read a; test \"$a\" = abc", "we");

    say_stream(file);
    said(fputs("abc\n", file) < 0);
    say("%d", fcntl(fileno(file), F_GETFD));
    said(pclose(file));
    say_stream(popen("true", "x"));
}

/* ---- Locks -------------------------------------------------------------------- */

static void locks(void)
{
    FILE *file;

    unix_ends();
    file = fdopen(ends[0], "w");
    begin();
    flockfile(file);
    said(ftrylockfile(file));
    said(fputs("abc", file) < 0);
    funlockfile(file);
    funlockfile(file);
    said(ftrylockfile(stderr));
    funlockfile(stderr);
    said(fclose(file));
}

static FILE *locked;

static void unlock_later(void)
{
    flockfile(locked);
    await_caller();
    fputs("abc", locked);
    await_caller();
    fputs("def", locked);
    funlockfile(locked);
}

static void in_turn(void)
{
    unix_ends();
    locked = fdopen(ends[1], "w");
    setvbuf(locked, NULL, _IONBF, 0);
    later(unlock_later);
    said(read(ends[0], buffer, 3));
    said(fputs("ghi", locked) < 0);
    said(read(ends[0], buffer, 64));
    say("%.6s", buffer);
}

static const struct row rows[] = {
    {"fdopen", "wrong modes", fdopen_wrong},
    {"fdopen", "modes", fdopen_modes},
    {"fdopen", "to read and write", both_ways},
    {"fclose", "closes", fclose_closes},
    {"fclose", "fails", fclose_fails},
    {"fclose", "room later", fclose_later, BLOCKS},
    {"popen", "to read", popen_reads},
    {"popen", "to write", popen_writes},
    {"pclose", "of what was read", popen_reads},
    {"flockfile", "more than once", locks},
    {"flockfile", "two in turn", in_turn},
    {"ftrylockfile", "more than once", locks},
    {"funlockfile", "more than once", locks},
};

void add_streams_open(void)
{
    add_rows(rows, COUNT(rows));
    add_product(openers, COUNT(openers), opening, COUNT(opening));
    add_product(reopeners, COUNT(reopeners), reopening, COUNT(reopening));
}
