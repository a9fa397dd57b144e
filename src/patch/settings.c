#include "patch/settings.h"

#include <stdlib.h>
#include <string.h>

struct green__settings green__settings = {.stack_size = 256 << 10,
                                          .thread_count = 1};

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

/*
 * With own TLS alone. libc finds an OS thread by the id in its control block,
 * where a greenthread without a block of its own has another id: setuid would
 * miss the other OS threads.
 */
static unsigned count_of(const char *text)
{
    char *end;
    unsigned long count = strtoul(text, &end, 10);

    if (*end || count < 1 || !green__settings.own_tls)
        return 1;
    return count < GREEN__MOST_OS_THREADS ? (unsigned)count
                                          : GREEN__MOST_OS_THREADS;
}

void green__settings_read(void)
{
    const char *stack = getenv("GREENHUB_PATCH_STACK");
    const char *tls = getenv("GREENHUB_PATCH_TLS");
    const char *threads = getenv("GREENHUB_PATCH_THREADS");
    size_t size = stack ? size_of(stack) : 0;

    if (size)
        green__settings.stack_size = size;
    green__settings.own_tls = tls && strcmp(tls, "own") == 0;
    green__settings.thread_count = threads ? count_of(threads) : 1;
}
