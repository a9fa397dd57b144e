/*
 * A log whose callers never wait: a call puts a line into a bounded
 * queue, and a greenthread of the log's own writes it to a descriptor, a file or
 * the system's log. Lines for which there is no room are dropped, counted, and
 * the next line says how many. A log belongs to the OS thread that made it, whose
 * hub must run for lines to be written; any OS thread, and callbacks of hubs,
 * may log to it. Signal handlers may not. If that OS thread changes its hub or
 * ends, nothing is written any more: destroy the log before.
 */
#ifndef GREENHUB_LOG_H
#define GREENHUB_LOG_H

#include <greenhub/base.h>

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

GREEN_BEGIN_DECLS

/* As syslog(3) numbers them. */
enum green_log_level {
    GREEN_LOG_EMERGENCY,
    GREEN_LOG_ALERT,
    GREEN_LOG_CRITICAL,
    GREEN_LOG_ERROR,
    GREEN_LOG_WARNING,
    GREEN_LOG_NOTICE,
    GREEN_LOG_INFO,
    GREEN_LOG_DEBUG
};

struct green_log;

/* Zero-initialise it; 0 and NULL select the defaults. */
struct green_log_options {
    int fd;             /* where to write; default: 2, the standard error. It
                         * stays the caller's */
    const char *path;   /* a file to append to, made with mode 0640 */
    const char *syslog; /* a datagram socket of the system's log, such as
                         * "/dev/log". At most one of the three is set */
    bool rfc5424;       /* for syslog; default: RFC 3164, as syslog(3) writes.
                         * rsyslog reads it from /dev/log only if its imuxsock
                         * has UseSpecialParser="off" */
    unsigned facility;  /* for syslog, 1 to 23; default 1, LOG_USER >> 3 */
    const char *name;   /* the program's, in each line; default: that of
                         * program_invocation_short_name. Cut at 47 bytes */
    enum green_log_level level; /* the least urgent that is written; default
                                 * (also for 0): GREEN_LOG_INFO */
    size_t queue;               /* bytes, at least 4096; default 262144 */
    uint64_t reserved[4];       /* must be zero */
};

/* The longest line, with its end; a longer one is cut. */
#define GREEN_LOG_LINE 2048

/*
 * Makes a log, and starts its greenthread. options may be NULL.
 * Returns it, or NULL: EINVAL (more than one target, a facility above 23, a
 * queue below 4096, a reserved word that is not zero), ENAMETOOLONG, ENOMEM,
 * and the errors of open, socket, connect and green_spawn. Never switches.
 */
GREEN_API struct green_log *
green_log_create(const struct green_log_options *options);

/*
 * Puts a line into the queue: time, level and program, then printf's text.
 * "%m" is errno's message. In files, lines are
 *   2026-11-26T22:10:00.123Z info name[PID]: text
 * Control characters of the text become "#" and three octal digits, so that
 * no text can forge a line; a '\n' at its end is dropped.
 * Returns 0, also if the log's level excludes the line, or -1: ENOBUFS if it
 * was dropped, EINVAL for NULL, ECHILD in a forked child, which needs a log of
 * its own. errno stays as it was if it succeeds. Never switches, and waits for
 * no write. It needs 8 KiB of stack. From any OS thread.
 */
GREEN_API int green_log(struct green_log *log, enum green_log_level level,
                        const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Like green_log, with the arguments in a list. Never switches. */
GREEN_API int green_log_v(struct green_log *log, enum green_log_level level,
                          const char *format, va_list arguments)
    __attribute__((format(printf, 3, 0)));

/*
 * Changes the level; lines already in the queue are written.
 * Returns 0, or -1: EINVAL. Never switches. From any OS thread.
 */
GREEN_API int green_log_set_level(struct green_log *log,
                                  enum green_log_level level);

/*
 * Makes the log open its path anew before its next write, after another program
 * has renamed the file; or connect to the system's log again. If that fails, it
 * goes on with what it has. A log to a descriptor ignores it.
 * Returns 0, or -1: EINVAL for NULL. Never switches. From any OS thread and
 * from signal handlers, such as that of SIGHUP.
 */
GREEN_API int green_log_reopen(struct green_log *log);

/*
 * Waits until the lines that are in the queue now have been written, or lost to
 * an error of the target.
 * Returns 0, or -1: EINVAL for NULL, EPERM on another OS thread, ECANCELED,
 * ETIMEDOUT, EDEADLK in a hub's callback. May switch.
 */
GREEN_API int green_log_flush(struct green_log *log);

struct green_log_stats {
    uint64_t written; /* lines */
    uint64_t dropped; /* for which there was no room */
    uint64_t lost;    /* that the target refused, such as with ENOSPC, EPIPE;
                           * the first line that it takes again tells so */
    int error;        /* errno of the last such failure, or 0 */
    uint64_t reserved[4]; /* zero */
};

/* Returns 0, or -1: EINVAL for NULL. Never switches. From any OS thread. */
GREEN_API int green_log_get_stats(struct green_log *log,
                                  struct green_log_stats *stats);

/*
 * Writes what is in the queue, and frees the log. No OS thread may use it any
 * more. If the caller is killed or timed out meanwhile, the rest is lost. In a
 * forked child it frees the child's copy and writes nothing. NULL is allowed.
 * Without it, lines that are still in the queue are lost when the program ends.
 * Cannot fail. May switch; only on the OS thread that made the log.
 */
GREEN_API void green_log_destroy(struct green_log *log);

GREEN_END_DECLS

#endif
