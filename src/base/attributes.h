/* Compiler attributes and hints used throughout the sources. */
#ifndef GREEN_ATTRIBUTES_H
#define GREEN_ATTRIBUTES_H

#include <stddef.h>

#define green__likely(x) __builtin_expect(!!(x), 1)
#define green__unlikely(x) __builtin_expect(!!(x), 0)

#define GREEN__ALWAYS_INLINE __attribute__((always_inline))
#define GREEN__NOINLINE __attribute__((noinline))
#define GREEN__NO_SANITIZE                                                     \
    __attribute__((no_sanitize("address"), no_sanitize("thread")))
#define GREEN__COLD __attribute__((cold, noinline))

#define container_of(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
