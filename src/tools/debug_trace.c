/* The command "trace": what happens in an interval, as JSON trace events. One trace
 * at a time, in the whole process. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/system.h"
#include "greenthread/trace.h"
#include "tools/debug_commands.h"

static void fail(struct green__text *out, int error)
{
    green__print(out, "error: %s\n", strerror(error));
}

void green__debug_trace(struct green__connection *connection, char **words,
                        struct green__text *out)
{
    green_time interval = green__debug_interval(words[1]);
    int error;

    if (!words[1] || words[2] || interval < 0) {
        green__print(out, "error: trace takes seconds, from 0.01 to 3600\n");
        return;
    }
    error = green__trace_start(0);
    if (error == EBUSY) {
        green__print(out, "error: a trace is on already\n");
        return;
    }
    if (error) {
        fail(out, error);
        return;
    }
    connection->traces = true;
    connection->due = green__clock() + interval;
    connection->state = GREEN__CONNECTION_WATCHES;
}

/* What was written before an error is no trace. */
void green__debug_trace_ends(struct green__connection *connection,
                             struct green__text *out)
{
    int error = green__trace_stop_to(out->fd);

    connection->traces = false;
    if (!error)
        return;
    if (ftruncate(out->fd, 0) == 0)
        (void)lseek(out->fd, 0, SEEK_SET);
    fail(out, error);
}

void green__debug_trace_leave(struct green__connection *connection)
{
    if (connection->traces)
        (void)green__trace_stop_to(-1);
    connection->traces = false;
}
