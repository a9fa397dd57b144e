/* How threads are made: from the environment, before main. */
#ifndef GREEN_PATCH_SETTINGS_H
#define GREEN_PATCH_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

/* As many OS threads carry a program's threads at most. */
#define GREEN__MOST_OS_THREADS 64

/* A larger stack than this is not asked for in earnest. */
#define GREEN__LARGEST_STACK ((size_t)8 << 20)

struct green__settings {
    size_t stack_size;     /* of a thread that does not ask for more; bytes */
    bool own_tls;          /* a thread control block for each */
    unsigned thread_count; /* OS threads that new threads are dealt to */
};

extern struct green__settings green__settings;

/* Reads GREENHUB_PATCH_STACK, GREENHUB_PATCH_TLS and GREENHUB_PATCH_THREADS. */
void green__settings_read(void);

#endif
