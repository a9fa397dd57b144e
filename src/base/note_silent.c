#include "base/note.h"

void green__note(const char *format, ...)
{
    (void)format;
}
