/*
 * Memory for stacks by POSIX and MAP_ANONYMOUS, which all systems have that have
 * mmap: see memory.h. POSIX's advice that memory is not needed any more promises
 * nothing, and glibc ignores it; a new mapping over the old one returns its pages.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE
#endif
#include "context/memory.h"

#include <sys/mman.h>

#include "base/system.h"

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

void *green__memory_map(size_t size)
{
    void *memory = green__system.map(NULL, size, PROT_READ | PROT_WRITE,
                                     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

/* Between two guards, so that the system has no mapping to split. */
void green__memory_return(void *memory, size_t size)
{
    (void)green__system.map(memory, size, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
}
