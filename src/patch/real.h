/* libc's own functions, behind those that the patch library defines. */
#ifndef GREEN_PATCH_REAL_H
#define GREEN_PATCH_REAL_H

#include <stdbool.h>

#include "base/attributes.h"
#include "patch/declarations.h"

/* siginterrupt is deprecated, and used. */
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
struct green__real {
/* NOLINTNEXTLINE: a member has the symbol's name */
#define NAME(symbol, group, wave) __typeof__(symbol) *symbol;
#include "patch/names.h"
#undef NAME
};
#pragma GCC diagnostic pop

extern struct green__real green__real_table;
extern bool green__real_ready;

/* Finds them: in the first call of any hook, which may come before any
 * constructor. */
void green__real_find(void);

/* A function that only a library which is loaded later may bring, such as
 * libstdc++'s: looked up again if it was not there. NULL if it still is not. */
void *green__real_late(void **place, const char *name);

static inline const struct green__real *green__real(void)
{
    if (green__unlikely(!green__real_ready))
        green__real_find();
    return &green__real_table;
}

#endif
