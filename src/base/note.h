/*
 * What a debug build says on stderr, and no other build: the variants are the
 * sibling files note_silent.c and note_stderr.c.
 */
#ifndef GREEN_NOTE_H
#define GREEN_NOTE_H

#include "base/attributes.h"

void green__note(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The program does what a contract forbids. A debug build says so, and whence it
 * was called, and ends the process; any other sets it right as well as it can. */
GREEN__COLD void green__mistake(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

#endif
