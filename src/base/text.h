/* Text that is printed to a descriptor, many lines at a time. */
#ifndef GREEN_TEXT_H
#define GREEN_TEXT_H

#include <stddef.h>

/* Zero but for fd: empty. */
struct green__text {
    int fd;
    int error; /* the first errno of a write; nothing is written after it */
    size_t length;
    char text[16384];
};

/* Prints at most 1023 bytes. */
void green__print(struct green__text *out, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Makes its control characters '?': a name that has them must neither end a line nor
 * move a terminal's cursor. Async-signal-safe. */
void green__make_printable(char *text);

/* Writes what is left. Returns out->error. */
int green__text_end(struct green__text *out);

#endif
