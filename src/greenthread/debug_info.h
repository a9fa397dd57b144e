/*
 * Names of static functions, and lines of the source, from what the compiler left
 * in the program's files: by libdw, which is loaded when it is first needed. A
 * build without it, and a system without it, has neither.
 */
#ifndef GREEN_DEBUG_INFO_H
#define GREEN_DEBUG_INFO_H

#include <stdbool.h>
#include <stddef.h>

/* What is known of the process's files. */
struct green__debug_info;

/* A place in the program. */
struct green__code_place {
    const char *function; /* NULL: unknown */
    size_t offset;        /* in it */
    const char *source;   /* the file's name without folders; NULL: unknown */
    int line;
};

/*
 * Looks an address up. *info is NULL before the first look-up; what is in *place is
 * valid until green__debug_info_end. Returns whether anything is known; not while
 * another OS thread looks up, too.
 */
bool green__debug_info_find(struct green__debug_info **info,
                            const void *address,
                            struct green__code_place *place);
void green__debug_info_end(struct green__debug_info *info);

#endif
