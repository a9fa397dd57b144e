/* Backtraces by the compiler's unwinder, for C libraries without execinfo.h (musl),
 * and for POSIX, which has none: see backtrace.h. */
#include <stdint.h>
#include <stdio.h>
#include <unwind.h>

#include "base/attributes.h"
#include "base/backtrace.h"
#include "base/code.h"
#include "base/system.h"

struct walk {
    void **frames;
    int room, count;
};

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context,
                                      void *arg)
{
    struct walk *walk = arg;
    uintptr_t address = _Unwind_GetIP(context);

    if (!address || walk->count == walk->room)
        return _URC_END_OF_STACK;
    if (walk->count >= 0) /* -1: this function's caller, which is our own */
        walk->frames[walk->count] = (void *)address;
    walk->count++;
    return _URC_NO_REASON;
}

GREEN__NOINLINE int green__backtrace(void **frames, int room)
{
    struct walk walk = {.frames = frames, .room = room, .count = -1};

    _Unwind_Backtrace(note_frame, &walk);
    return walk.count > 0 ? walk.count : 0;
}

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
