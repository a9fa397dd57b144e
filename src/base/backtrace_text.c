/* The lines of a backtrace, where the C library has no execinfo.h: see backtrace.h. */
#include <stdio.h>

#include "base/backtrace.h"
#include "base/code.h"
#include "base/system.h"

static int describe(void *address, char *text, size_t size)
{
    struct green__code code;

    if (!green__code_find(address, &code))
        return snprintf(text, size, "[%p]\n", address);
    if (code.symbol)
        return snprintf(text, size, "%s(%s+0x%zx)[%p]\n", code.file,
                        code.symbol, (size_t)((char *)address - code.symbol_at),
                        address);
    return snprintf(text, size, "%s(+0x%zx)[%p]\n", code.file,
                    (size_t)((char *)address - code.file_at), address);
}

void green__backtrace_print(void *const *frames, int count, int fd)
{
    char text[512];

    for (int i = 0; i < count; i++) {
        int length = describe(frames[i], text, sizeof text);

        if (length >= (int)sizeof text)
            length = (int)sizeof text - 1;
        if (green__system.write(fd, text, (size_t)length) < 0)
            return;
    }
}
