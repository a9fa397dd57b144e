/*
 * Where a log goes. A write is tried without waiting first (RWF_NOWAIT). If it
 * would block: for a file, an OS thread of the thread pool writes, so that a
 * slow disk stops the log's greenthread alone; anything else is waited for.
 */
#include "tools/log.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <greenhub/io.h>
#include <greenhub/thread_pool.h>

#include "base/portable.h"
#include "base/self.h"
#include "base/sigpipe.h"
#include "base/system.h"

/* ---- Opening ---------------------------------------------------------- */

static int connect_to(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd, error;

    memcpy(address.sun_path, path, strlen(path) + 1);
    fd = green_socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || green__system.connect(fd, (struct sockaddr *)&address,
                                        sizeof address) == 0)
        return fd;
    error = errno;
    green_close(fd);
    return green__refuse(error);
}

int green__log_output_open(struct green__log_output *output)
{
    int fd;

    if (!output->path)
        return 0;
    fd = output->syslog
             ? connect_to(output->path)
             : green__system.open(
                   output->path,
                   O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (fd < 0)
        return -1;
    green__log_output_close(output);
    output->fd = fd;
    output->torn = false;
    return 0;
}

void green__log_output_close(struct green__log_output *output)
{
    if (output->path && output->fd >= 0)
        green_close(output->fd);
    output->fd = -1;
}

/* ---- Lines to a descriptor --------------------------------------------- */

struct job {
    int fd;
    const char *lines;
    size_t size;
};

static ssize_t write_now(const struct job *job, int flags)
{
    struct iovec bytes = {.iov_base = (char *)job->lines, .iov_len = job->size};
    struct green__quiet quiet;
    ssize_t n;

    if (green__quiet_begin(&quiet) < 0)
        return -1;
    n = green__system.pwritev2(job->fd, &bytes, 1, -1, flags);
    green__quiet_end(&quiet, n < 0 && errno == EPIPE);
    return n;
}

static long write_on_worker(void *job)
{
    return write_now(job, 0);
}

static bool is_file(int fd)
{
    struct stat status;

    return fstat(fd, &status) == 0 && S_ISREG(status.st_mode);
}

/* One write, after a wait if it must be. */
static ssize_t write_some(const struct job *job)
{
    ssize_t n = write_now(job, RWF_NOWAIT);
    long result;

    if (n >= 0 || (errno != EAGAIN && errno != EOPNOTSUPP && errno != EINTR))
        return n;
    if (is_file(job->fd))
        return green_thread_pool_run(write_on_worker, (void *)job, &result) < 0
                   ? -1
                   : result;
    if (errno == EOPNOTSUPP) /* a terminal, which raises no SIGPIPE */
        return green_write(job->fd, job->lines, job->size);
    return green_wait(job->fd, GREEN_WRITE, GREEN_FOREVER) < 0 ? -1 : 0;
}

static size_t write_all(int fd, const char *lines, size_t size)
{
    size_t done = 0;

    while (done < size) {
        struct job job = {fd, lines + done, size - done};
        ssize_t n = write_some(&job);

        if (n < 0)
            break;
        done += (size_t)n;
    }
    return done;
}

/* A line that was cut by an error gets an end before the next. */
static size_t write_lines(struct green__log_output *output, const char *lines,
                          size_t size)
{
    size_t done;

    if (output->torn && write_all(output->fd, "\n", 1) == 0)
        return 0;
    output->torn = false;
    done = write_all(output->fd, lines, size);
    output->torn = done > 0 && done < size && lines[done - 1] != '\n';
    return done;
}

/* ---- Lines to the system's log ----------------------------------------- */

/* The daemon was started anew: its socket is another. */
static bool is_gone(int error)
{
    return error == ECONNREFUSED || error == ECONNRESET || error == ENOTCONN ||
           error == EPIPE || error == EBADF;
}

static int send_line(struct green__log_output *output, const char *line,
                     size_t size)
{
    if (green_send(output->fd, line, size, 0) >= 0)
        return 0;
    if (!is_gone(errno) || green__log_output_open(output) < 0)
        return -1;
    return green_send(output->fd, line, size, 0) < 0 ? -1 : 0;
}

static size_t send_lines(struct green__log_output *output, const char *lines,
                         size_t size)
{
    size_t done = 0;

    while (done < size) {
        const char *end = memchr(lines + done, '\n', size - done);
        size_t length = (size_t)(end - lines) - done;

        if (send_line(output, lines + done, length) < 0)
            break;
        done += length + 1;
    }
    return done;
}

size_t green__log_output_write(struct green__log_output *output,
                               const char *lines, size_t size)
{
    return output->syslog ? send_lines(output, lines, size)
                          : write_lines(output, lines, size);
}
