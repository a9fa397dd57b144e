/*
 * The report, GREENHUB_PATCH_REPORT=FILE: what kept an OS thread from running
 * any other of its greenthreads for 10 ms and more.
 *
 *   native   a function of libc that blocked, in a greenthread, because its
 *            group is off or it cannot be green: report_calls.c times them
 *   outside  a system call that blocked and that the library has not seen
 *   spun     a greenthread that computed: report_watch.c looks for both
 *
 *   thread   no time, but a function that needs the identity of an OS thread:
 *            kernel_thread.c and thread_of.c
 *
 * Each is noted by its caller, the first function outside of greenhub and libc.
 * Without the variable nothing of this runs, and no call is slower.
 */
#ifndef GREEN_PATCH_REPORT_H
#define GREEN_PATCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include <greenhub/base.h>

#define GREEN__REPORT_FROM (10 * GREEN_MSEC)

/* Reads the environment, and begins if it asks for a report. Called before
 * main, on the OS thread that is watched. */
void green__report_begin(void);

/* ---- report.c: the notes and the file ------------------------------------- */

enum green__report_kind {
    GREEN__NATIVELY,
    GREEN__OUTSIDE,
    GREEN__SPUN,
    GREEN__OF_THREAD,
};

/* Adds to the notes. `symbol` lives for ever. Safe in signal handlers. */
void green__report_note(enum green__report_kind kind, const char *symbol,
                        const void *caller, green_time time);

/* The calling greenthread has asked for what OS threads have: noted, if there is
 * a report. */
void green__report_identity(const char *symbol);

/* Writes the file, if there is anything new. */
void green__report_write(void);

/* ---- report_caller.c: who called ------------------------------------------- */

/* Finds where libc and greenhub are, which are no callers. */
void green__report_find_libraries(void);

/* The calling code, or that which a signal interrupted; NULL if unknown. Safe
 * in signal handlers. */
const void *green__report_caller(void);

/* The first word from `stack` upwards, of `count`, that seems to be one. */
const void *green__report_scan(const uintptr_t *stack, unsigned count);

/* ---- report_calls.c: timing of native calls -------------------------------- */

/* Puts functions that measure in front of those of green__real(). */
void green__report_time_calls(void);

/* ---- report_watch.c: an OS thread that looks every 10 ms ------------------ */

void green__report_watch(void);

#endif
