/*
 * The locks of streams, and the streams that are green.
 *
 * A green stream is one of libc's whose reads and writes are functions of this
 * library (fopencookie), on a socket, pipe, FIFO or terminal.
 *
 * libc's own lock of a stream belongs to a thread control block. Greenthreads
 * that share one are one owner to it; those that have their own would block the
 * OS thread if one is parked in the middle of a call. So each stream that may be
 * waited in has a lock here, which greenthreads wait for in the parking lot:
 *
 *   green streams   from fdopen to fclose; libc's lock is off, or the list of
 *                   clean-up handlers that it keeps would be of several
 *                   greenthreads in no order
 *   others          once a greenthread calls flockfile, or waits for input:
 *                   libc's lock stays on, and keeps OS threads away
 *
 * The hooks take it. A function of libc's that has no hook does not: if it has
 * to read or write while another one holds the lock, it fails with EDEADLK.
 */
#ifndef GREEN_PATCH_STREAM_H
#define GREEN_PATCH_STREAM_H

#include <stdatomic.h>
#include <stdio.h>

#include "patch/rule.h"

/* What the functions of a green stream know. */
struct green__cookie {
    struct green__stream *stream;
    int fd;
    FILE *process; /* of popen: libc's stream, which pclose gets */
};

struct green__stream {
    struct green__stream *next; /* in its bucket, for ever */
    _Atomic(FILE *) file;       /* NULL: to be used again */
    _Atomic(const void *) owner;
    unsigned depth;
    struct green__cookie *cookie; /* NULL: libc's own stream */
};

/* Before STDIO is on. 0, or -1 with errno. */
int green__streams_prepare(void);

/* NULL if it has no lock here. */
struct green__stream *green__stream_find(FILE *file);

/* The same, and makes it; NULL with ENOMEM. */
struct green__stream *green__stream_add(FILE *file,
                                        struct green__cookie *cookie);

/* The FILE is closed, or becomes another: its lock is gone, also if it was held. */
void green__stream_remove(struct green__stream *stream);

/* Calls `visit` for each green stream. -1 if one returned less than 0, with the
 * last one's errno. */
int green__streams_each(int (*visit)(struct green__stream *stream, FILE *file));

/* ---- The lock ------------------------------------------------------------- */

/* Whether the caller's call of a stream is to take its lock: OS threads wait for
 * libc's own streams in libc. */
bool green__stream_takes_lock(const struct green__stream *stream);

/* Waits. False if the caller cannot wait: it goes on without the lock. */
bool green__stream_lock(struct green__stream *stream);
bool green__stream_try_lock(struct green__stream *stream);
void green__stream_unlock(struct green__stream *stream);
bool green__stream_is_mine(const struct green__stream *stream);

/* ---- A call --------------------------------------------------------------- */

/* The use of a stream by one call of a hook. */
struct green__stream_use {
    struct green__stream *stream; /* locked; or NULL */
    bool failed;                  /* while it waited for input */
};

struct green__stream_use green__stream_begin_slowly(FILE *file);
struct green__stream_use green__stream_begin_read(FILE *file);

static inline bool green__streams_are_on(void)
{
    return green__unlikely(__atomic_load_n(&green__patched, __ATOMIC_RELAXED) &
                           GREEN_PATCH_STDIO);
}

static inline struct green__stream_use green__stream_begin(FILE *file)
{
    struct green__stream_use none = {NULL, false};

    return green__streams_are_on() ? green__stream_begin_slowly(file) : none;
}

static inline struct green__stream_use green__stream_reads(FILE *file)
{
    struct green__stream_use none = {NULL, false};

    return green__streams_are_on() ? green__stream_begin_read(file) : none;
}

/* Also when a cancelled thread unwinds its stack. */
static inline void green__stream_end(struct green__stream_use *use)
{
    if (green__unlikely(use->stream != NULL))
        green__stream_unlock(use->stream);
}

#define GREEN__ENDS_USE __attribute__((cleanup(green__stream_end)))

/* ---- cookie.c ------------------------------------------------------------- */

/*
 * A green stream in place of one that libc has just made, which is freed. With
 * `process` the other one stays, for pclose. Returns libc's own if it is not on
 * a slow file, or there is no memory.
 */
FILE *green__stream_take(FILE *file, const char *mode);
FILE *green__stream_take_process(FILE *process, const char *mode);

/* Whether reads of it wait for someone else. Leaves errno alone. */
bool green__file_is_slow(int fd);

#endif
