/* Backtraces by the C library: see backtrace.h. */
#include <execinfo.h>
#include <string.h>

#include "base/attributes.h"
#include "base/backtrace.h"

GREEN__NOINLINE int green__backtrace(void **frames, int room)
{
    int count = backtrace(frames, room);

    if (count < 1)
        return 0;
    /* Without this function's own frame. */
    memmove(frames, frames + 1, (size_t)(count - 1) * sizeof *frames);
    return count - 1;
}

void green__backtrace_print(void *const *frames, int count, int fd)
{
    backtrace_symbols_fd(frames, count, fd);
}
