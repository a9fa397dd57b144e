#include "tools/debug_connection.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/system.h"
#include "tools/debug_commands.h"

void green__connection_begin(struct green__connection *connection, int fd)
{
    *connection = (struct green__connection){
        .id = green__descriptor_own(fd),
        .answer = GREEN__NO_DESCRIPTOR,
    };
}

void green__connection_end(struct green__connection *connection)
{
    green__descriptor_end(&connection->id);
    green__descriptor_end(&connection->answer);
    green__surveys_free(connection->before);
    connection->before = NULL;
    green__debug_trace_leave(connection);
    if (connection->errand)
        green__errand_leave(connection->errand);
    green__errand_release(connection->errand);
    connection->errand = NULL;
}

short green__connection_events(const struct green__connection *connection,
                               green_time *due)
{
    if (connection->state == GREEN__CONNECTION_READS) {
        if (memchr(connection->line, '\n', connection->have) ||
            connection->have == sizeof connection->line)
            *due = 0;
        return POLLIN;
    }
    if (connection->state == GREEN__CONNECTION_SENDS)
        return POLLOUT;
    /* One that has been started is waited for, for as long as it takes. */
    if (connection->due < *due &&
        !(connection->errand &&
          atomic_load(&connection->errand->state) == GREEN__ERRAND_STARTED))
        *due = connection->due;
    return 0;
}

/* ---- Answering ------------------------------------------------------- */

/* An empty line is the end of each answer. */
static void complete(struct green__connection *connection,
                     struct green__text *out)
{
    green__print(out, "\n");
    if (green__text_end(out) != 0)
        connection->ends = true;
    connection->sent = 0;
    connection->size = lseek(out->fd, 0, SEEK_CUR);
}

/* Answers a line; NULL: goes on with one, or there is none that can be read. */
static void with_text(struct green__connection *connection, char *line)
{
    struct green__text *out = NULL;

    if (green__descriptor_is_ours(&connection->answer))
        out = green__system.allocate(1, sizeof *out);
    if (!out) {
        green__connection_end(connection);
        return;
    }
    out->fd = connection->answer.fd;
    if (line)
        green__debug_command(connection, line, out);
    else
        green__debug_command_ends(connection, out);
    if (connection->state == GREEN__CONNECTION_SENDS)
        complete(connection, out);
    green__system.release(out);
}

static void answer(struct green__connection *connection, char *line)
{
    green__descriptor_end(&connection->answer);
    connection->answer =
        green__descriptor_own(memfd_create("greenhub-answer", MFD_CLOEXEC));
    if (connection->answer.fd < 0)
        green__connection_end(connection);
    else
        with_text(connection, line);
}

static void send_some(struct green__connection *connection)
{
    bool failed, whole;
    ssize_t n;

    if (!green__descriptor_is_ours(&connection->answer)) {
        green__connection_end(connection);
        return;
    }
    n = green__system.sendfile(connection->id.fd, connection->answer.fd,
                               &connection->sent,
                               (size_t)(connection->size - connection->sent));
    failed = n < 0 && errno != EAGAIN && errno != EINTR;
    whole = connection->sent >= connection->size;
    if (failed || (whole && connection->ends))
        green__connection_end(connection);
    else if (whole)
        connection->state = GREEN__CONNECTION_READS;
}

/* ---- Reading --------------------------------------------------------- */

/* Takes the first line, if there is a whole one. */
static bool take_line(struct green__connection *connection, char *line)
{
    char *end = memchr(connection->line, '\n', connection->have);
    size_t length;

    if (!end)
        return false;
    length = (size_t)(end - connection->line);
    memcpy(line, connection->line, length);
    line[length] = '\0';
    connection->have -= length + 1;
    memmove(connection->line, end + 1, connection->have);
    return true;
}

static void receive(struct green__connection *connection)
{
    ssize_t n = green__system.recv(
        connection->id.fd, connection->line + connection->have,
        sizeof connection->line - connection->have, 0);

    if (n > 0)
        connection->have += (size_t)n;
    else if (n == 0 || (errno != EAGAIN && errno != EINTR))
        green__connection_end(connection);
}

static void refuse_line(struct green__connection *connection)
{
    connection->ends = true;
    answer(connection, NULL);
}

static void next_line(struct green__connection *connection, short events)
{
    char line[GREEN__DEBUG_LINE];

    if (take_line(connection, line))
        answer(connection, line);
    else if (connection->have == sizeof connection->line)
        refuse_line(connection);
    else if (events)
        receive(connection);
}

/* ---- A step ---------------------------------------------------------- */

static bool is_due(const struct green__connection *connection)
{
    const struct green__errand *errand = connection->errand;

    if (errand && atomic_load(&errand->state) == GREEN__ERRAND_DONE)
        return true;
    return green__clock() >= connection->due;
}

void green__connection_step(struct green__connection *connection, short events)
{
    if (!green__descriptor_is_ours(&connection->id)) {
        green__connection_end(connection);
        return;
    }
    switch (connection->state) {
    case GREEN__CONNECTION_READS:
        next_line(connection, events);
        break;
    case GREEN__CONNECTION_SENDS:
        if (events)
            send_some(connection);
        break;
    case GREEN__CONNECTION_WATCHES:
    case GREEN__CONNECTION_WAITS:
        if (events & (POLLERR | POLLHUP))
            green__connection_end(connection);
        else if (is_due(connection))
            with_text(connection, NULL);
        break;
    }
}
