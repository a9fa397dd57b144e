/* What the files of own TLS share. */
#ifndef GREEN_PATCH_TLS_PARTS_H
#define GREEN_PATCH_TLS_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "patch/tls.h"

#define GREEN__TLS_MALLOC_WORDS 8

/* A field of one of the C library's structs, as it describes it to debuggers. */
struct green__tls_field {
    uint32_t bits, count, offset;
};

/* A key of the process, and its value in a TCB: _thread_db_pthread_key_* say
 * whether it is so. */
struct green__tls_key {
    uintptr_t sequence;
    void (*destructor)(void *);
};
struct green__tls_value {
    uintptr_t sequence;
    void *value;
};

/*
 * What green__tls_prepare has found. Offsets are from the thread pointer, and
 * the same in each TCB.
 */
struct green__tls_layout {
    bool known;
    void *(*allocate)(void *block);
    void *(*initialise)(void *block, bool with_values);
    void (*deallocate)(void *block, bool with_block);
    void (*begin_ctype)(void);
    void (*run_destructors)(void);
    ptrdiff_t thread; /* struct pthread, which pthread_self() returns */
    size_t thread_size;
    ptrdiff_t tid, list, robust, rseq; /* rseq is 0 if there is none */
    ptrdiff_t error;                   /* errno */
    ptrdiff_t resolver;                /* __resp */
    /* pointers to blocks of values of keys, the first of them in the TCB */
    ptrdiff_t key_blocks, first_keys;
    unsigned key_block_count, keys_in_block;
    const struct green__tls_key *keys;
    ptrdiff_t malloc_words[GREEN__TLS_MALLOC_WORDS];
    unsigned malloc_word_count;
};

extern struct green__tls_layout green__tls_layout;

static inline void *green__tls_at(void *thread_pointer, ptrdiff_t offset)
{
    /* Not called where green__thread_pointer() returns NULL. */
    /* cppcheck-suppress nullPointerArithmetic */
    return (char *)thread_pointer + offset;
}

/* ---- Variants: tls_x86_64.c, tls_aarch64.c ------------------------------- */

/* Fills in what the ABI defines around the thread pointer, as in `from`. */
void green__tls_head_fill(void *thread_pointer, const void *from);

/* Where a TCB has the address of its vector of thread-local blocks. */
void ***green__tls_vector(void *thread_pointer);

/* ---- Parts --------------------------------------------------------------- */

/* tls_malloc.c: finds malloc's words, in an OS thread of its own. 0, or -1. */
int green__tls_find_malloc(struct green__tls_layout *layout);

/* tls_try.c: runs a moment on a new TCB. NULL, or what is wrong. */
const char *green__tls_try(void);

/* tls.c: a TCB that has been made, or cleared, is made ready. */
void green__tls_fill(void *thread_pointer, void *os_thread_pointer);

/* tls_end.c: calls the destructors of values; frees their blocks. */
void green__tls_keys_end(void *thread_pointer);
void green__tls_keys_free(void *thread_pointer);

#endif
