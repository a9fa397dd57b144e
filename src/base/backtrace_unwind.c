/* Backtraces by the compiler's unwinder, for C libraries without execinfo.h (musl),
 * and for POSIX, which has none: see backtrace.h. */
#include <stdint.h>
#include <unwind.h>

#include "base/attributes.h"
#include "base/backtrace.h"

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
