/*
 * The queue of a log, and the greenthread that empties it. There are two
 * buffers of text: one is filled, under a mutex that is held for a copy only;
 * the writer takes it when it has written the other, and leaves that to be
 * filled. A '\n' is at the end of each line and nowhere else.
 */
#include "tools/log.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/thread.h>

#include "base/environment.h"
#include "base/reserved.h"
#include "base/self.h"
#include "base/system.h"
#include "base/wakeup.h"
#include "sync/waiters.h"

#define DEFAULT_QUEUE ((size_t)256 << 10)
#define LEAST_QUEUE 4096

struct green_log {
    struct green__log_words words;
    atomic_uint level;
    atomic_bool reopen;
    struct green__wakeup wakeup;

    pthread_mutex_t mutex; /* guards the fields below */
    char *filling;
    size_t used;
    uint64_t put; /* bytes, ever */
    uint64_t dropped, dropped_untold;
    uint64_t written, lost;
    int error;
    bool asleep, closing;

    /* The rest belongs to the OS thread that made the log. */
    pthread_t owner;
    size_t queue;
    char *writing;
    uint64_t done; /* bytes of `put` that are written or lost */
    uint64_t lost_untold;
    struct green__log_output output;
    struct green_waiters flushing;
    struct green_thread *writer;
};

static void lock(struct green_log *log)
{
    green__system.pthread_mutex_lock(&log->mutex);
}

static void unlock(struct green_log *log)
{
    green__system.pthread_mutex_unlock(&log->mutex);
}

/* ---- Logging ----------------------------------------------------------- */

static bool append(struct green_log *log, const char *line, size_t size)
{
    if (size > log->queue - log->used)
        return false;
    memcpy(log->filling + log->used, line, size);
    log->used += size;
    log->put += size;
    return true;
}

/* Tells of dropped lines, if there are any and there is room for it and for
 * `more` bytes. */
static bool tell_dropped(struct green_log *log, size_t more)
{
    char line[GREEN_LOG_LINE];
    size_t size;

    if (log->dropped_untold == 0)
        return true;
    size = green__log_note(&log->words, line, "%llu lines dropped",
                           (unsigned long long)log->dropped_untold);
    if (size + more > log->queue - log->used)
        return false;
    log->dropped_untold = 0;
    return append(log, line, size);
}

static int put(struct green_log *log, const char *line, size_t size)
{
    bool wake, taken;

    lock(log);
    taken = tell_dropped(log, size) && append(log, line, size);
    log->dropped += !taken;
    log->dropped_untold += !taken;
    wake = log->asleep;
    log->asleep = false;
    unlock(log);
    if (wake)
        green__wakeup_send(&log->wakeup);
    return taken ? 0 : green__refuse(ENOBUFS);
}

int green_log_v(struct green_log *log, enum green_log_level level,
                const char *format, va_list arguments)
{
    const int error = errno;
    char line[GREEN_LOG_LINE];
    size_t size;

    if (!log || !format || (unsigned)level > GREEN_LOG_DEBUG)
        return green__refuse(EINVAL);
    if ((unsigned)level >
        atomic_load_explicit(&log->level, memory_order_relaxed))
        return 0;
    if (log->words.pid != getpid())
        return green__refuse(ECHILD);
    size = green__log_line(&log->words, line, level, format, arguments);
    if (put(log, line, size) < 0)
        return -1;
    errno = error;
    return 0;
}

int green_log(struct green_log *log, enum green_log_level level,
              const char *format, ...)
{
    va_list arguments;
    int result;

    va_start(arguments, format);
    result = green_log_v(log, level, format, arguments);
    va_end(arguments);
    return result;
}

int green_log_set_level(struct green_log *log, enum green_log_level level)
{
    if (!log || (unsigned)level > GREEN_LOG_DEBUG)
        return green__refuse(EINVAL);
    atomic_store(&log->level, (unsigned)level);
    return 0;
}

int green_log_reopen(struct green_log *log)
{
    int error = errno; /* a signal handler's */

    if (!log)
        return green__refuse(EINVAL);
    atomic_store(&log->reopen, true);
    green__wakeup_send(&log->wakeup);
    errno = error;
    return 0;
}

int green_log_get_stats(struct green_log *log, struct green_log_stats *stats)
{
    if (!log || !stats)
        return green__refuse(EINVAL);
    lock(log);
    *stats = (struct green_log_stats){.written = log->written,
                                      .dropped = log->dropped,
                                      .lost = log->lost,
                                      .error = log->error};
    unlock(log);
    return 0;
}

/* ---- Writing ----------------------------------------------------------- */

static uint64_t count_lines(const char *lines, size_t size)
{
    uint64_t count = 0;

    for (size_t i = 0; i < size; i++)
        count += lines[i] == '\n';
    return count;
}

/* Takes the lines that are there. False if it must sleep first. */
static bool take(struct green_log *log, size_t *size, bool *closing)
{
    char *lines = log->writing;

    lock(log);
    if (log->closing)
        tell_dropped(log, 0);
    *size = log->used;
    *closing = log->closing;
    log->writing = log->filling;
    log->filling = lines;
    log->used = 0;
    log->asleep = *size == 0 && !*closing;
    unlock(log);
    return *size > 0 || *closing;
}

static void count_result(struct green_log *log, uint64_t written, uint64_t lost,
                         int error)
{
    lock(log);
    log->written += written;
    log->lost += lost;
    if (error != 0)
        log->error = error;
    unlock(log);
    log->lost_untold += lost;
}

/* Tells of lost lines; the target takes lines again if it takes this one. */
static bool tell_lost(struct green_log *log)
{
    char line[GREEN_LOG_LINE];
    size_t size;

    if (log->lost_untold == 0)
        return true;
    size = green__log_note(&log->words, line, "%llu lines lost: %s",
                           (unsigned long long)log->lost_untold,
                           strerror(log->error));
    if (green__log_output_write(&log->output, line, size) < size)
        return false;
    log->lost_untold = 0;
    return true;
}

/* Writes what was taken. The system's log may refuse one line and take the
 * next; another target is tried again with the next lines. */
static void write_taken(struct green_log *log, size_t size)
{
    const char *lines = log->writing, *end;
    size_t at = 0, n = 0;
    uint64_t lines_left;
    int error;

    while (at < size) {
        n = tell_lost(log)
                ? green__log_output_write(&log->output, lines + at, size - at)
                : 0;
        error = errno;
        count_result(log, count_lines(lines + at, n), 0, 0);
        at += n;
        if (at == size)
            break;
        end = log->output.syslog ? memchr(lines + at, '\n', size - at)
                                 : lines + size - 1;
        lines_left = count_lines(lines + at, (size_t)(end + 1 - lines) - at);
        at = (size_t)(end + 1 - lines);
        count_result(log, 0, lines_left, error);
    }
    log->done += size;
    green__line_wake_all(&log->flushing);
}

/* Waits until there is something to do. -1 if it was killed. */
static int sleep_until_woken(struct green_log *log)
{
    if (green_wait(log->wakeup.fd, GREEN_READ, GREEN_FOREVER) < 0)
        return -1;
    return green__wakeup_drain(&log->wakeup) < 0 && errno != EAGAIN ? -1 : 0;
}

static void *write_lines(void *arg)
{
    struct green_log *log = arg;
    bool closing = false;
    size_t size;

    while (!green_killed() && !closing) {
        bool some = take(log, &size, &closing);

        if (atomic_exchange(&log->reopen, false) &&
            green__log_output_open(&log->output) < 0)
            count_result(log, 0, 0, errno);
        if (some)
            write_taken(log, size);
        else if (sleep_until_woken(log) < 0)
            break;
    }
    return NULL;
}

/* ---- Flush and end ----------------------------------------------------- */

static const struct green__wait_kind flush = {.name = "flush of a log"};

int green_log_flush(struct green_log *log)
{
    struct green_place place;
    uint64_t target;

    if (!log)
        return green__refuse(EINVAL);
    if (log->words.pid != getpid() ||
        !pthread_equal(log->owner, green__system.pthread_self()))
        return green__refuse(EPERM);
    if (green__call_begins() < 0)
        return -1;
    lock(log);
    target = log->put;
    unlock(log);
    while (log->done < target)
        if (green__line_wait(&log->flushing, &place, &flush) < 0)
            return -1;
    return green__call_done(0);
}

static void free_log(struct green_log *log)
{
    green__log_output_close(&log->output);
    green__system.release(log->output.path);
    if (log->wakeup.fd >= 0)
        green_close(log->wakeup.fd);
    green__wakeup_close_end(&log->wakeup);
    green__system.pthread_mutex_destroy(&log->mutex);
    green__system.release(log->filling);
    green__system.release(log->writing);
    green__system.release(log);
}

/* The writer ends when it has written all; at once if the caller must not
 * wait. */
static void end_writer(struct green_log *log)
{
    struct green_shield shield;

    lock(log);
    log->closing = true;
    unlock(log);
    green__wakeup_send(&log->wakeup);
    if (green_join(log->writer, NULL) == 0)
        return;
    green_shield_begin(&shield);
    green_kill(log->writer);
    green_join(log->writer, NULL);
    green_shield_end(&shield);
}

void green_log_destroy(struct green_log *log)
{
    int error = errno;

    if (!log)
        return;
    if (log->words.pid == getpid() && log->writer)
        end_writer(log);
    free_log(log);
    errno = error;
}

/* ---- Making ------------------------------------------------------------ */

static int check(const struct green_log_options *options)
{
    const char *path = options->path ? options->path : options->syslog;
    int targets = (options->fd != 0) + (options->path != NULL) +
                  (options->syslog != NULL);

    if (targets > 1 || options->fd < 0 || options->facility > 23 ||
        (unsigned)options->level > GREEN_LOG_DEBUG ||
        (options->queue != 0 && options->queue < LEAST_QUEUE) ||
        !GREEN__RESERVED_IS_ZERO(options))
        return green__refuse(EINVAL);
    if (options->syslog &&
        strlen(path) >= sizeof((struct sockaddr_un *)0)->sun_path)
        return green__refuse(ENAMETOOLONG);
    return 0;
}

static void find_words(struct green__log_words *words,
                       const struct green_log_options *options)
{
    snprintf(words->name, sizeof words->name, "%s",
             options->name ? options->name : green__program_name());
    if (gethostname(words->host, sizeof words->host - 1) < 0 || !*words->host)
        strcpy(words->host, "-");
    words->pid = getpid();
    snprintf(words->who, sizeof words->who, "%s[%d]: ", words->name,
             (int)words->pid);
    words->facility = options->facility ? options->facility : 1;
    words->syslog = options->syslog != NULL;
    words->rfc5424 = options->rfc5424;
}

/* A copy, of the allocator's. 0, or -1 with ENOMEM. */
static int copy_path(char **copy, const char *path)
{
    size_t size = path ? strlen(path) + 1 : 0;

    if (!path)
        return 0;
    *copy = green__system.allocate(1, size);
    if (!*copy)
        return green__refuse(ENOMEM);
    memcpy(*copy, path, size);
    return 0;
}

static int prepare(struct green_log *log,
                   const struct green_log_options *options)
{
    struct green_attr attr = {.name = "log"};

    log->filling = green__system.allocate(1, log->queue);
    log->writing = green__system.allocate(1, log->queue);
    if (!log->filling || !log->writing)
        return green__refuse(ENOMEM);
    if (copy_path(&log->output.path,
                  options->path ? options->path : options->syslog) < 0)
        return -1;
    log->output.syslog = options->syslog != NULL;
    log->output.fd = log->output.path ? -1 : options->fd ? options->fd : 2;
    if (green__wakeup_open(&log->wakeup) < 0 ||
        green__log_output_open(&log->output) < 0)
        return -1;
    log->writer = green_spawn_with(&attr, write_lines, log);
    return log->writer ? 0 : -1;
}

struct green_log *green_log_create(const struct green_log_options *options)
{
    static const struct green_log_options defaults;
    struct green_log *log;
    int error;

    if (!options)
        options = &defaults;
    if (check(options) < 0)
        return NULL;
    log = green__system.allocate(1, sizeof *log);
    if (!log)
        return (errno = ENOMEM, NULL);
    log->wakeup = GREEN__NO_WAKEUP;
    log->output.fd = -1;
    log->owner = green__system.pthread_self();
    log->queue = options->queue ? options->queue : DEFAULT_QUEUE;
    atomic_init(&log->level,
                (unsigned)(options->level ? options->level : GREEN_LOG_INFO));
    find_words(&log->words, options);
    green__system.pthread_mutex_init(&log->mutex, NULL);
    if (prepare(log, options) == 0)
        return log;
    error = errno;
    free_log(log);
    return (errno = error, NULL);
}
