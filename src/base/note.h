/*
 * What a debug build says on stderr, and no other build: the variants are the
 * sibling files note_silent.c and note_stderr.c.
 */
#ifndef GREEN_NOTE_H
#define GREEN_NOTE_H

void green__note(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
