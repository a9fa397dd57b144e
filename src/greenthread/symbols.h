/* Code addresses as text. Thousands of greenthreads have the same few, and a
 * look-up takes long: each is looked up once. */
#ifndef GREEN_SYMBOLS_H
#define GREEN_SYMBOLS_H

#include <stddef.h>

#include "greenthread/debug_info.h"

#define GREEN__SYMBOL_SLOTS 1024

struct green__symbol {
    const void *address; /* NULL: unused */
    char text[168];
};

/* All zero: empty. */
struct green__symbols {
    struct green__debug_info *info;
    struct green__symbol slots[GREEN__SYMBOL_SLOTS];
};

/* The text of a return address; valid until the next call. */
const char *green__symbol_of(struct green__symbols *symbols, void *address);

/* Frees what look-ups have taken besides; the texts stay. */
void green__symbols_end(struct green__symbols *symbols);

#endif
