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
/* Exported for greenhub's other libraries, which are released with this one:
 * under the version node GREENHUB_PRIVATE, with no promise to anybody else. */
#define GREEN__PRIVATE __attribute__((visibility("default")))
#define GREEN__COLD __attribute__((cold, noinline))

#define container_of(pointer, type, member)                                    \
    ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

#endif
