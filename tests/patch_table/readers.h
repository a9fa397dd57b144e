/* The functions that read, for the two files that call them. */
#ifndef TESTS_PATCH_READERS_H
#define TESTS_PATCH_READERS_H

#include "table.h"

#define READERS 8

extern const struct call readers[READERS];

/* By the subject. */
ssize_t take(int fd, size_t size);
/* The same of ends[0], and says what was read. */
void takes(size_t size);

#endif
