#include "base/note.h"

void green__note(const char *format, ...)
{
    (void)format;
}

void green__mistake(const char *format, ...)
{
    (void)format;
}
