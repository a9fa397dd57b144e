/* The words that are kept at the end of what users fill, for later versions. */
#ifndef GREEN_RESERVED_H
#define GREEN_RESERVED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether so many are zero, as they must be: a program that sets one was compiled
 * with a later version's headers, and asks for what this version has not. */
static inline bool green__reserved_is_zero(const uint64_t *words, size_t count)
{
    uint64_t any = 0;

    for (size_t i = 0; i < count; i++)
        any |= words[i];
    return any == 0;
}

#define GREEN__RESERVED_IS_ZERO(object)                                        \
    green__reserved_is_zero((object)->reserved,                                \
                            sizeof(object)->reserved / sizeof(uint64_t))

#endif
