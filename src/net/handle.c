/* One connection: the call of its handler, with a stream where it takes one. */
#include "net/server.h"

/* The layer's stream closes the descriptor. If it cannot be made, the connection
 * ends. */
static bool handle_wrapped(const struct green__run *run, int fd)
{
    const struct green_stream_wrap *wrap = run->options.wrap;
    struct green_stream *stream = wrap->wrap(fd, NULL, wrap->arg);

    if (!stream)
        return false;
    run->stream_handler(stream, run->options.arg);
    green_stream_close(stream);
    return true;
}

static bool handle_plain(const struct green__run *run, int fd)
{
    struct green_stream stream = {.fd = fd};

    run->stream_handler(&stream, run->options.arg);
    return false;
}

bool green__run_handle(const struct green__run *run, int fd)
{
    if (run->stream_handler)
        return run->options.wrap ? handle_wrapped(run, fd)
                                 : handle_plain(run, fd);
    run->handler(fd, run->options.arg);
    return false;
}
