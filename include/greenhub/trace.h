/*
 * What a program does over time: which greenthread ran when and on which OS
 * thread, why it parked, who woke it, which system calls its green calls made,
 * which timers fired, how long the hub waited. Off until it is called.
 */
#ifndef GREENHUB_TRACE_H
#define GREENHUB_TRACE_H

#include <greenhub/base.h>

GREEN_BEGIN_DECLS

/* For green_trace_start. Zero-initialise it. */
struct green_trace_options {
    /* How many events are kept for each OS thread, of 64 bytes each; rounded up
     * to a power of two, at most 2^24. 0: 65536. */
    size_t events;
    uint64_t reserved[4]; /* must be zero */
};

/*
 * Begins to record what the process's greenthreads do, for a file that
 * green_trace_stop writes. The file is made, or emptied, now. Each OS thread
 * has a ring of events: when it is full, the oldest are dropped, and counted.
 * The hubs of other OS threads are woken, and take part from that iteration on.
 * options may be NULL.
 * GREENHUB_TRACE=FILE in the environment does the same when the process first
 * uses a greenthread; "%p" in FILE stands for the process id. exit() stops a
 * trace that is on, and so does the return of main; _exit() does not. A forked
 * child has no trace, and may begin its own.
 * Returns 0, or -1: EINVAL if file is NULL, events are too many, or a reserved
 * word is not zero; EBUSY if a trace is on; ENOMEM; the errors of open. Never
 * switches. From any thread.
 */
GREEN_API int green_trace_start(const char *file,
                                const struct green_trace_options *options);

/*
 * Ends the trace, and writes it to the file as JSON trace events, which
 * https://ui.perfetto.dev, chrome://tracing and speedscope show.
 * Returns 0, or -1: ENOENT if no trace is on, or one that `greenhub trace` has
 * begun; ENOMEM; the errors of open and write. The trace has ended in any case.
 * Never switches; the OS thread blocks. From any thread.
 */
GREEN_API int green_trace_stop(void);

GREEN_END_DECLS

#endif
