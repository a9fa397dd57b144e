/* Bitmaps in the kernel's select(2) layout, of any size: FD_ISSET and its
 * relatives stop at FD_SETSIZE. */
#ifndef GREEN_BITS_H
#define GREEN_BITS_H

#include <limits.h>
#include <stdbool.h>

#define GREEN__WORD_BITS ((int)(sizeof(unsigned long) * CHAR_BIT))

static inline bool green__bit_is_set(const unsigned long *words, int number)
{
    return words[number / GREEN__WORD_BITS] >> (number % GREEN__WORD_BITS) & 1;
}

static inline void green__bit_set(unsigned long *words, int number, bool on)
{
    unsigned long bit = 1UL << (number % GREEN__WORD_BITS);

    if (on)
        words[number / GREEN__WORD_BITS] |= bit;
    else
        words[number / GREEN__WORD_BITS] &= ~bit;
}

#endif
