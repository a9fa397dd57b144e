/*
 * Diagnostics: a debug build prints them on stderr, other builds print nothing.
 * The two variants are note_stderr.c and note_silent.c.
 */
#ifndef GREEN_NOTE_H
#define GREEN_NOTE_H

#include "base/attributes.h"

void green__note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Reports that the program broke a contract. A debug build prints the message
 * and a backtrace and aborts; in other builds this does nothing, and the caller
 * recovers as well as it can. */
GREEN__COLD void green__mistake(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
