#include "base/text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/system.h"

#define LONGEST ((size_t)1024)

int green__text_end(struct green__text *out)
{
    size_t written = 0;

    while (!out->error && written < out->length) {
        ssize_t n = green__system.write(out->fd, out->text + written,
                                        out->length - written);

        if (n >= 0)
            written += (size_t)n;
        else if (errno != EINTR)
            out->error = errno;
    }
    out->length = 0;
    return out->error;
}

void green__print(struct green__text *out, const char *format, ...)
{
    va_list arguments;
    int length;

    if (sizeof out->text - out->length < LONGEST)
        green__text_end(out);
    va_start(arguments, format);
    length = vsnprintf(out->text + out->length, LONGEST, format, arguments);
    va_end(arguments);
    if (length > 0)
        out->length += (size_t)length < LONGEST ? (size_t)length : LONGEST - 1;
}

void green__make_printable(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < ' ' || *text == 0x7f)
            *text = '?';
}
