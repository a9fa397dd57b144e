/* How threads are made: from the environment, before main. */
#ifndef GREEN_PATCH_SETTINGS_H
#define GREEN_PATCH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* A larger stack than this is not asked for in earnest. */
#define GREEN__LARGEST_STACK ((size_t)8 << 20)

struct green__settings {
    size_t stack_size; /* of a thread that does not ask for more; bytes */
    bool own_tls;      /* a thread control block for each */
};

extern struct green__settings green__settings;

/* Reads GREENHUB_PATCH_STACK and GREENHUB_PATCH_TLS. */
void green__settings_read(void);

#endif
