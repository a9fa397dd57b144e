/* What the fuzz targets share. */
#ifndef TESTS_FUZZ_H
#define TESTS_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Ends the process if it does not hold; NDEBUG leaves it as it is. */
#define must(condition)                                                        \
    do {                                                                       \
        if (!(condition)) {                                                    \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__,   \
                    #condition);                                               \
            abort();                                                           \
        }                                                                      \
    } while (0)

/* Bytes as a string, in memory of its own size, so that a read beyond the end is noticed. */
static inline char *text_of(const uint8_t *data, size_t size)
{
    char *text = malloc(size + 1);

    must(text != NULL);
    memcpy(text, data, size);
    text[size] = '\0';
    return text;
}

/* libFuzzer's main calls it with one input after the other. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#endif
