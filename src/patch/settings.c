#include "patch/settings.h"

#include <stdlib.h>
#include <string.h>

struct green__settings green__settings = {.stack_size = 256 << 10};

/* "65536", "64k" or "1m"; 0 if it is no size. */
static size_t size_of(const char *text)
{
    char *end;
    unsigned long size = strtoul(text, &end, 10);

    if (*end == 'k' || *end == 'K')
        size <<= 10;
    else if (*end == 'm' || *end == 'M')
        size <<= 20;
    else if (*end)
        return 0;
    return size <= GREEN__LARGEST_STACK ? size : GREEN__LARGEST_STACK;
}

void green__settings_read(void)
{
    const char *stack = getenv("GREENHUB_PATCH_STACK");
    const char *tls = getenv("GREENHUB_PATCH_TLS");
    size_t size = stack ? size_of(stack) : 0;

    if (size)
        green__settings.stack_size = size;
    green__settings.own_tls = tls && strcmp(tls, "own") == 0;
}
