/*
 * A talk with a child: a greenthread for each pipe, in a scope, so that neither
 * side waits for a full pipe while the other waits for an empty one. What each has
 * done is in the program's struct, so a call that is interrupted can be continued.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <greenhub/io.h>
#include <greenhub/scope.h>

#include "base/reserved.h"
#include "base/sigpipe.h"
#include "base/system.h"
#include "greenthread/call.h"
#include "process/process.h"

#define DEFAULT_LIMIT ((size_t)1 << 20)
#define FIRST_ROOM ((size_t)4096)

/* ---- The input ------------------------------------------------------------ */

struct feeder {
    int *fd;
    struct green_exchange *exchange;
};

/* One write that does not wait; the pipe is non-blocking. */
static ssize_t write_quietly(int fd, const char *data, size_t size)
{
    struct green__quiet quiet;
    ssize_t n;

    if (green__call_begins() < 0 || green__quiet_begin(&quiet) < 0)
        return -1;
    n = green__system.write(fd, data, size);
    green__quiet_end(&quiet, n < 0 && errno == EPIPE);
    green__call_ends(GREEN__COST_SYSTEM_CALL + green__cost_of(n));
    return n;
}

/* Returns 0 also if the child reads no more. */
static int write_input(int fd, struct green_exchange *exchange)
{
    while (exchange->sent < exchange->input_size) {
        ssize_t n =
            write_quietly(fd, (const char *)exchange->input + exchange->sent,
                          exchange->input_size - exchange->sent);

        if (n >= 0)
            exchange->sent += (size_t)n;
        else if (errno == EPIPE)
            return 0;
        else if (errno != EINTR &&
                 (errno != EAGAIN ||
                  green_wait(fd, GREEN_WRITE, GREEN_FOREVER) < 0))
            return -1;
    }
    return 0;
}

static int feed(void *arg)
{
    struct feeder *it = arg;
    int flags = green_fcntl(*it->fd, F_GETFL), error;

    if (flags < 0 || green_fcntl(*it->fd, F_SETFL, flags | O_NONBLOCK) < 0)
        return -1;
    if (write_input(*it->fd, it->exchange) == 0) {
        green__process_close_pipe(it->fd);
        return 0;
    }
    error = errno;
    green_fcntl(*it->fd, F_SETFL, flags);
    return green__refuse(error);
}

/* ---- The outputs ---------------------------------------------------------- */

struct reader {
    int *fd;
    char **data;
    size_t *size, limit;
};

/* Makes room for more bytes, and for the '\0'. Returns how many, or 0 with errno. */
static size_t make_room(const struct reader *it, size_t *room)
{
    size_t wanted = *room < FIRST_ROOM ? FIRST_ROOM : 2 * *room;
    char *data;

    if (*room > *it->size + 1)
        return *room - *it->size - 1;
    if (wanted > it->limit + 1)
        wanted = it->limit + 1;
    if (wanted <= *it->size + 1) /* the limit has been lowered since */
        wanted = *it->size + 2;
    data = green__system.reallocate(*it->data, wanted);
    if (!data) {
        errno = ENOMEM;
        return 0;
    }
    data[*it->size] = '\0';
    *it->data = data;
    *room = wanted;
    return wanted - *it->size - 1;
}

/* The limit is reached: is this the end? Returns 0, or -1 with errno. */
static int expect_end(int fd)
{
    struct pollfd pipe = {.fd = fd, .events = POLLIN};
    int bytes = 0;

    for (;;) {
        if (green_poll(&pipe, 1, -1) < 0 ||
            green__system.ioctl(fd, FIONREAD, &bytes) < 0)
            return -1;
        if (bytes > 0)
            return green__refuse(EMSGSIZE);
        if (pipe.revents & (POLLHUP | POLLERR))
            return 0;
    }
}

/* One read. Returns 1, or 0 at the end, or -1 with errno. */
static int read_some(const struct reader *it, size_t *room)
{
    size_t space = make_room(it, room);
    ssize_t n;

    if (space == 0)
        return -1;
    assert(*it->data);
    if (*it->size >= it->limit)
        return expect_end(*it->fd);
    n = green_read(*it->fd, *it->data + *it->size, space);
    if (n <= 0)
        return (int)n;
    *it->size += (size_t)n;
    (*it->data)[*it->size] = '\0';
    return 1;
}

static int read_all(void *arg)
{
    const struct reader *it = arg;
    size_t room = *it->data ? *it->size + 1 : 0;
    int result;

    do
        result = read_some(it, &room);
    while (result > 0);
    if (result == 0)
        green__process_close_pipe(it->fd);
    return result;
}

/* What is in the pipe now. */
static int read_rest(const struct reader *it)
{
    size_t room = *it->data ? *it->size + 1 : 0;
    int bytes, result = 1;

    while (result > 0 && *it->fd >= 0 &&
           green__system.ioctl(*it->fd, FIONREAD, &bytes) == 0 && bytes > 0)
        result = read_some(it, &room);
    return result < 0 ? -1 : 0;
}

/* ---- Both ----------------------------------------------------------------- */

struct talk {
    struct green_process *process;
    struct green_exchange *exchange;
    struct feeder feeder;
    struct reader out, err;
};

static void prepare(struct talk *it, struct green_process *process,
                    struct green_exchange *exchange)
{
    size_t limit = exchange->limit ? exchange->limit : DEFAULT_LIMIT;

    it->process = process;
    it->exchange = exchange;
    it->feeder = (struct feeder){&process->in, exchange};
    it->out = (struct reader){&process->out, &exchange->out,
                              &exchange->out_size, limit};
    it->err = (struct reader){&process->err, &exchange->err,
                              &exchange->err_size, limit};
}

static int spawn_if_open(struct green_scope *scope, int fd,
                         int (*fn)(void *arg), void *arg)
{
    return fd < 0 ? 0 : green_scope_spawn(scope, fn, arg);
}

static int spawn_all(struct green_scope *scope, struct talk *it)
{
    if (spawn_if_open(scope, it->process->in, feed, &it->feeder) < 0 ||
        spawn_if_open(scope, it->process->out, read_all, &it->out) < 0)
        return -1;
    return spawn_if_open(scope, it->process->err, read_all, &it->err);
}

/* Returns 0 once the talk is over, or -1 with errno. */
static int run(struct talk *it)
{
    struct green_scope scope;
    bool ended = false;
    int error = 0;

    if (green_scope_begin(&scope, GREEN_FOREVER) < 0)
        return -1;
    if (spawn_all(&scope, it) < 0)
        error = errno;
    else if (it->exchange->until_end)
        ended = green_process_wait(it->process, NULL) == 0 || errno == ECHILD;
    if (error || ended)
        green_scope_stop(&scope);
    if (green_scope_end(&scope) < 0 && !error && !ended)
        error = errno;
    return error ? green__refuse(error) : 0;
}

static bool is_valid_exchange(const struct green_exchange *exchange)
{
    return exchange && (exchange->input || exchange->input_size == 0) &&
           exchange->limit < SIZE_MAX / 4 && GREEN__RESERVED_IS_ZERO(exchange);
}

int green_process_communicate(struct green_process *process,
                              struct green_exchange *exchange, int *status)
{
    struct talk talk;

    if (!green__process_exists(process) || !is_valid_exchange(exchange))
        return green__refuse(EINVAL);
    prepare(&talk, process, exchange);
    if (run(&talk) < 0)
        return -1;
    if (exchange->until_end &&
        (read_rest(&talk.out) < 0 || read_rest(&talk.err) < 0))
        return -1;
    return green_process_wait(process, status);
}
